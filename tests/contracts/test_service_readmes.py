"""What an operator reads about a service is so: its events, tables, errands, commands, settings and files."""

import re
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path

import pytest
from sqlalchemy import MetaData

from chassis.cli import main
from chassis.service import Service
from kansli.event_schemas import said
from kansli.operators import SERVICES

ROOT = Path(__file__).parents[2]
METADATA_OF = {
    "intake": "intake.submissions",
    "validation": "validation.judgements",
    "archive": "archive.reports",
    "notification": "notification.mailbag",
}
KINDS = {event.kind for _, event in said()}


def readme(service: str) -> str:
    return (ROOT / "services" / service / "README.md").read_text("utf-8")


def section(service: str, title: str) -> str:
    """What stands under the heading, up to the next."""
    _, _, rest = readme(service).partition(f"\n## {title}\n")
    return rest.partition("\n## ")[0]


def words(text: str) -> set[str]:
    """What stands in backticks."""
    return set(re.findall(r"`([^`\n]+)`", text))


def rows(text: str) -> Iterator[tuple[set[str], set[str]]]:
    """Of each row of a table: what its first cell names, and the words of its second."""
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| `"):
            yield words(cells[0]), set(cells[1].split(", "))


@pytest.mark.parametrize("service", SERVICES)
def test_what_it_hears_stands_there_with_who_says_it(services: Mapping[str, Service], service: str) -> None:
    """No event more and none less."""
    producers = {event.kind: name for name, event in said()}
    heard = {subscription.event.kind for subscription in services[service].reads}
    told = {kind: whom for kinds, whom in rows(section(service, "What it hears")) for kind in kinds}
    assert told == {kind: {producers[kind]} for kind in heard}


@pytest.mark.parametrize("service", SERVICES)
def test_what_it_says_stands_there_with_who_hears_it(services: Mapping[str, Service], service: str) -> None:
    """No event more and none less."""
    told = {kind: whom for kinds, whom in rows(section(service, "What it says")) for kind in kinds}
    assert told == {event.kind: set(event.heard_by) for event in services[service].says}


@pytest.mark.parametrize("service", SERVICES)
def test_its_tables_stand_there(service: str) -> None:
    """Who makes a backup, or looks into the database, finds nothing that is not told of."""
    metadata: MetaData = import_module(METADATA_OF[service]).metadata
    told = {name for names, _ in rows(section(service, "What it owns")) for name in names}
    assert told == {*metadata.tables, "inbox", "outbox", "errands", "parked"}


@pytest.mark.parametrize("service", SERVICES)
def test_its_errands_stand_there(services: Mapping[str, Service], service: str) -> None:
    """They are what the desk shows beside queues."""
    told = {
        name for names, _ in rows(section(service, "What it does outside the database")) for name in names
    }
    assert told == {kind.name for kind in services[service].errands}


@pytest.mark.parametrize("service", SERVICES)
def test_its_commands_stand_there(service: str, capsys: pytest.CaptureFixture[str]) -> None:
    """All that its command line knows, and no other."""
    with pytest.raises(SystemExit):
        main(SERVICES[service], import_module(f"{service}.__main__").build, ["--help"])
    known = set(re.findall(r"^    (\w+) ", capsys.readouterr().out, re.MULTILINE))
    told = set(re.findall(rf"python -m {service} (\w+)", readme(service)))
    assert known
    assert told - {"preview"} == known


@pytest.mark.parametrize("service", SERVICES)
def test_every_setting_that_it_names_is_one(service: str) -> None:
    """Also as a file; `…_OIDC_…` stands for several."""
    for name, kind in SERVICES.items():
        for told in re.findall(rf"\b{kind.prefix()}([A-Z][A-Z_]*[A-Z])\b", readme(service)):
            field = told.lower().removesuffix("_file")
            assert field in kind.model_fields or field == "oidc", f"{name}: {told}"


@pytest.mark.parametrize("service", SERVICES)
def test_every_file_that_it_leads_to_is_there(service: str) -> None:
    """Its settings, its interfaces, the whole."""
    links = re.findall(r"\]\(([^)#]+)(?:#\w+)?\)", readme(service))
    assert f"../../docs/openapi/{service}.json" in links
    assert "../../docs/settings.md" in links
    for link in links:
        assert (ROOT / "services" / service / link).exists(), link


@pytest.mark.parametrize("service", SERVICES)
def test_it_tells_where_its_desk_is(service: str) -> None:
    """At the address that the service has when nobody says otherwise."""
    told = section(service, "When its queue is parked")
    for deed in ("replay", "drop"):
        assert f"http://{SERVICES[service].default_listen}/admin/parked/ID/{deed}" in told


@pytest.mark.parametrize("service", SERVICES)
def test_every_figure_that_it_names_is_measured(services: Mapping[str, Service], service: str) -> None:
    """By this very service."""
    measured = {metric.name for metric in services[service].metrics.registry.collect()}
    told = {name.removesuffix("_total") for name in words(readme(service)) if name.startswith("kansli_")}
    assert told
    assert told <= measured


@pytest.mark.parametrize("service", SERVICES)
def test_every_reason_that_it_explains_can_be_given(service: str) -> None:
    """Word for word, but for what stands as `…`."""
    program = source_of("chassis/src", f"services/{service}/src")
    _, _, table = section(service, "When its queue is parked").partition("| reason |")
    for reasons, _ in rows_of_words(table):
        for reason in reasons:
            for piece in re.split(r"…|: ", reason):
                assert piece.strip() in program, reason


@pytest.mark.parametrize("service", SERVICES)
def test_every_event_of_the_log_that_it_names_can_be_written(service: str) -> None:
    """As the log has it."""
    program = source_of("chassis/src", f"services/{service}/src")
    logged = {word for word in words(readme(service)) if re.fullmatch(r"[a-z]+\.[a-z]+", word)} - KINDS
    for event in logged:
        assert f'"{event}"' in program, event


def rows_of_words(table: str) -> Iterator[tuple[set[str], str]]:
    for line in table.splitlines():
        cells = line.strip("|").split("|")
        if len(cells) > 1:
            yield words(cells[0]), cells[1]


def source_of(*folders: str) -> str:
    files = [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]
    return "\n".join(path.read_text("utf-8") for path in files)


@pytest.mark.parametrize("service", SERVICES)
def test_it_fits_on_a_page(service: str) -> None:
    """An operator reads it while something is wrong."""
    assert len(readme(service).splitlines()) <= 100
