"""The identity provider: where it sends people, what it answers for a code, and its keys.

NotAnswered
├── Away        it was not reached, or what it said cannot be used; another time it may
└── Declined    it was reached, and gives no token for this code
"""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar
from urllib.parse import quote

import aiohttp
import structlog
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import from_json
from yarl import URL

from archive.sign_in.client import Address, Client
from archive.sign_in.id_token import Expected, IdToken, UnknownKey, believed
from chassis.clock import Clock

log = structlog.get_logger()

TIMEOUT = aiohttp.ClientTimeout(total=10, sock_connect=5)
"""Seconds; somebody waits for the page."""

LARGEST_ANSWER = 1024 * 1024
"""Bytes; keys with their certificates are some ten thousand."""

KNOWN_FOR = timedelta(hours=1)
"""How long what the provider says of itself is not asked again."""


class NotAnswered(Exception):
    """No token came; the message is for operators, and holds nothing of a person."""


class Away(NotAnswered):
    """It was not reached, or what it said cannot be used."""


class Declined(NotAnswered):
    """It gives no token for this code."""


class Metadata(BaseModel):
    """What the provider says of itself (OpenID Connect Discovery 1.0 § 3)."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    issuer: str
    authorization_endpoint: Address
    token_endpoint: Address
    jwks_uri: Address
    end_session_endpoint: Address | None = None
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)


class Tokens(BaseModel):
    model_config = ConfigDict(extra="ignore")

    id_token: str


Told = TypeVar("Told", bound=BaseModel)


@dataclass
class Provider:
    client: Client
    clock: Clock
    _metadata: Metadata | None = field(default=None, init=False)
    _asked_at: datetime | None = field(default=None, init=False)
    _keys: KeySet | None = field(default=None, init=False)
    _session: aiohttp.ClientSession | None = field(default=None, init=False)

    async def metadata(self) -> Metadata:
        """What the provider says of itself; what it said before serves while it is away.

        Raises:
            Away: it has not been reached yet, or says that it is another.
        """
        now = self.clock()
        if self._metadata and self._asked_at and now - self._asked_at < KNOWN_FOR:
            return self._metadata
        try:
            self._metadata, self._asked_at = await self._discovered(), now
        except Away as away:
            log.warning("provider.away", reason=str(away))
            if self._metadata is None:
                raise
        return self._metadata

    async def sign_in_address(self, state: str, nonce: str, verifier: str) -> str:
        """Where a person signs in; raises `Away`."""
        asked = {
            "response_type": "code",
            "client_id": self.client.id,
            "redirect_uri": self.client.redirect_url,
            "scope": self.client.scopes,
            "state": state,
            "nonce": nonce,
            "code_challenge": _challenge(verifier),
            "code_challenge_method": "S256",
        }
        return str(URL((await self.metadata()).authorization_endpoint).update_query(asked))

    async def sign_out_address(self) -> str | None:
        """Where a person signs out of the provider too, if it knows such a thing and has been reached.

        The token of the sign-in is not sent as a hint: it tells who she is, and so is not kept.
        """
        endpoint = self._metadata.end_session_endpoint if self._metadata else None
        after = str(URL(self.client.redirect_url).with_path("/signed-out"))
        asked = {"client_id": self.client.id, "post_logout_redirect_uri": after}
        return str(URL(endpoint).update_query(asked)) if endpoint else None

    @property
    def origins(self) -> frozenset[str]:
        """Where a form that signs out may lead."""
        endpoint = self._metadata.end_session_endpoint if self._metadata else None
        return frozenset(str(URL(address).origin()) for address in (self.client.issuer, endpoint) if address)

    async def person_for(self, code: str, verifier: str, nonce: str) -> IdToken:
        """Who signed in; the provider's keys are asked for again when the token's is not among them.

        Raises:
            NotAnswered: no token came for the code.
            Untrusted: the token is not believed.
        """
        token = await self._token_for(code, verifier)
        expected = Expected(self.client.issuer, self.client.id, nonce, self.clock())
        try:
            return believed(token, self._keys or await self._fetched_keys(), expected)
        except UnknownKey:
            return believed(token, await self._fetched_keys(), expected)

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _discovered(self) -> Metadata:
        address = self.client.issuer.rstrip("/") + "/.well-known/openid-configuration"
        metadata = _read(Metadata, await self._answer("GET", address))
        if metadata.issuer != self.client.issuer:
            raise Away("the provider names another issuer than ARCHIVE_OIDC_ISSUER")
        return metadata

    async def _fetched_keys(self) -> KeySet:
        """The public keys; a secret one, such as a client's, would let others sign."""
        told = _object(await self._answer("GET", (await self.metadata()).jwks_uri))
        listed = told.get("keys")
        public = [key for key in listed if isinstance(key, dict)] if isinstance(listed, list) else []
        try:
            self._keys = KeySet.import_key_set({"keys": [key for key in public if key.get("kty") != "oct"]})
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise Away(f"the provider's keys: {type(error).__name__}") from None
        return self._keys

    async def _token_for(self, code: str, verifier: str) -> str:
        metadata = await self.metadata()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.client.redirect_url,
            "code_verifier": verifier,
        }
        headers, credentials = self._credentials(metadata)
        answer = await self._answer("POST", metadata.token_endpoint, headers, {**form, **credentials})
        return _read(Tokens, answer).id_token

    def _credentials(self, metadata: Metadata) -> tuple[dict[str, str], dict[str, str]]:
        """Who we are, in a header or in the form; RFC 6749 § 2.3.1 has both escaped before base64."""
        if self.client.secret is None:
            return {}, {"client_id": self.client.id}
        secret = self.client.secret.get_secret_value()
        if "client_secret_basic" in metadata.token_endpoint_auth_methods_supported:
            pair = f"{quote(self.client.id, safe='')}:{quote(secret, safe='')}"
            return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}, {}
        return {}, {"client_id": self.client.id, "client_secret": secret}

    async def _answer(
        self,
        method: str,
        address: str,
        headers: Mapping[str, str] | None = None,
        form: Mapping[str, str] | None = None,
    ) -> bytes:
        """The body of a 200; raises `Away`, or `Declined` for what the provider refuses."""
        asked = {"Accept": "application/json", **(headers or {})}
        try:
            async with self._opened().request(
                method, address, headers=asked, data=form, allow_redirects=False
            ) as response:
                content = await _beginning(response)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Away(type(error).__name__) from None
        if form is not None and response.status in {400, 401, 403}:
            raise Declined(_error_in(content))
        if response.status != 200:
            raise Away(f"status {response.status}")
        return content

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=TIMEOUT, cookie_jar=aiohttp.DummyCookieJar())
        return self._session


