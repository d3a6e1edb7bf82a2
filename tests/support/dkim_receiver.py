"""A receiver of signed letters: looks the key up where the signature says, and judges by it.

dkimpy judges; for Ed25519 it wants PyNaCl, in whose place `cryptography` answers here.
"""

from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import dkim
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from notification.signing import PrivateKey

Dns = Mapping[str, bytes]
"""TXT records by name, without the last dot."""


def record(key: PrivateKey) -> bytes:
    """What the municipality would put in its DNS (RFC 6376 § 3.6.1, RFC 8463 § 4)."""
    public = key.public_key()
    if isinstance(key, RSAPrivateKey):
        content = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return b"v=DKIM1; k=rsa; p=" + b64encode(content)
    return b"v=DKIM1; k=ed25519; p=" + b64encode(public.public_bytes(Encoding.Raw, PublicFormat.Raw))


def verifies(content: bytes, dns: Dns) -> bool:
    """Whether the topmost signature holds."""

    def look_up(name: bytes, timeout: float) -> bytes | None:
        del timeout
        return dns.get(name.decode().removesuffix("."))

    with _in_place_of_pynacl():
        return bool(dkim.verify(content, dnsfunc=look_up))


class _VerifyKey:
    def __init__(self, key: bytes, encoder: None) -> None:
        del encoder
        self._key = Ed25519PublicKey.from_public_bytes(b64decode(key))

    def verify(self, told: bytes, signature: bytes) -> None:
        self._key.verify(signature, told)


@contextmanager
def _in_place_of_pynacl() -> Iterator[None]:
    names: dict[str, Any] = vars(dkim)
    before = names.get("nacl")
    names["nacl"] = SimpleNamespace(
        signing=SimpleNamespace(VerifyKey=_VerifyKey),
        encoding=SimpleNamespace(Base64Encoder=None),
        exceptions=SimpleNamespace(BadSignatureError=InvalidSignature, ValueError=ValueError),
    )
    try:
        yield
    finally:
        names["nacl"] = before
