"""What a new PostgreSQL is told: a role and a database for each service, and who may come in where.

Passwords are told as what PostgreSQL itself keeps of them (SCRAM-SHA-256, RFC 5803), so that neither the file
nor the server's log of statements shows one.
"""

import base64
import hashlib
import hmac
import secrets
import stringprep
import unicodedata
from collections.abc import Iterator, Mapping

ITERATIONS = 4096
"""As PostgreSQL has it by default (`scram_iterations`); the passwords are random, and need no more."""

SALT_BYTES = 16

_HEAD = """\
-- For an administrator of PostgreSQL, once, by psql. PUBLIC, which is every role, may connect to each
-- database until that is taken away: on a server that others use too, see first who needs postgres.
"""


def written(passwords: Mapping[str, str]) -> str:
    """The statements, one a line, of services and their passwords."""
    return "".join([_HEAD, *(f"{line}\n" for line in _statements(passwords))])


def _statements(passwords: Mapping[str, str]) -> Iterator[str]:
    for database in ("postgres", "template1"):
        yield f"REVOKE CONNECT ON DATABASE {database} FROM PUBLIC;"
    for service, password in passwords.items():
        yield f"CREATE ROLE {service} LOGIN PASSWORD '{verifier(password)}';"
        yield f"CREATE DATABASE {service} OWNER {service};"
        yield f"REVOKE CONNECT ON DATABASE {service} FROM PUBLIC;"


def verifier(password: str, salt: bytes | None = None) -> str:
    """As PostgreSQL keeps it: `SCRAM-SHA-256$iterations:salt$stored key:server key`."""
    salt = secrets.token_bytes(SALT_BYTES) if salt is None else salt
    salted = hashlib.pbkdf2_hmac("sha256", _prepared(password), salt, ITERATIONS)
    client_key, server_key = (hmac.digest(salted, word, "sha256") for word in (b"Client Key", b"Server Key"))
    parts = (salt, hashlib.sha256(client_key).digest(), server_key)
    kept_salt, stored, server = (base64.b64encode(part).decode() for part in parts)
    return f"SCRAM-SHA-256${ITERATIONS}:{kept_salt}${stored}:{server}"


def _prepared(password: str) -> bytes:
    """As client and server prepare it before they compare (SASLprep, RFC 4013 § 2)."""
    kept = (sign for sign in password if not stringprep.in_table_b1(sign))
    spaced = (" " if stringprep.in_table_c12(sign) else sign for sign in kept)
    return unicodedata.normalize("NFKC", "".join(spaced)).encode()
