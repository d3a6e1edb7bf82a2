"""Signing in, for tests: a real identity provider with made-up people, and browsers of two kinds.

`OidcProvider` is oidc-provider-mock in a process of its own; `settings_for` tells an archive of it.
`Visit` is a browser as small as a test needs one, which keeps cookies and follows nothing by itself.
A real one signs in over http on loopback too: Chromium takes `__Host-` cookies from http://localhost
and http://127.0.0.1.
"""

import json
import re
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any, Self
from urllib.error import URLError
from urllib.request import urlopen

import aiohttp
from playwright.async_api import Page
from yarl import URL

from support.child_process import Child
from support.houses import plain_environment
from support.ports import free_port

START_SECONDS = 60
"""Measured 2 to 5 on two cores: mostly Python reading its libraries."""

CLIENT_ID = "kansli-i-prov"
CLIENT_SECRET = "hemligt / i: prov?"
"""With what has to be escaped."""

PEOPLE: Mapping[str, Mapping[str, Any]] = {
    "nora": {"name": "Nora Sekreterarsson", "roles": ["valfard-sekreterare", "annat-system"]},
    "olof": {"name": "Olof Ordförandesson", "roles": ["valfard-ordforande"]},
    "sixten": {"name": "Sixten Socialsson", "roles": ["social-sekreterare"]},
    "doris": {"name": "Doris Driftsson", "roles": ["it-drift"]},
    "ingen": {"name": "Ingen Rollsson", "roles": ["annat-system"]},
    "mange": {"name": "Månge Gruppsson", "hasgroups": True},
}
"""By their subject: a secretary, a chair, another committee's secretary, an operator, and two without."""

ROLES = (
    "valfard-sekreterare=valfard:secretary; valfard-ordforande=valfard:chair; "
    "social-sekreterare=social:secretary; it-drift=*:operator"
)


@dataclass
class OidcProvider:
    """`with OidcProvider() as provider:` runs it on a loopback port."""

    people: Mapping[str, Mapping[str, Any]] = field(default_factory=lambda: PEOPLE)
    port: int = field(default_factory=free_port)

    @property
    def issuer(self) -> str:
        return f"http://localhost:{self.port}"

    def __enter__(self) -> Self:
        claims = [json.dumps({"sub": subject, **told}) for subject, told in self.people.items()]
        arguments = [word for one in claims for word in ("--user-claims", one)]
        command = [sys.executable, "-m", "oidc_provider_mock", "--port", str(self.port), *arguments]
        self._folder = TemporaryDirectory(prefix="kansli-oidc-")
        log = Path(self._folder.name) / "provider.log"
        self._child = Child(command, environment=plain_environment(), log=log)
        self._child.wait_until(self._answers, seconds=START_SECONDS)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._child.end(signal.SIGTERM)
        self._folder.cleanup()

    def _answers(self) -> bool:
        try:
            with urlopen(f"{self.issuer}/.well-known/openid-configuration", timeout=5):
                return True
        except (URLError, OSError):
            return False


def settings_for(issuer: str, listen: str) -> dict[str, Any]:
    """What an archive that listens there over http is told of the provider, without `ARCHIVE_`."""
    return {
        "listen": listen,
        "oidc_issuer": issuer,
        "oidc_client_id": CLIENT_ID,
        "oidc_client_secret": CLIENT_SECRET,
        "oidc_redirect_url": f"http://{listen}/sign-in/callback",
        "oidc_roles": ROLES,
    }


async def sign_in_page(page: Page, address: str, person: str) -> None:
    """Open an address of the archive in a real browser and sign in as the person on the way there.

    The provider's page wants a style sheet from outside, for which nobody waits.
    """
    await page.route("https://**", lambda route: route.abort())
    await page.goto(address)
    await page.get_by_role("button", name=person, exact=True).click()
    await page.wait_for_url(address)


@dataclass
class Answer:
    """What came back; `location` is where it leads, if anywhere."""

    url: URL
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def content(self) -> Any:
        return json.loads(self.body)

    @property
    def location(self) -> URL:
        return self.url.join(URL(self.headers["Location"]))

    @property
    def csrf(self) -> str:
        """What the first form of the page sends back."""
        found = re.search(r'name="csrf" value="([^"]+)"', self.text)
        assert found, self.text
        return found[1]


@dataclass
class Visit:
    """A browser of one site: it keeps the site's cookies, and sends what browsers send."""

    address: str
    http: aiohttp.ClientSession
    cookies: dict[str, str] = field(default_factory=dict)

    async def get(self, path: str | URL, **headers: str) -> Answer:
        return await self.request("GET", path, headers=headers)

    async def post_form(self, path: str, form: Mapping[str, str], **headers: str) -> Answer:
        """As a page of the site itself does, unless the headers say otherwise."""
        return await self.request("POST", path, {"Origin": self.address, **headers}, data=form)

    async def post_json(self, path: str, content: Any, **headers: str) -> Answer:
        return await self.request("POST", path, {"Origin": self.address, **headers}, json=content)

    async def request(self, method: str, path: str | URL, headers: Mapping[str, str], **body: Any) -> Answer:
        """Follows no redirect; headers that are empty are left out."""
        url = URL(self.address).join(URL(path) if isinstance(path, str) else path)
        told = {name.replace("_", "-"): value for name, value in headers.items() if value}
        if self.cookies:
            told["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        async with self.http.request(method, url, headers=told, allow_redirects=False, **body) as answer:
            for line in answer.headers.getall("Set-Cookie", []):
                self._keep(line)
            return Answer(url, answer.status, answer.headers, await answer.read())

    async def sign_in(self, person: str, page: str = "/") -> Answer:
        """By the way over the provider, where the person pushes her own button; the answer that ends it."""
        begun = await self.get("/sign-in" + (f"?next={page}" if page != "/" else ""))
        assert begun.status == 303, begun.text
        return await self.get(await pushed(self.http, begun.location, person))

    def _keep(self, line: str) -> None:
        for name, cookie in SimpleCookie(line).items():
            if cookie["max-age"] == "0" or not cookie.value:
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = cookie.value


async def pushed(http: aiohttp.ClientSession, address: URL, person: str) -> URL:
    """Where the provider leads the person who was sent there and pushed her button."""
    async with http.post(address, data={"sub": person}, allow_redirects=False) as answer:
        assert answer.status == 302, await answer.text()
        return URL(answer.headers["Location"])
