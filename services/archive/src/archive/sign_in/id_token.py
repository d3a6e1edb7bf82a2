"""The ID token: what the provider says of who signed in, believed only when every part of it fits.

What is checked follows OpenID Connect Core 1.0 § 3.1.3.7.
"""

import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any

from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry
from pydantic import BaseModel, ConfigDict, Field, ValidationError

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
"""Signatures that only the provider can make: never `none`, nor one that the client's secret makes too."""

LEEWAY = timedelta(minutes=1)
"""How far the provider's clock may be from ours."""


class Untrusted(Exception):
    """The token is not believed; the message says which part of it does not fit, and holds nothing of it."""


class UnknownKey(Untrusted):
    """Signed with a key that is not known; the provider may have got a new one."""


Moment = Annotated[float, Field(allow_inf_nan=False)]
"""Seconds since 1970, in UTC (RFC 7519 § 2, NumericDate)."""


class IdToken(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="allow")

    iss: str
    sub: Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[\x21-\x7e][\x20-\x7e]*$")]
    aud: str | list[str]
    exp: Moment
    iat: Moment
    nbf: Moment | None = None
    nonce: str | None = None
    azp: str | None = None

    @property
    def audience(self) -> list[str]:
        return [self.aud] if isinstance(self.aud, str) else self.aud

    @property
    def name(self) -> str:
        """What to call her: hardly any provider tells none of these."""
        told = (self.claims.get(claim) for claim in ("name", "preferred_username", "upn", "unique_name"))
        names = (name for name in told if isinstance(name, str) and name.strip() and name.isprintable())
        return next(names, self.sub)[:200]

    @property
    def claims(self) -> dict[str, Any]:
        """All that no standard names."""
        return self.model_extra or {}


@dataclass(frozen=True)
class Expected:
    """What the token must say: who made it, for whom, and in answer to which request."""

    issuer: str
    client_id: str
    nonce: str
    now: datetime


def believed(token: str, keys: KeySet, expected: Expected) -> IdToken:
    """The token, if its signature and all its claims hold.

    Raises:
        Untrusted: it is not for us, not for this sign-in, not any longer valid, or not the provider's.
        UnknownKey: its key is not among these.
    """
    told = _verified(token, keys)
    for fits, fault in _judged(told, expected):
        if not fits:
            raise Untrusted(fault)
    return told


class _Registry(JWSRegistry):
    """Some providers send their certificates in the header."""

    max_header_length = 16 * 1024


def _verified(token: str, keys: KeySet) -> IdToken:
    try:
        read = jwt.decode(token, keys, registry=_Registry(algorithms=ALGORITHMS, strict_check_header=False))
        return IdToken.model_validate(read.claims)
    except InvalidKeyIdError:
        raise UnknownKey("key") from None
    except ValidationError as error:
        raise Untrusted(".".join(map(str, error.errors()[0]["loc"]))) from None
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise Untrusted(type(error).__name__) from None


def _judged(told: IdToken, expected: Expected) -> list[tuple[bool, str]]:
    now, leeway = expected.now.timestamp(), LEEWAY.total_seconds()
    return [
        (told.iss == expected.issuer, "iss"),
        (expected.client_id in told.audience, "aud"),
        (told.azp == expected.client_id or (told.azp is None and len(told.audience) == 1), "azp"),
        (now < told.exp + leeway, "exp"),
        (told.iat <= now + leeway, "iat"),
        (told.nbf is None or told.nbf <= now + leeway, "nbf"),
        (hmac.compare_digest((told.nonce or "").encode(), expected.nonce.encode()), "nonce"),
    ]
