"""Open ePlatform's dialect: a FlowInstance, in XML or as Frends writes it in JSON, read by its mapping."""

import base64
import binascii
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic_core import to_json

from chassis.clock import day_in_stockholm, in_stockholm
from chassis.personal_numbers import NoPersonalNumber, twelve_digits
from intake.dialects import DRIFT, DataTooLarge, Draft, Drifted, File, NoMapping
from intake.dialects.flow_instance import (
    IDENTITY_FIELDS,
    FlowInstance,
    Node,
    flow_instance,
)
from intake.dialects.frends import read_content
from intake.dialects.json_dialect import MAX_DATA_BYTES
from intake.dialects.xml_document import read_document
from intake.events import Finding
from intake.forms import Form, Forms, mapped
from intake.mappings import Family, Place, Schema, Target, column_at, place_at, required_of

ANONYMOUS = "Anonym"

SOURCE = "Open ePlatform"

_ADDRESS = re.compile(r"[^@\s\x00-\x1f\x7f-\x9f]+@[^@\s\x00-\x1f\x7f-\x9f]+")
_LONGEST_ADDRESS = 254
_LONGEST_NAME = 200
_PLAIN_NAME = re.compile(r"[A-Za-zÅÄÖåäö_][\wåäöÅÄÖ.-]{0,59}", re.ASCII)
_MOST_NAMES = 10
"""Element names are a form administrator's; a handful is enough to find the rest in the platform."""

_MEDIA_TYPES = {"pdf": "application/pdf", "jpg": "image/jpeg", "jpeg": "image/jpeg", "png": "image/png"}
_UNKNOWN_MEDIA = "application/octet-stream"


def read_xml(body: bytes, forms: Forms, platform: str) -> Draft:
    """The submission in a FlowInstance in XML.

    Raises:
        Unreadable: it is no FlowInstance, or one that nobody can take for a submission.
        NoMapping: no form says how to read the family.
        Drifted: what the form requires is gone from a newer version of the family.
        DataTooLarge: its answers are over their limit.
    """
    return _draft(flow_instance(read_document(body)), forms, platform)


def read_frends(content: Any, forms: Forms, platform: str) -> Draft:
    """The submission in parsed JSON of the Frends dialect; raises as `read_xml`."""
    return _draft(flow_instance(read_content(content)), forms, platform)


def _draft(instance: FlowInstance, forms: Forms, platform: str) -> Draft:
    found = mapped(forms, platform, instance.family)
    if found is None:
        raise NoMapping(instance.family, instance.version, instance.reference, instance.submitted_at)
    name, family = found
    return _Reading(instance, family, forms[name]).draft(name)


@dataclass(frozen=True, slots=True)
class _Person:
    name: str
    email: str | None
    personal_number: str | None

    def completed_by(self, other: "_Person") -> "_Person":
        if _folded(self.name) != _folded(other.name):
            return self
        number = self.personal_number or other.personal_number
        return _Person(self.name, self.email or other.email, number)


