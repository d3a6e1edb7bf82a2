"""A platform that is handed back to: Open ePlatform's SOAP callback and a signed callback, by hand.

It keeps what it is sent and answers as its script says: each answer once, then as usual.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self
from xml.etree.ElementTree import Element

from aiohttp import web
from defusedxml.ElementTree import fromstring

SOAP = "{http://schemas.xmlsoap.org/soap/envelope/}"
CALLBACK = "{http://www.oeplatform.org/version/1.0/schemas/integration/callback}"
ENVELOPE = (
    '<?xml version="1.0" encoding="{encoding}"?><S:Envelope xmlns:S="http://schemas.xmlsoap.org/soap/envelope/">'
    "<S:Body>{body}</S:Body></S:Envelope>"
)
RESPONSE = (
    '<{name} xmlns="http://www.oeplatform.org/version/1.0/schemas/integration/callback">{inner}</{name}>'
)
RESULTS = {
    "confirmDelivery": "",
    "setStatus": "<eventID>7</eventID>",
    "addMessage": "<messageID>8</messageID>",
}
SIGN_IN_PAGE = "<html><META CHARSET=ISO-8859-1><body>Logga in&nbsp;h&auml;r</body></html>"


@dataclass(frozen=True)
class Scripted:
    """An answer other than the usual; `hang` gives none at all, `drop` hangs up after having read."""

    status: int = 200
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    hang: bool = False
    drop: bool = False


def fault(name: str, text: str = "Det gick inte, åäö") -> Scripted:
    detail = RESPONSE.format(name=f"{name}Fault", inner="")
    inner = f"<faultcode>S:Server</faultcode><faultstring>{text}</faultstring><detail>{detail}</detail>"
    return Scripted(500, ENVELOPE.format(encoding="ISO-8859-1", body=f"<S:Fault>{inner}</S:Fault>"))


@dataclass(frozen=True)
class Call:
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def operation(self) -> Element:
        body = fromstring(self.body).find(f"{SOAP}Body")
        assert body is not None
        return body[0]

    @property
    def name(self) -> str:
        return self.operation.tag.removeprefix(CALLBACK)


@dataclass
class FakePlatform:
    """`async with FakePlatform() as platform:` listens on loopback."""

    calls: list[Call] = field(default_factory=list)
    script: list[Scripted] = field(default_factory=list)
    url: str = ""
    _runner: web.AppRunner | None = None
    _resume: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def names(self) -> Sequence[str]:
        return [call.name for call in self.calls]

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.add_routes([web.post("/api/callback", self._soap), web.post("/hook", self._hook)])
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._resume.set()
        if self._runner is not None:
            await self._runner.cleanup()

    async def _soap(self, request: web.Request) -> web.StreamResponse:
        call = await self._keep(request)
        name = call.name
        inner = RESPONSE.format(name=f"{name}Response", inner=RESULTS[name])
        usual = Scripted(200, ENVELOPE.format(encoding="ISO-8859-1", body=inner))
        return await self._answer(request, usual, "text/xml;charset=ISO-8859-1")

    async def _hook(self, request: web.Request) -> web.StreamResponse:
        await self._keep(request)
        return await self._answer(request, Scripted(204), "text/plain;charset=ISO-8859-1")

    async def _keep(self, request: web.Request) -> Call:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.calls.append(Call(request.path, headers, await request.read()))
        return self.calls[-1]

    async def _answer(self, request: web.Request, usual: Scripted, media_type: str) -> web.StreamResponse:
        answer = self.script.pop(0) if self.script else usual
        if answer.hang:
            await self._resume.wait()
        if answer.drop and request.transport is not None:
            request.transport.abort()
        headers = {"Content-Type": media_type, **answer.headers}
        return web.Response(status=answer.status, body=answer.body.encode("iso-8859-1"), headers=headers)
