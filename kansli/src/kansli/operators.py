"""Asking the services on their admin addresses, as an operator does."""

import argparse
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp

from archive.settings import ArchiveSettings
from chassis.settings import ServiceSettings
from intake.settings import IntakeSettings
from notification.settings import NotificationSettings
from validation.settings import ValidationSettings

SERVICES: Mapping[str, type[ServiceSettings]] = {
    kind.service: kind for kind in (IntakeSettings, ValidationSettings, ArchiveSettings, NotificationSettings)
}
TIMEOUT = aiohttp.ClientTimeout(total=15)


class NoAnswer(Exception):
    """A service could not be asked, or refused to answer."""


@dataclass(frozen=True)
class Operator:
    """Knows each service's address: as given, else as its settings say, else its usual one."""

    given: Mapping[str, str]

    def address(self, service: str) -> str:
        kind = SERVICES[service]
        listen = os.environ.get(f"{kind.prefix()}LISTEN") or kind.default_listen
        return self.given.get(service, f"http://{listen}").rstrip("/")

    async def ask(self, service: str, path: str) -> Any:
        return await self._call(service, "GET", path, None)

    async def tell(self, service: str, path: str, content: Mapping[str, Any]) -> Any:
        return await self._call(service, "POST", path, content)

    async def _call(self, service: str, method: str, path: str, content: Mapping[str, Any] | None) -> Any:
        """The answer's content.

        Raises:
            NoAnswer: the service is not there, or said no.
        """
        try:
            async with (
                aiohttp.ClientSession(timeout=TIMEOUT, headers=_token(service)) as session,
                session.request(method, self.address(service) + path, json=content) as response,
            ):
                told = await response.json(content_type=None)
                if response.status >= 400 or not isinstance(told, dict):
                    raise NoAnswer(f"{service}: {response.status} {_reason(told)}")
                return told
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            raise NoAnswer(f"{service} at {self.address(service)}: {type(error).__name__}") from None


def _reason(told: Any) -> str:
    """The words of a problem; whatever else answers on that port has none."""
    if not isinstance(told, dict):
        return "and no answer of ours"
    return f"{told.get('title', '')}: {told.get('detail', '')}"


def _token(service: str) -> dict[str, str]:
    token = os.environ.get(f"{SERVICES[service].prefix()}ADMIN_TOKEN")
    return {"Authorization": f"Bearer {token}"} if token else {}


def add_admin(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--admin",
        type=_address,
        action="append",
        default=[],
        metavar="SERVICE=URL",
        help="a service's address, if not its usual one",
    )


def _address(text: str) -> tuple[str, str]:
    """A service and its address, written `intake=http://127.0.0.1:8081`."""
    service, _, url = text.partition("=")
    if service not in SERVICES or not url.startswith(("http://", "https://")):
        raise argparse.ArgumentTypeError("write SERVICE=URL, for example intake=http://127.0.0.1:8081")
    return service, url
