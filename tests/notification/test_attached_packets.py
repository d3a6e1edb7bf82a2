"""The papers along with their letter: whole or not at all, and the letter goes whatever becomes of them."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP, default
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import structlog
import yaml
from sqlalchemy import select

from chassis.folders import WatchedFolder, each, whole
from chassis.objects import NoObject, Objects
from chassis.store import Store, StoreUnavailable, open_store
from notification.__main__ import HISTORY
from notification.attached_packets import MOST_BYTES, AttachedPackets
from notification.events import PacketFrozen
from notification.gathering import Gathering
from notification.guidelines import find_forms, load_form
from notification.handlers import note_packet
from notification.headers import Sender
from notification.mailbag import letters
from notification.recipients import load_committees
from support.file_samples import harmless_pdf
from support.still_clock import StillClock

FRIDAY = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
SECRETARY, COPY = "nora@kommunen.example", "registrator@kommunen.example"
MEETING = {
    "committee": "valfard",
    "date": "2026-12-09",
    "time": "13:00",
    "place": "Salen",
    "deadline": "2026-11-27T11:00:00Z",
}
COMMITTEE: dict[str, Any] = {
    "id": "valfard",
    "name": "Välfärd- och servicenämnden",
    "secretary": {"name": "Nora Sekreterarsson", "email": SECRETARY, "copies": [COPY]},
}
NAME = "2026-12-09_valfard_00_samtliga.pdf"
PAPERS = harmless_pdf("Handlingar")
LINK = "http://127.0.0.1:8084/committees/valfard/meetings/2026-12-09"


@dataclass
class FakeObjects(Objects):
    """Gives what it holds, after what is to happen meanwhile; raises what it is told to."""

    held: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    trouble: Exception | None = None
    meanwhile: Callable[[], Awaitable[object]] | None = None

    async def read(self, name: str) -> bytes:
        self.asked.append(name)
        happens, self.meanwhile = self.meanwhile, None
        if happens is not None:
            await happens()
        if self.trouble is not None:
            raise self.trouble
        return self.held[name]


@dataclass
class Office:
    store: Store
    gathering: Gathering
    config: Path

    async def freeze(self, number: int = 1, *, pdf: dict[str, Any] | None) -> None:
        """Hear that a packet is frozen."""
        facts = {
            "submission_id": f"p-{number}",
            "number": number,
            "meeting": MEETING,
            "reports": [{"submission_id": "s-1", "version": 3}],
            "pdf": pdf,
        }
        event = PacketFrozen.model_validate_json(json.dumps(facts))
        await self.store.write(partial(note_packet, event))

    async def told(self) -> list[EmailMessage]:
        """All letters so far, once what is due has been told."""
        await self.gathering.tell_due()
        async with self.store.read() as connection:
            contents = (await connection.scalars(select(letters.c.content).order_by(letters.c.id))).all()
        return [message_from_bytes(content, policy=default) for content in contents]

    def configure(self, **notify: Any) -> None:
        """Save the committee with what it wants, and have it read."""
        _save(self.config, **notify)
        self.gathering.committees = _committees(self.config)

    def fetch_from(self, objects: Objects | None, **bound: float) -> None:
        self.gathering.packets = AttachedPackets(self.store, objects, **bound)


def _save(config: Path, **notify: Any) -> None:
    path = config / "committees" / "valfard.yaml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(yaml.safe_dump(COMMITTEE | {"notify": {"weekly_tally": False, **notify}}), "utf-8")


def _committees(config: Path) -> WatchedFolder[Any]:
    return WatchedFolder([config], whole(lambda folders: load_committees(folders[0], FRIDAY.date())))


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    """A committee that wants its packets along; nobody has made a store of objects yet."""
    (tmp_path / "forms").mkdir()
    _save(tmp_path, attach_packet=True)
    store = open_store(f"sqlite:///{tmp_path}/notification.db", "notification", StillClock(FRIDAY))
    await store.open()
    await store.migrate(HISTORY)
    forms = WatchedFolder([tmp_path / "forms"], each(find_forms, lambda one: load_form(one, FRIDAY.date())))
    sender = Sender("Kansli", "kansli@kommunen.example")
    gathering = Gathering(
        store, _committees(tmp_path), forms, sender, "http://127.0.0.1:8084", AttachedPackets(store)
    )
    yield Office(store, gathering, tmp_path)
    await store.close()


def pdf(**changed: Any) -> dict[str, Any]:
    return {"object": "ab/ab", "name": NAME, "size": 9} | changed


async def kept(objects: Objects, content: bytes) -> dict[str, Any]:
    """Keep it as the archive does; returns what is said of it."""
    there = await objects.keep(content)
    return pdf(object=there.object, size=there.size)


def files_of(letter: EmailMessage) -> list[tuple[str, bytes]]:
    return [(str(part.get_filename()), part.get_content()) for part in letter.iter_attachments()]


def words(letter: EmailMessage) -> str:
    part = letter.get_body(("plain",))
    assert part is not None
    return " ".join(str(part.get_content()).split())


async def test_the_papers_go_along_to_each_who_is_told(office: Office) -> None:
    """The bytes that were frozen, under their name; the letter says so, and has the page too."""
    objects = Objects((office.config / "objects").as_uri())
    office.fetch_from(objects)
    await office.freeze(pdf=await kept(objects, PAPERS))
    told = await office.told()
    assert sorted(letter["To"].addresses[0].addr_spec for letter in told) == [SECRETARY, COPY]
    for letter in told:
        assert files_of(letter) == [(NAME, PAPERS)]
        assert words(letter).startswith("Handlingarna är bifogade.")
        assert f"Filen {NAME} innehåller alla rapporterna. Den finns också på sidan." in words(letter)
        assert LINK in words(letter)


async def test_nothing_is_attached_unless_the_committee_wants_it(office: Office) -> None:
    """Its papers are not even fetched, and the letter does not speak of a file."""
    objects = FakeObjects()
    office.fetch_from(objects)
    office.configure()
    await office.freeze(pdf=pdf())
    for letter in await office.told():
        assert files_of(letter) == []
        assert words(letter).startswith("Hämta handlingarna på sidan.")
        assert "Filen" not in words(letter)
    assert objects.asked == []


UNABLE = "Filen med handlingarna gick inte att bifoga den här gången."
TOO_LARGE = "Filen med handlingarna är för stor för ett mejl och är därför inte bifogad."


async def hang() -> None:
    await asyncio.Event().wait()


@pytest.mark.parametrize(
    ("objects", "said", "reason", "explained"),
    [
        pytest.param(None, pdf(), "no-store", UNABLE, id="no store is named"),
        pytest.param(FakeObjects(), None, "untold", UNABLE, id="an older archive"),
        pytest.param(FakeObjects(), pdf(size=MOST_BYTES + 1), "too-large", TOO_LARGE, id="too large"),
        pytest.param(FakeObjects(trouble=NoObject()), pdf(), "gone", UNABLE, id="gone"),
        pytest.param(FakeObjects(trouble=StoreUnavailable("x")), pdf(), "unreachable", UNABLE, id="away"),
        pytest.param(FakeObjects(meanwhile=hang), pdf(), "unreachable", UNABLE, id="no answer"),
    ],
)
async def test_a_letter_goes_whatever_becomes_of_its_file(
    office: Office, objects: FakeObjects | None, said: dict[str, Any] | None, reason: str, explained: str
) -> None:
    """It says that the file is not there, and has the page; the log says why, once for all recipients."""
    office.fetch_from(objects, within_s=0.05)
    await office.freeze(pdf=said)
    with structlog.testing.capture_logs() as logs:
        told = [await office.told() for _ in range(2)][-1]
    assert len(told) == 2
    for letter in told:
        assert files_of(letter) == []
        assert words(letter).startswith("Hämta handlingarna på sidan.")
        assert explained in words(letter)
        assert LINK in words(letter)
    warned = [one for one in logs if one["event"] == "packet.unattached"]
    assert [(one["packet"], one["reason"]) for one in warned] == [("p-1", reason)]


@pytest.mark.parametrize("name", ["ab/ab", "../notification.db", "", "a//b"])
async def test_nothing_but_the_papers_is_attached(office: Office, name: str) -> None:
    """Neither other bytes that got their name, nor a file beside the store."""
    folder = office.config / "objects"
    (folder / "ab").mkdir(parents=True)
    (folder / "ab" / "ab").write_bytes(b"%PDF-1.7 other")
    office.fetch_from(Objects(folder.as_uri()))
    await office.freeze(pdf=pdf(object=name))
    told = await office.told()
    assert [files_of(letter) for letter in told] == [[], []]
    assert all(UNABLE in words(letter) for letter in told)


async def test_as_much_as_a_letter_holds_goes_along(office: Office) -> None:
    """Postfix as delivered takes 10 240 000 bytes (`message_size_limit`), with what relays add on top."""
    papers = bytes(MOST_BYTES)
    objects = FakeObjects(held={"ab/ab": papers})
    office.fetch_from(objects)
    await office.freeze(pdf=pdf(size=len(papers)))
    told = await office.told()
    assert [files_of(letter) for letter in told] == [[(NAME, papers)]] * 2
    assert max(len(letter.as_bytes(policy=SMTP)) for letter in told) < 10_240_000 - 500_000


async def test_a_packet_that_is_frozen_meanwhile_has_its_own_file(office: Office) -> None:
    """It is told the next time, and not before its papers were fetched."""
    objects = FakeObjects(held={"ab/1": b"%PDF first", "ab/2": b"%PDF second"})
    objects.meanwhile = partial(office.freeze, 2, pdf=pdf(object="ab/2"))
    office.fetch_from(objects)
    await office.freeze(1, pdf=pdf(object="ab/1"))
    assert [files_of(one) for one in await office.told()] == [[(NAME, b"%PDF first")]] * 2
    files = [file for letter in await office.told() for file in files_of(letter)]
    assert sorted(files) == [(NAME, b"%PDF first")] * 2 + [(NAME, b"%PDF second")] * 2
    assert objects.asked == ["ab/1", "ab/2"]
