"""The FlowInstance of Open ePlatform, whatever it was written in: a tree of named texts.

XML and the JSON that Frends makes of it become the same tree, so that one mapping serves both.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from chassis.clock import STOCKHOLM, in_stockholm
from intake.dialects import Unreadable

NAMESPACE = "http://www.oeplatform.org/version/2.0/schemas/flowinstance"

DEEPEST = 20
"""Levels of elements: a table's cell lies on the sixth; who needs more means to exhaust the stack."""

MOST_ELEMENTS = 50_000
"""The largest form seen has some hundred questions; a table of a thousand rows fits ten times."""

PRELIMINARY = "preliminär"
"""The status of what its sender is still writing."""

TWELVE_HOUR_CLOCK_UNTIL = datetime(2020, 3, 24, tzinfo=STOCKHOLM)
"""Before this the platform wrote hours as 01–12 without saying which half of the day."""

IDENTITY_FIELDS = frozenset({"SocialSecurityNumber", "citizenIdentifier"})
"""Where the platform puts a personnummer that nobody asked for in the form."""

_ABOUT_THE_QUESTION = frozenset({"QueryID", "Name"})
_NUMBER = re.compile(r"[0-9]{1,20}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Node:
    """An element: its name, the text that stands in it itself, and the elements in it."""

    name: str
    text: str = ""
    children: tuple["Node", ...] = field(default=())

    def all(self, name: str) -> list["Node"]:
        return [child for child in self.children if child.name == name]

    def first(self, name: str) -> "Node | None":
        return next(iter(self.all(name)), None)

    def said(self, *path: str) -> str | None:
        """The text at the end of the path, or None where there is none but white space."""
        here: Node | None = self
        for step in path:
            here = here.first(step) if here else None
        return (here.text.strip() or None) if here else None

    def texts(self, name: str) -> list[str]:
        """What the elements of that name say, one text each; the silent are left out."""
        return [text for child in self.all(name) if (text := child.text.strip())]

    def everywhere(self, name: str) -> Iterator["Node"]:
        for child in self.children:
            if child.name == name:
                yield child
            yield from child.everywhere(name)

    def answers(self) -> list[str]:
        """What was answered to a question, by the kind that its elements show it to be.

        A date, choices with the free text beside them, or the fields of a text question or a contact;
        a personnummer that came with a contact is no answer.
        """
        if dates := self.texts("StartDate"):
            return [date[:10] for date in dates]
        chosen = self.texts("Value") or [
            text for one in self.all("Alternative") for text in one.texts("Value")
        ]
        if chosen or self.all("TextAlternative"):
            return [*chosen, *self.texts("TextAlternative")]
        passed_over = _ABOUT_THE_QUESTION | IDENTITY_FIELDS
        return [
            text
            for child in self.children
            if child.name not in passed_over and not child.children and (text := child.text.strip())
        ]


@dataclass(frozen=True, slots=True)
class FlowInstance:
    """A submission as the platform has it: what its header says, and the questions with their answers."""

    family: str
    version: str | None
    reference: str
    submitted_at: datetime | None
    """In UTC; None when the document does not say."""
    header: Node
    values: tuple[Node, ...]
    signers: tuple[Node, ...]

    @property
    def is_clock_uncertain(self) -> bool:
        return self.submitted_at is not None and self.submitted_at < TWELVE_HOUR_CLOCK_UNTIL

    def element(self, name: str) -> Node | None:
        return next((value for value in self.values if value.name == name), None)

    def names(self) -> list[str]:
        return list(dict.fromkeys(value.name for value in self.values))

    @property
    def newest_version(self) -> int:
        """The form's version as a number; 0 when it is none."""
        return int(self.version) if self.version and _NUMBER.fullmatch(self.version) else 0


def flow_instance(root: Node) -> FlowInstance:
    """Read what every FlowInstance has.

    Raises:
        Unreadable: something is missing without which nobody can tell what it is.
    """
    header = root.first("Header")
    if header is None:
        raise Unreadable("Ärendet saknar sidhuvud (Header). Skicka hela ärendet.")
    if (header.said("Status", "Name") or "").casefold() == PRELIMINARY:
        raise Unreadable("Ärendet är preliminärt och inte inskickat. Skicka det när det är inskickat.")
    values = root.first("Values")
    signing = root.first("SigningEvents")
    return FlowInstance(
        family=_number(header, "Flow", "FamilyID"),
        version=header.said("Flow", "Version"),
        reference=_number(header, "FlowInstanceID"),
        submitted_at=_moment(header.said("LastSubmitted")),
        header=header,
        values=values.children if values else (),
        signers=tuple(signing.everywhere("Signer")) if signing else (),
    )


def _number(header: Node, *path: str) -> str:
    number = header.said(*path)
    if number is None or not _NUMBER.fullmatch(number):
        raise Unreadable(f"Ärendet saknar {path[-1]}, eller så är det inget nummer.")
    return number


def _moment(text: str | None) -> datetime | None:
    """The platform knows no zones: it is Swedish time, and of October's hour that comes twice the first."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
        known = (moment if moment.tzinfo else moment.replace(tzinfo=STOCKHOLM)).astimezone(UTC)
        in_stockholm(known)
        return known
    except (ValueError, OverflowError):
        raise Unreadable("Ärendets tidpunkt (LastSubmitted) går inte att läsa.") from None
