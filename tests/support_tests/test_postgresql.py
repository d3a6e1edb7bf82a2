import asyncpg
import pytest

from support.postgresql import Postgres, execute


async def ask(url: str, question: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(question)
    finally:
        await connection.close()


async def test_a_database_is_empty_and_a_test_s_own(postgres_url: str, postgres: Postgres) -> None:
    """What one test writes no other test sees."""
    await execute(postgres_url, "CREATE TABLE reports (id int)")
    with postgres.fresh_database() as other:
        assert await ask(other, "SELECT to_regclass('reports')") is None


async def test_a_database_goes_although_somebody_is_connected(postgres: Postgres) -> None:
    """A connection that a test forgot does not keep its database."""
    with postgres.fresh_database() as url:
        forgotten = await asyncpg.connect(url)
    with pytest.raises(asyncpg.InvalidCatalogNameError):
        await asyncpg.connect(url)
    forgotten.terminate()


async def test_commits_are_as_durable_as_in_production(postgres_url: str) -> None:
    """Tests of what survives are not run on settings that make survival cheap."""
    assert await ask(postgres_url, "SHOW fsync") == "on"
    assert await ask(postgres_url, "SHOW synchronous_commit") == "on"


async def test_what_was_committed_survives_a_crash(postgres_url: str, postgres: Postgres) -> None:
    """A test can crash the server and go on with the same address."""
    await execute(postgres_url, "CREATE TABLE reports AS SELECT 7 AS id")
    postgres.kill()
    with pytest.raises(OSError, match="Connect"):
        await asyncpg.connect(postgres_url)
    postgres.start()
    assert await ask(postgres_url, "SELECT id FROM reports") == 7


def test_a_database_goes_although_the_server_was_stopped(postgres: Postgres) -> None:
    """A test that leaves the server stopped leaves no database behind."""
    with postgres.fresh_database():
        postgres.stop()
    assert postgres.running
