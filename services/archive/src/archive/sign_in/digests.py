"""What is kept of a secret that only its holder needs to know."""

import hashlib


def digest(secret: str) -> str:
    """SHA-256 in hex; of 256 random bits, so that nobody finds the secret by trying."""
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()