def _challenge(verifier: str) -> str:
    """RFC 7636 § 4.2, S256."""
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


async def _beginning(response: aiohttp.ClientResponse) -> bytes:
    content = b""
    while len(content) <= LARGEST_ANSWER and (part := await response.content.read(LARGEST_ANSWER)):
        content += part
    if len(content) > LARGEST_ANSWER:
        raise Away("the answer is too long")
    return content


def _read(kind: type[Told], content: bytes) -> Told:
    try:
        return kind.model_validate(_object(content))
    except ValidationError as error:
        fields = ", ".join(".".join(map(str, fault["loc"])) for fault in error.errors())
        raise Away(f"the provider's answer: {fields}") from None


def _object(content: bytes) -> dict[str, Any]:
    try:
        told = from_json(content)
    except ValueError:
        told = None
    if not isinstance(told, dict):
        raise Away("the provider's answer is no JSON object")
    return told


_ERRORS = frozenset(
    (
        "invalid_request",
        "invalid_client",
        "invalid_grant",
        "unauthorized_client",
        "unsupported_grant_type",
        "invalid_scope",
    )
)
"""RFC 6749 § 5.2; any other text might say something of a person."""


def _error_in(content: bytes) -> str:
    try:
        told = _object(content).get("error")
    except Away:
        told = None
    return told if isinstance(told, str) and told in _ERRORS else "refused"