class _Reading:
    """One document with the mapping that it is read by."""

    def __init__(self, instance: FlowInstance, family: Family, form: Form) -> None:
        self._instance = instance
        self._family = family
        self._version = family.form_version or form.versions[-1]
        self._schema: Schema = form.schemas.get(self._version, {})

    def draft(self, form: str) -> Draft:
        self._refuse_if_drifted()
        data, unread = self._answers()
        if len(to_json(data)) > MAX_DATA_BYTES:
            raise DataTooLarge
        files = [_file(node) for node in self._files()]
        person = self._submitter()
        return Draft(
            form=form,
            form_version=self._version,
            reference=self._instance.reference,
            submitted_at=self._instance.submitted_at,
            name=person.name,
            email=person.email,
            personal_number=person.personal_number,
            data=data,
            files=[file for file in files if file is not None],
            may_lose_files=True,
            findings=[*self._notes(unread), *_lost(files)],
        )

    def _refuse_if_drifted(self) -> None:
        gone = set(self._gone())
        fed: dict[str, list[str]] = {}
        for element, target in self._family.elements.items():
            fed.setdefault(f"/{target.pointer.split('/')[1]}", []).append(element.partition("/")[0])
        missing = [
            element
            for pointer, elements in fed.items()
            if pointer in required_of(self._schema) and gone.issuperset(elements)
            for element in elements
        ]
        if missing:
            instance = self._instance
            raise Drifted(
                instance.family, instance.version, instance.reference, instance.submitted_at, missing
            )

    def _gone(self) -> list[str]:
        """Elements that the mapping knows and a newer version lacks; an older one left them unanswered."""
        if self._instance.newest_version <= self._family.version:
            return []
        mapped_names = dict.fromkeys(name.partition("/")[0] for name in self._family.elements)
        return [name for name in mapped_names if self._instance.element(name) is None]

    def _answers(self) -> tuple[dict[str, Any], list[str]]:
        """The form's data, and the elements whose answers are none that the form knows."""
        data: dict[str, Any] = {}
        unread: list[str] = []
        for element, target in self._family.elements.items():
            place = place_at(self._schema, target.pointer) or _ANYTHING
            meaning = _Meaning(target, place, self._columns(target))
            value, understood = meaning.of(self._said(element), self._rows(element))
            if value is not None:
                _put(data, target.pointer, value)
            if not understood:
                unread.append(element.partition("/")[0])
        return data, unread

    def _columns(self, target: Target) -> Mapping[str, Place]:
        names = target.columns.values()
        return {name: column_at(self._schema, target, name) or _ANYTHING for name in names}

    def _said(self, element: str) -> list[str]:
        name, _, part = element.partition("/")
        node = self._instance.element(name)
        if node is None:
            return []
        return node.texts(part) if part else node.answers()

    def _rows(self, element: str) -> list[Node]:
        node = self._instance.element(element.partition("/")[0])
        return node.all("Row") if node else []

    def _files(self) -> Iterator[Node]:
        for node in self._instance.values:
            if node.name not in self._family.ignored:
                yield from node.all("File")

    def _submitter(self) -> _Person:
        """Whom the platform knows as poster or owner; else who the form's own question says it is.

        What that question tells of the same person completes what the platform knows.
        """
        header, asked = self._instance.header, self._asked()
        for node in [*header.all("Poster"), *header.all("Owner")]:
            if person := _person(node, self._only_signer()):
                return person.completed_by(asked)
        return asked

    def _asked(self) -> _Person:
        contact = self._family.submitter and self._instance.element(self._family.submitter.contact)
        return (contact and self._contact(contact)) or _Person(ANONYMOUS, None, None)

    def _contact(self, contact: Node) -> _Person | None:
        numbers = [text for name in sorted(IDENTITY_FIELDS) for text in contact.texts(name)]
        return _person(contact, self._known_number(numbers))

    def _only_signer(self) -> str | None:
        """The number of who signed, when the one who sent it is the only one who did."""
        numbers = [number for signer in self._instance.signers if (number := signer.said("ID"))]
        alone = len(self._instance.signers) == 1 and len(self._instance.header.all("Owner")) <= 1
        return self._known_number(numbers) if alone else None

    def _known_number(self, numbers: Sequence[str]) -> str | None:
        """A personnummer, if it is one: a platform's own test data mostly is not."""
        today = day_in_stockholm(self._instance.submitted_at) if self._instance.submitted_at else None
        for number in numbers:
            try:
                return twelve_digits(number, today) if today else None
            except NoPersonalNumber:
                continue
        return None

    def _notes(self, unread: Sequence[str]) -> Iterator[Finding]:
        if drift := self._drift(unread):
            yield drift
        if self._instance.submitted_at is None:
            yield _note("incomplete", "Plattformen angav inte när rapporten skickades in.")
        if self._instance.is_clock_uncertain:
            moment = in_stockholm(self._instance.submitted_at) if self._instance.submitted_at else None
            day = f" den {moment:%Y-%m-%d}" if moment else ""
            yield _note("uncertain-time", f"Klockslaget{day} kan vara fel på tolv timmar.")
        owners = len(self._instance.header.all("Owner"))
        if owners > 1:
            yield _note("several-owners", f"{owners} personer står bakom rapporten i e-tjänsten.")

    def _drift(self, unread: Sequence[str]) -> Finding | None:
        """What has changed in the platform's form since it was mapped, by the names of its elements."""
        with_file = {node.name for node in self._instance.values if node.all("File")}
        new = [name for name in self._instance.names() if name not in self._family.known | with_file]
        parts = [
            _named("saknas", self._gone()),
            _named("är nya och följer inte med", new),
            _named("har svar som formuläret inte känner", unread),
        ]
        if not any(parts) and self._instance.newest_version <= self._family.version:
            return None
        told = "; ".join(part for part in parts if part) or "fälten är desamma"
        words = f"E-tjänsten har ändrats (version {self._instance.newest_version}): {told}."
        return _note(DRIFT, words)


_ANYTHING = Place(None, None, {})


def _named(what: str, names: Sequence[str]) -> str:
    plain = [name for name in dict.fromkeys(names) if _PLAIN_NAME.fullmatch(name)]
    shown = ", ".join(plain[:_MOST_NAMES])
    more = len(dict.fromkeys(names)) - len(plain[:_MOST_NAMES])
    listed = f"{shown} och {more} till" if shown and more else shown or f"{more} fält"
    return f"{listed} {what}" if names else ""


