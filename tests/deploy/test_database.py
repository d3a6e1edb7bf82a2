"""What a new PostgreSQL is told: a service comes to its own database and to no other."""

import base64
import hmac
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

import asyncpg
import pytest

from kansli.database_roles import verifier, written
from support.aside import run_aside
from support.checkers import SERVICES
from support.missing import skipping_if_missing
from support.postgresql import Postgres, execute

pytestmark = pytest.mark.postgresql

PASSWORDS = dict.fromkeys(SERVICES, "hemlig") | {"intake": "på'skrift\u00a0\u2168", "archive": "\\$a:b"}
"""Also such as a person thinks of: a quote, signs that are prepared before they are compared."""

ASKED_FOR = "host all kansli 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n"


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    """One of its own, which asks for passwords."""
    with (
        skipping_if_missing(),
        TemporaryDirectory(prefix="kansli-roles-") as folder,
        Postgres(Path(folder)) as server,
    ):
        (Path(folder) / "data" / "pg_hba.conf").write_text(ASKED_FOR, "utf-8")
        run_aside(told(server.url, ["SELECT pg_reload_conf()", *written(PASSWORDS).splitlines()]))
        yield server


async def told(url: str, lines: list[str]) -> None:
    """Each by itself, as psql does: a database is made outside of transactions."""
    for line in lines:
        if not line.startswith("--"):
            await execute(url, line)


async def comes_in(server: Postgres, user: str, password: str, database: str) -> bool:
    port = urlsplit(server.url).port
    try:
        connection = await asyncpg.connect(
            host="127.0.0.1", port=port, user=user, password=password, database=database
        )
    except (asyncpg.InvalidPasswordError, asyncpg.InsufficientPrivilegeError):
        return False
    await connection.execute("CREATE TABLE IF NOT EXISTS its_own (number int)")
    await connection.close()
    return True


@pytest.mark.parametrize("service", SERVICES)
async def test_a_service_comes_to_its_own_database_and_to_no_other(server: Postgres, service: str) -> None:
    """Nor to the server's own, and not with another's password."""
    others = [*(name for name in SERVICES if name != service), "postgres", "template1"]
    assert await comes_in(server, service, PASSWORDS[service], service)
    assert not await comes_in(server, service, PASSWORDS[service] + "x", service)
    assert [await comes_in(server, service, PASSWORDS[service], other) for other in others] == [False] * 5


def test_what_is_kept_of_a_password_is_what_the_standard_says() -> None:
    """The example of RFC 7677 § 3, whose server signs what was said with the last of the keys."""
    salt, nonce = "W22ZaJ0SNY7soEsUEjb6gQ==", "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
    said = f"n=user,r={nonce[:20]},r={nonce},s={salt},i=4096,c=biws,r={nonce}"
    kind, salted, keys = verifier("pencil", base64.b64decode(salt)).split("$")
    signature = hmac.digest(base64.b64decode(keys.partition(":")[2]), said.encode(), "sha256")
    assert (kind, salted) == ("SCRAM-SHA-256", f"4096:{salt}")
    assert base64.b64encode(signature) == b"6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="
