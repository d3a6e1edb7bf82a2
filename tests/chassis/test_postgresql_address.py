"""How the address of a PostgreSQL says that the connection is to be safe."""

import pytest
from sqlalchemy.engine import make_url

from chassis.store.engines import postgresql_engine


@pytest.mark.parametrize("said", ["ssl", "sslmode"])
def test_both_names_of_the_same_thing_are_understood(said: str) -> None:
    """asyncpg knows only its own, and would end with a TypeError at the one that everybody writes."""
    engine = postgresql_engine(make_url(f"postgresql://intake@database/intake?{said}=verify-full"))
    _, told = engine.dialect.create_connect_args(engine.url)
    assert told == {"host": "database", "database": "intake", "user": "intake", "ssl": "verify-full"}


def test_an_address_that_says_nothing_of_it_asks_for_nothing() -> None:
    """asyncpg then takes TLS where the server offers it."""
    engine = postgresql_engine(make_url("postgresql://intake@database/intake"))
    assert not engine.url.query
