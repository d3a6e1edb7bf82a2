"""Which forms there are, in which versions, and which of a platform's families are which of them.

What a form asks of its answers is validation's business; intake reads the schemas only to know
whether a platform's text is meant as a number, a choice or a list.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from chassis.faults import Fault, Faulty, Place, read_model, refusal
from chassis.folders import BrokenFolder, folders_with
from intake.mappings import ANY_PLATFORM, Family, MappingText, Schema

_SCHEMA = re.compile(r"v(\d+)\.schema\.json")

MAPPING_FILE = "open-e.yaml"


@dataclass(frozen=True)
class Form:
    """A form's schemas by version, and how Open ePlatform's families are read as it."""

    schemas: Mapping[int, Schema]
    open_e: MappingText = field(default_factory=lambda: MappingText(platforms={}))

    @property
    def versions(self) -> Sequence[int]:
        """Oldest first."""
        return sorted(self.schemas)


Forms = Mapping[str, Form]
"""The forms by their name."""


def mapped(forms: Forms, platform: str, family: str) -> tuple[str, Family] | None:
    """The form that the family is, and how to read it; the platform's own mapping before one for any."""
    found = (
        (name, form.open_e.platforms[which][family])
        for which in (platform, ANY_PLATFORM)
        for name, form in forms.items()
        if family in form.open_e.platforms.get(which, {})
    )
    return next(found, None)


def mapped_twice(forms: Forms) -> Iterator[tuple[str, Place, str]]:
    """Find the families that several forms claim: the form, where in its mapping, and what to do."""
    claimed: dict[tuple[str, str], str] = {}
    for name, form in forms.items():
        for platform, families in form.open_e.platforms.items():
            for family in families:
                first = claimed.setdefault((platform, family), name)
                if first != name:
                    words = f"family {family} of {platform} is already mapped by {first}; map it in one form"
                    yield name, ("platforms", platform, family), words


def fingerprint(forms: Forms, platform: str, family: str) -> str:
    """What changes when the family is mapped otherwise, or its form is; empty while nothing maps it."""
    found = mapped(forms, platform, family)
    if found is None:
        return ""
    name, mapping = found
    content = [name, mapping.model_dump_json(), forms[name].schemas]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


find_forms = folders_with("form.yaml")


def load_forms(folders: Sequence[Path]) -> Forms:
    """The forms in the folders; one in a later folder replaces one of the same name.

    Raises:
        BrokenFolder: a folder is missing, or a form has no schema or a mapping that cannot be used.
    """
    return {name: load_form(folder) for name, folder in find_forms(folders).items()}


def load_form(folder: Path) -> Form:
    """Read one form; raises `BrokenFolder`."""
    schemas = dict(_schemas(folder))
    if not schemas:
        raise BrokenFolder(f"{folder}: a form needs a schema, v1.schema.json")
    path = folder / MAPPING_FILE
    return Form(schemas, read_model(path, MappingText, date.today())) if path.exists() else Form(schemas)  # noqa: DTZ011


def _schemas(folder: Path) -> Iterator[tuple[int, Schema]]:
    for path in sorted(folder.iterdir()):
        if match := _SCHEMA.fullmatch(path.name):
            yield int(match[1]), _schema(path)


def _schema(path: Path) -> Schema:
    try:
        content = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise refusal(path, error) from None
    if not isinstance(content, dict):
        raise refusal(path, Faulty([Fault((), "a schema is a JSON object")]))
    return content
