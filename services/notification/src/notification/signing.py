"""Letters signed for their domain (DKIM, RFC 6376 and RFC 8463), where the relay does not sign them.

dkimpy reads the letter and levels its white space. The signature is made here: dkimpy stamps it with the
moment of signing, so that the same letter would be other bytes each time, and wants PyNaCl for Ed25519.
"""

import hashlib
import re
from base64 import b64decode, b64encode
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from dkim import rfc822_parse, select_headers
from dkim.canonicalization import Relaxed

SIGNED = (
    *("From", "From", "To", "Subject", "Subject", "Date", "Message-ID", "Reply-To", "List-Id"),
    *("Auto-Submitted", "Content-Language", "In-Reply-To", "References", "MIME-Version", "Content-Type"),
)
"""The headers that nobody may change on the way, nor add where there was none (RFC 6376 § 5.4).

From and Subject stand twice, so that a second one ahead of ours breaks the signature (§ 8.15).
"""

LEAST_RSA_BITS = 1024
"""RFC 8301 § 3.2; receivers pass over a signature by a shorter key."""

_SEED_BYTES = 32
_LINE = 72
"""Characters of the signature in a line."""

PrivateKey: TypeAlias = RSAPrivateKey | Ed25519PrivateKey


def private_key(text: str) -> PrivateKey:
    """An RSA or Ed25519 key in PEM, or the seed of an Ed25519 key in base64.

    Raises `ValueError`, whose words hold nothing of the key.
    """
    key = _from_pem(text) if text.startswith("-----BEGIN") else _from_seed(text)
    if isinstance(key, RSAPrivateKey) and key.key_size < LEAST_RSA_BITS:
        raise ValueError(f"is an RSA key of {key.key_size} bits; it takes {LEAST_RSA_BITS}, and better 2048")
    return key


def _from_pem(text: str) -> PrivateKey:
    try:
        key = load_pem_private_key(text.encode(), password=None)
    except (TypeError, ValueError, UnsupportedAlgorithm):
        raise ValueError("is no private key in PEM that can be read without a password") from None
    if not isinstance(key, RSAPrivateKey | Ed25519PrivateKey):
        raise ValueError("is neither an RSA key nor an Ed25519 key")
    return key


def _from_seed(text: str) -> PrivateKey:
    try:
        seed = b64decode(text, validate=True)
    except ValueError:
        seed = b""
    if len(seed) != _SEED_BYTES:
        raise ValueError(f"is neither a private key in PEM nor the {_SEED_BYTES} bytes of a seed in base64")
    return Ed25519PrivateKey.from_private_bytes(seed)


@dataclass(frozen=True, slots=True)
class Signer:
    """Signs for the domain; its public key is in the DNS, at `<selector>._domainkey.<domain>`."""

    selector: str
    domain: str
    key: PrivateKey

    def signed(self, content: bytes, at: datetime) -> bytes:
        """Put the signature ahead of the letter; the same letter and moment give the same bytes.

        `content` has CRLF at its line ends, and nobody on the way has reason to rewrite it.
        """
        head, _, body = content.partition(b"\r\n\r\n")
        headers, _ = rfc822_parse(head)
        unsigned = self._unsigned(body, at)
        signature = self._signature(_leveled(headers, unsigned))
        return b"".join((b"DKIM-Signature:", unsigned, _folded(signature), b"\r\n", content))

    def _unsigned(self, body: bytes, at: datetime) -> bytes:
        """All of the header that is signed itself, up to where the signature will stand."""
        algorithm = "rsa" if isinstance(self.key, RSAPrivateKey) else "ed25519"
        digest = b64encode(hashlib.sha256(Relaxed.canonicalize_body(body)).digest()).decode()
        lines = (
            f" v=1; a={algorithm}-sha256; c=relaxed/relaxed;",
            f" d={self.domain};",
            f" s={self.selector}; t={int(at.timestamp())};",
            f" h={':'.join(SIGNED[:9])}:",
            f"  {':'.join(SIGNED[9:13])}:",
            f"  {':'.join(SIGNED[13:])};",
            f" bh={digest};",
            " b=",
        )
        return "\r\n".join(lines).encode("ascii")

    def _signature(self, leveled: bytes) -> bytes:
        """RFC 8463 § 3: Ed25519 signs the digest, where RSA signs what it is the digest of."""
        if isinstance(self.key, RSAPrivateKey):
            return b64encode(self.key.sign(leveled, PKCS1v15(), SHA256()))
        return b64encode(self.key.sign(hashlib.sha256(leveled).digest()))


def _leveled(headers: list[tuple[bytes, bytes]], unsigned: bytes) -> bytes:
    """The signed headers and the signature's own, as both sides see them (RFC 6376 § 3.7)."""
    signed = select_headers(Relaxed.canonicalize_headers(headers), [name.lower().encode() for name in SIGNED])
    own = Relaxed.canonicalize_headers([(b"DKIM-Signature", unsigned)])
    return b"".join(b"%s:%s" % (name, value) for name, value in [*signed, *own]).removesuffix(b"\r\n")


def _folded(signature: bytes) -> bytes:
    return b"\r\n ".join(re.findall(b".{1,%d}" % _LINE, signature))
