"""Seals of cryptography's making."""

import base64
from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from chassis.sealing import SealedOtherwise

_KEY_BYTES = 32


class FernetSeal:
    """Seals with the first key and opens with each: Fernet, which is AES-128-CBC with HMAC-SHA256."""

    def __init__(self, keys: Sequence[str], service: str) -> None:
        self._fernet = MultiFernet([Fernet(_derived(key, service)) for key in keys])

    def close(self, content: bytes, at: float) -> bytes:
        return self._fernet.encrypt_at_time(content, int(at))

    def open(self, sealed: bytes) -> bytes:
        try:
            return self._fernet.decrypt(sealed)
        except InvalidToken:
            raise SealedOtherwise from None


def _derived(key: str, service: str) -> bytes:
    """A Fernet key from whatever text an operator chose (HKDF, RFC 5869)."""
    derive = HKDF(algorithm=SHA256(), length=_KEY_BYTES, salt=None, info=f"kansli {service} sealing".encode())
    return base64.urlsafe_b64encode(derive.derive(key.encode()))
