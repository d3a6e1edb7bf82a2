"""What the archive is to the identity provider, as the settings tell it."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import AfterValidator, SecretStr
from yarl import URL

from chassis.loopback import is_loopback


def safe_address(address: str) -> str:
    """The address; raises `ValueError` unless it is https, or of this machine."""
    url = URL(address)
    if not url.host or not (url.scheme == "https" or (url.scheme == "http" and is_loopback(url.host))):
        raise ValueError("must be https://…, or http:// on loopback")
    return address


Address = Annotated[str, AfterValidator(safe_address)]


@dataclass(frozen=True)
class Client:
    """What we are to the provider; `redirect_url` is where it sends people back, as registered there."""

    issuer: str
    id: str
    secret: SecretStr | None
    redirect_url: str
    scopes: str = "openid profile"