def _note(rule: str, message: str, outcome: Literal["hold", "note"] = "note") -> Finding:
    return Finding(rule=rule, outcome=outcome, message=message, source=SOURCE)


def _lost(files: Sequence[File | None]) -> Iterator[Finding]:
    lost = sum(file is None for file in files)
    if lost:
        told = "En bilaga" if lost == 1 else f"{lost} bilagor"
        yield _note("file-missing", f"{told} kom inte med från e-tjänsten. Den finns kvar där.")


def _person(node: Node, number: str | None) -> _Person | None:
    """Who the fields of a poster, an owner or a contact say it is; the staff's own are in lower case."""
    first, last = (node.said(name) or node.said(name.lower()) for name in ("Firstname", "Lastname"))
    name = " ".join(" ".join(filter(None, (first, last))).split())
    email = _address(node.said("Email") or node.said("email"))
    if not name and email is None:
        return None
    return _Person(_legible(name or ANONYMOUS)[:_LONGEST_NAME], email, number)


def _legible(name: str) -> str:
    return "".join(sign for sign in name if unicodedata.category(sign) not in {"Cc", "Cs"}) or ANONYMOUS


def _address(text: str | None) -> str | None:
    return text if text and len(text) <= _LONGEST_ADDRESS and _ADDRESS.fullmatch(text) else None


def _file(node: Node) -> File | None:
    """The file, or None where its bytes did not come along."""
    encoded = node.said("EncodedData")
    if encoded is None:
        return None
    try:
        content = base64.b64decode("".join(encoded.split()), validate=True)
    except (binascii.Error, ValueError):
        return None
    name = _legible(node.said("Name") or "bilaga")
    return File(name, _MEDIA_TYPES.get(name.rpartition(".")[2].lower(), _UNKNOWN_MEDIA), content)


def _put(data: dict[str, Any], pointer: str, value: Any) -> None:
    *above, last = pointer.split("/")[1:]
    for step in above:
        inside = data.setdefault(step, {})
        data = inside if isinstance(inside, dict) else {}
    data[last] = value


class _Meaning:
    """What the platform's texts mean in one field of the form."""

    def __init__(self, target: Target, place: Place, columns: Mapping[str, Place]) -> None:
        self._cells = target.columns
        self._columns = columns
        self._place = place
        self._values = {_folded(words): value for words, value in target.values.items()}

    def of(self, texts: Sequence[str], rows: Sequence[Node]) -> tuple[Any, bool]:
        """The value, None where nothing was answered; and whether all of it was understood."""
        if self._cells and rows:
            meant_rows = [self._row(row) for row in rows]
            return [row for row, _ in meant_rows], all(understood for _, understood in meant_rows)
        if not texts:
            return None, True
        if self._place.kind == "array":
            meant = [self._one(text, self._place.items or _ANYTHING) for text in texts]
            return [value for value, _ in meant], all(understood for _, understood in meant)
        return self._one(texts[0] if len(texts) == 1 else ", ".join(texts), self._place)

    def _row(self, row: Node) -> tuple[dict[str, Any], bool]:
        told = {name: text for cell, name in self._cells.items() if (text := row.said(cell))}
        meant = {name: self._one(text, self._columns[name]) for name, text in told.items()}
        return {name: value for name, (value, _) in meant.items()}, all(
            understood for _, understood in meant.values()
        )

    def _one(self, text: str, place: Place) -> tuple[Any, bool]:
        """A text that means nothing stays as it is, so that the schema's finding names the field."""
        if (words := _folded(text)) in self._values:
            return self._values[words], True
        if place.choices:
            labels = {_folded(label): code for label, code in place.choices.items()}
            return labels.get(words, text), words in labels
        reader = _READERS.get(place.kind or "")
        if reader is None:
            return text, True
        value = reader(words)
        return (text, False) if value is None else (value, True)


def _boolean(words: str) -> bool | None:
    return {"ja": True, "true": True, "1": True, "nej": False, "false": False, "0": False}.get(words)


def _number(words: str) -> float | None:
    return float(words.replace(" ", "").replace(",", ".")) if _DECIMAL.fullmatch(words) else None


def _integer(words: str) -> int | None:
    return int(words.replace(" ", "")) if _WHOLE.fullmatch(words) else None


_DIGITS = r"-?(?:[0-9]{1,15}|[0-9]{1,3}(?: [0-9]{3}){1,4})"
_WHOLE = re.compile(_DIGITS)
_DECIMAL = re.compile(_DIGITS + r"(?:[.,][0-9]{1,10})?")

_READERS: Mapping[str, Callable[[str], Any]] = {
    "boolean": _boolean,
    "number": _number,
    "integer": _integer,
}


def _folded(text: str) -> str:
    """How words are compared: composed, in any case, with white space collapsed."""
    return " ".join(unicodedata.normalize("NFC", text).casefold().split())
