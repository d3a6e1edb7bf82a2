"""The operators' page as it is deployed: what is parked in each service is there."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

import archive.__main__
import intake.__main__
import notification.__main__
import validation.__main__
from archive.settings import ArchiveSettings
from archive.web.desks import tokens_in
from chassis.bus import Message
from chassis.events import STRUCTURED
from kansli.openapi_documents import example_services
from kansli.operators import SERVICES as SETTINGS
from kansli.secrets_folder import Servers, fill
from support.checkers import DEPLOY, PORTS
from support.lone_service import Build, LoneService, alone

BUILDS: Mapping[str, Build] = {
    "intake": intake.__main__.build,
    "validation": validation.__main__.build,
    "notification": notification.__main__.build,
}
CONFIG, FORMS = DEPLOY / "example", DEPLOY.parent / "schemas" / "forms"


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    fill(tmp_path / "secrets", Servers("amqp://rabbitmq:5672", "smtp://relay:25", None))
    return tmp_path / "secrets"


def told(name: str, secrets: Path, folder: Path) -> dict[str, Any]:
    """What each is told here beside its database: its own tokens, as deployed."""
    more = {"objects": (folder / "objects").as_uri()} if "objects" in SETTINGS[name].model_fields else {}
    tokens = {
        path.name.replace("-", "_"): path.read_text("utf-8").strip()
        for path in (secrets / name).glob("*-token")
    }
    return {"config": CONFIG, "forms": str(FORMS), **tokens, **more}


@pytest.fixture
async def others(secrets: Path, tmp_path: Path) -> AsyncIterator[Mapping[str, LoneService]]:
    """The three whose desks the archive asks, each locked with its own token."""
    async with AsyncExitStack() as stack:
        yield {
            name: await stack.enter_async_context(
                alone(build, SETTINGS[name], tmp_path / f"{name}.db", **told(name, secrets, tmp_path))
            )
            for name, build in BUILDS.items()
        }


def deployed_desks(others: Mapping[str, LoneService]) -> str:
    """What compose tells the archive, with this machine in the place of the containers."""
    service = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))["services"]["archive"]
    said: str = service["environment"]["ARCHIVE_DESKS"]
    for name, lone in others.items():
        said = said.replace(f"http://{name}:{PORTS[name]}", lone.url)
    return said.removeprefix("${ARCHIVE_DESKS-").removesuffix("}")


async def test_the_page_shows_what_is_parked_in_every_service(
    others: Mapping[str, LoneService], secrets: Path, tmp_path: Path
) -> None:
    """Each answers only who holds its own token, and `kansli secrets` has given the archive all three."""
    for name, lone in others.items():
        queue = next(iter(lone.service.consumers)).queue
        await lone.bus.publish(queue, Message(f"inget som {name} förstår".encode(), STRUCTURED))
        await lone.bus.deliver()
        (reason,) = await lone.parked()
        assert reason == "not JSON"
    desks: dict[str, Any] = {
        "desks": deployed_desks(others),
        "desks_tokens": (secrets / "archive" / "desks-tokens").read_text("utf-8"),
    }
    own = told("archive", secrets, tmp_path)
    async with alone(
        archive.__main__.build, ArchiveSettings, tmp_path / "archive.db", **own, **desks
    ) as lone:
        holder = {"Authorization": f"Bearer {own['admin_token']}"}
        page = await (await lone.http.get("/operations", headers=holder)).text()
    assert "Svarar inte" not in page
    for name, other in others.items():
        assert next(iter(other.service.consumers)).queue in page, name


@pytest.mark.parametrize(
    "file", ["base/archive.yaml", "../systemd/kansli-archive.service", "../compose.yaml"]
)
def test_every_way_of_deploying_names_the_three_others_at_their_ports(file: str) -> None:
    """By the name that the way gives them."""
    text = (DEPLOY / "kubernetes" / file).read_text("utf-8")
    line = next(line for line in text.splitlines() if "ARCHIVE_DESKS" in line)
    for name in BUILDS:
        address = next(part for part in line.split(",") if f"{name}=http" in part)
        found = urlsplit(address.partition(f"{name}=")[2].rstrip('"}'))
        assert (found.hostname in {name, "127.0.0.1"}, found.port) == (True, PORTS[name])


def test_in_one_house_the_page_holds_the_key_of_each_room_that_is_locked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Where a token is set for a service, the archive has it too: the lesser, if there is one."""
    monkeypatch.setenv("INTAKE_ADMIN_TOKEN", "hemlig")
    monkeypatch.setenv("VALIDATION_ADMIN_TOKEN", "hemligare")
    monkeypatch.setenv("VALIDATION_LOOK_TOKEN", "bara-titta")
    settings = example_services(tmp_path)["archive"].settings
    assert isinstance(settings, ArchiveSettings)
    told = {name: token.get_secret_value() for name, token in tokens_in(settings.desks_tokens).items()}
    assert told == {"intake": "hemlig", "validation": "bara-titta"}
