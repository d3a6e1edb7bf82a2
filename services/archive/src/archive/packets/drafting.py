"""A packet before it is frozen: which reports, in which order, and what it changes of the one before."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy.engine import Row

from archive.calendar import Meeting
from archive.committees import Committee
from archive.forms import Forms
from archive.packets.contents import Enclosure, Packet, PacketReport
from archive.views import report_to_print


@dataclass(frozen=True)
class Wish:
    """What the secretary asks for: whether held reports are left out, and how the item is numbered."""

    leave_out_held: bool = False
    agenda_number: str = ""
    diarienummer: str = ""


@dataclass(frozen=True)
class Table:
    """What lies on the meeting's table: the reports as they are, and the packet before, if there is one.

    `aside` are earlier revisions that the former packet holds and whose newer ones go to another meeting:
    they stay in the next packet as they were.
    """

    rows: Sequence[Row[Any]]
    former: Row[Any] | None = None
    holdings: Sequence[Row[Any]] = ()
    aside: Sequence[Any] = ()

    @property
    def held(self) -> list[Row[Any]]:
        return [row for row in self.rows if row.status == "held"]

    @property
    def fresh(self) -> list[Row[Any]]:
        """What no packet of the meeting holds yet."""
        return [row for row in self.rows if row.status == "filed"]

    def in_order(self) -> list[Any]:
        """What goes into the packet: as the former one had it, and what is new after it."""
        before = {holding.submission_id: holding.position for holding in self.holdings}
        going = [row for row in self.rows if row.status != "held"]
        return sorted([*going, *self.aside], key=lambda row: before.get(row.submission_id, len(before) + 1))


@dataclass(frozen=True)
class Draft:
    """A packet that is to be frozen, with the rows that it was made of."""

    packet: Packet
    table: Table
    entries: Sequence[Any] = field(default=())


@dataclass(frozen=True)
class Drafting:
    """Drafts packets of one meeting; `moment` is when they are frozen."""

    committee: Committee
    meeting: Meeting
    forms: Forms
    moment: datetime

    def draft(self, packet_id: str, table: Table, wish: Wish) -> Draft:
        entries = table.in_order()
        packet = Packet(
            id=packet_id,
            number=table.former.number + 1 if table.former else 1,
            committee_id=self.committee.id,
            committee=self.committee.name,
            agenda_item=self.committee.agenda_item,
            proposal=self.committee.proposal,
            date=self.meeting.date,
            time=self.meeting.time,
            place=self.meeting.place,
            frozen_at=self.moment,
            agenda_number=wish.agenda_number or (table.former.agenda_number if table.former else ""),
            diarienummer=wish.diarienummer or (table.former.diarienummer if table.former else ""),
            reports=tuple(self._entry(row) for row in entries),
            left_out=tuple(row.diarienummer or row.reference for row in table.held),
            changes=tuple(_changes(table, entries)) if table.former else (),
        )
        return Draft(packet, table, entries)

    def _entry(self, row: Any) -> PacketReport:
        form = self.forms.get(row.form)
        return PacketReport(
            report=report_to_print(row, self.committee, form, ""),
            unit=row.unit_name or row.unit or "",
            day=row.event_date,
            arrived_at=row.arrived_at,
            registered_at=row.registered_at,
            oral=form.is_oral(row.data) if form else False,
            late=row.late,
            corrects=row.corrects is not None,
            enclosures=tuple(_enclosure(attachment) for attachment in row.attachments),
        )


def _enclosure(attachment: Mapping[str, Any]) -> Enclosure:
    return Enclosure(
        **{name: attachment[name] for name in ("name", "media_type", "size", "sha256", "object")}
    )


def _changes(table: Table, entries: Sequence[Any]) -> Iterator[str]:
    """What a reader of the former packet must know, in the order of the new one."""
    before = {holding.submission_id: holding for holding in table.holdings}
    for position, row in enumerate(entries, 1):
        holding = before.pop(row.submission_id, None)
        if holding is None:
            yield f"Tillagd som nummer {position}: {row.subject}."
        elif holding.revision != row.revision:
            yield f"Rättad som nummer {position}: {row.subject}."
    for holding in before.values():
        yield f"Ingår inte längre: {holding.subject}."
