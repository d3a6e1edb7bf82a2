"""An identity provider by hand, which does what a test tells it: honest until told otherwise."""

import asyncio
import base64
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from aiohttp import web
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey
from yarl import URL

from support.sign_in import CLIENT_ID
from support.still_clock import StillClock

Claims = dict[str, Any]


def new_key(kid: str = "1") -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": kid, "use": "sig", "alg": "RS256"})


KEY = new_key()
"""Making one takes longer than most tests."""


def unsigned(header: Mapping[str, Any], claims: Any) -> str:
    """The two halves of a token that need no key, with a dot behind."""
    halves = (base64.urlsafe_b64encode(json.dumps(half).encode()) for half in (header, claims))
    return "".join(half.rstrip(b"=").decode() + "." for half in halves)


def signed(claims: Claims, key: RSAKey = KEY, **header: Any) -> str:
    return jwt.encode({"alg": "RS256", "kid": key.kid, **header}, claims, key)


@dataclass
class ForgingProvider:
    """`async with ForgingProvider(clock) as provider:` listens on loopback.

    `make` makes the token of the claims; `tell` changes what discovery says; `answer`, if set, is the
    token endpoint's answer whatever it is asked.
    """

    clock: StillClock
    make: Callable[[Claims], str] = signed
    published: list[Any] = field(default_factory=lambda: [KEY])
    tell: Claims = field(default_factory=dict)
    person: Claims = field(default_factory=lambda: {"sub": "nora", "roles": ["valfard-sekreterare"]})
    answer: Callable[[], web.Response] | None = None
    minds_pkce: bool = True
    issuer: str = ""
    keys_asked: int = 0
    token_requests: list[tuple[Mapping[str, str], Mapping[str, str]]] = field(default_factory=list)
    _codes: dict[str, Mapping[str, str]] = field(default_factory=dict)

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.add_routes(
            [
                web.get("/.well-known/openid-configuration", self._discovery),
                web.get("/keys", self._keys),
                web.post("/token", self._token),
            ]
        )
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        host, port = self._runner.addresses[0][:2]
        self.issuer = f"http://{host}:{port}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.leave()

    async def leave(self) -> None:
        """Be away from now on."""
        await self._runner.cleanup()

    def code_for(self, asked: URL) -> str:
        """The code for what the browser was sent with, as if a person had signed in."""
        code = f"code{len(self._codes)}"
        self._codes[code] = dict(asked.query)
        return code

    async def _discovery(self, _request: web.Request) -> web.Response:
        metadata = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "end_session_endpoint": f"{self.issuer}/end",
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        }
        return web.json_response(
            {name: value for name, value in (metadata | self.tell).items() if value is not None}
        )

    async def _keys(self, _request: web.Request) -> web.Response:
        self.keys_asked += 1
        await asyncio.sleep(0)
        return web.json_response(KeySet(self.published).as_dict(private=False))

    async def _token(self, request: web.Request) -> web.Response:
        form = {name: str(value) for name, value in (await request.post()).items()}
        self.token_requests.append((dict(request.headers), form))
        if self.answer is not None:
            return self.answer()
        asked = self._codes.pop(form["code"], None)
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if asked is None or (self.minds_pkce and asked["code_challenge"] != challenge):
            return web.json_response({"error": "invalid_grant"}, status=400)
        return web.json_response({"id_token": self.make(self._claims(asked["nonce"]))})

    def _claims(self, nonce: str) -> Claims:
        now = int(self.clock().timestamp())
        told = {"iss": self.issuer, "aud": CLIENT_ID, "exp": now + 300, "iat": now, "nonce": nonce}
        return told | {"name": "Nora Sekreterarsson"} | self.person
