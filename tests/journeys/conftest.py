"""One house of each kind for all journeys: in one process, and apart with RabbitMQ and PostgreSQL."""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import yaml

from support.houses import SERVICES, SHIPPED_FORMS, House, apart_house, embedded_house, running
from support.load import COMMITTEE, FORM, write_config
from support.postgresql import Postgres, fresh_database
from support.rabbitmq import Broker

ADDED_FORM = "kontaktpolitiker-prov"

WAYS = [
    pytest.param("embedded", id="embedded"),
    pytest.param("apart", id="apart", marks=[pytest.mark.rabbitmq, pytest.mark.postgresql]),
]


@pytest.fixture(scope="module", params=WAYS)
def house(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """The house, with a form of the municipality's own beside the shipped ones, and papers sent along."""
    folder = tmp_path_factory.mktemp(request.param)
    config, forms = _with_papers_along(write_config(folder / "town")), [_added_forms(folder / "forms")]
    with ExitStack() as stack:
        if request.param == "embedded":
            house = embedded_house(folder, config, forms)
        else:
            broker: Broker = request.getfixturevalue("broker_of_the_run")
            broker.start()
            server: Postgres = request.getfixturevalue("postgres_of_the_run")
            server.start()
            databases = {service: stack.enter_context(fresh_database(server.url)) for service in SERVICES}
            house = apart_house(folder, config, broker.fresh_virtual_host(), databases, forms)
        yield stack.enter_context(running(house))


def _with_papers_along(config: Path) -> Path:
    """The committee allows that a packet goes along with the letter about it."""
    path = config / "committees" / f"{COMMITTEE}.yaml"
    committee = yaml.safe_load(path.read_text("utf-8"))
    committee["notify"]["attach_packet"] = True
    path.write_text(yaml.safe_dump(committee, allow_unicode=True), "utf-8")
    return config


def _added_forms(folder: Path) -> Path:
    """A folder with one form: the shipped one under a name of its own."""
    form = shutil.copytree(
        SHIPPED_FORMS / FORM, folder / ADDED_FORM, ignore=shutil.ignore_patterns("examples", "open-e.yaml")
    )
    text = (form / "form.yaml").read_text("utf-8")
    (form / "form.yaml").write_text(text.replace(f"form: {FORM}\n", f"form: {ADDED_FORM}\n"), "utf-8")
    return folder
