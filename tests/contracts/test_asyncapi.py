"""The AsyncAPI document says what goes over the bus: no queue more, none less, and in valid words."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from chassis.service import Service
from kansli.asyncapi import FILE, MADE, SCHEMAS, document
from kansli.places import reference_documents, shipped_events
from support.asyncapi_parser import faults_of
from support.missing import skipping_if_missing

FOLDER = reference_documents()


def operations(action: str, service: str) -> set[str]:
    """The queues with which the service does this, by the document."""
    return {
        told["channel"]["$ref"].removeprefix("#/channels/")
        for told in document()["operations"].values()
        if told["action"] == action and told["tags"] == [{"name": service}]
    }


def test_the_document_in_the_repository_is_what_the_services_say() -> None:
    """Whoever changes who hears what writes it anew in the same commit."""
    MADE.main([])


def test_a_document_that_differs_is_told_and_writing_mends_it(tmp_path: Path) -> None:
    """Also one that is missing."""
    for before in (None, "{}"):
        if before is not None:
            (tmp_path / FILE).write_text(before, "utf-8")
        with pytest.raises(SystemExit, match=r"asyncapi\.json: differs"):
            MADE.main(["--folder", str(tmp_path)])
    MADE.main(["--folder", str(tmp_path), "--write"])
    MADE.main(["--folder", str(tmp_path)])


@pytest.mark.parametrize("name", ["intake", "validation", "archive", "notification"])
def test_a_service_says_and_hears_what_the_document_tells(services: Mapping[str, Service], name: str) -> None:
    """By the tables with which its relay and its consumers really run."""
    service = services[name]
    said = {f"{listener}.{event.kind}" for event in service.says for listener in event.heard_by}
    assert operations("send", name) == said
    assert operations("receive", name) == {consumer.queue for consumer in service.consumers}


def test_every_queue_is_said_to_and_heard() -> None:
    """One without the other would fill, or wait for ever."""
    told = document()
    uses: dict[str, set[str]] = {queue: set() for queue in told["channels"]}
    for operation in told["operations"].values():
        uses[operation["channel"]["$ref"].removeprefix("#/channels/")].add(operation["action"])
    assert all(actions == {"send", "receive"} for actions in uses.values())


def test_every_event_is_described_by_its_schema() -> None:
    """As one, and as what a batch holds; and no schema is left out."""
    messages = document()["components"]["messages"]
    alone = {
        part["payload"]["schema"]["$ref"] for part in messages.values() if "$ref" in part["payload"]["schema"]
    }
    batched = {
        part["payload"]["schema"]["items"]["$ref"] for name, part in messages.items() if "batch" in name
    }
    assert alone == batched == {f"{SCHEMAS}/{path.name}" for path in shipped_events().glob("*.json")}


@pytest.mark.node
def test_the_reference_parser_has_nothing_against_it() -> None:
    """Nor against the schemas that it leads to."""
    with skipping_if_missing():
        assert faults_of(FOLDER / FILE) == []


QUEUE = "archive.submission.accepted"
WRONG_WORDS: Mapping[tuple[str, ...], str] = {
    ("channels", QUEUE, "bindings", "amqp", "is"): "quue",
}
LEADING_NOWHERE: Mapping[tuple[str, ...], str] = {
    ("operations", "validation.says.submission.accepted.to.archive", "channel", "$ref"): "#/channels/nowhere",
    ("components", "messages", "se.kansli.report.filed.v1", "payload", "schema", "$ref"): "none.json",
}


@pytest.mark.node
@pytest.mark.parametrize("faults", [WRONG_WORDS, LEADING_NOWHERE], ids=["words", "references"])
def test_the_reference_parser_sees_what_is_wrong(
    tmp_path: Path, faults: Mapping[tuple[str, ...], str]
) -> None:
    """Else its silence would mean nothing."""
    told = document()
    for steps, value in faults.items():
        set_at(told, *steps, value=value)
    shutil.copytree(shipped_events(), tmp_path / "schemas" / "events")
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / FILE).write_text(json.dumps(told), "utf-8")
    with skipping_if_missing():
        found = faults_of(tmp_path / "docs" / FILE)
    for steps in faults:
        assert any(fault.startswith(f"/{'/'.join(steps)}") for fault in found), found


def set_at(told: Any, *steps: str, value: str) -> None:
    for step in steps[:-1]:
        told = told[step]
    told[steps[-1]] = value
