"""Which forms there are, and in which versions; what they ask is not intake's business."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from chassis.folders import BrokenFolder

Forms = Mapping[str, Sequence[int]]
"""The versions of each form, oldest first."""

_SCHEMA = re.compile(r"v(\d+)\.schema\.json")


def load_forms(folders: Sequence[Path]) -> Forms:
    """The forms in the folders; one in a later folder replaces one of the same name.

    Raises:
        BrokenFolder: a folder is missing, or a form has no schema.
    """
    forms: dict[str, Sequence[int]] = {}
    for folder in folders:
        if not folder.is_dir():
            raise BrokenFolder(f"{folder}: no such folder of forms")
        forms |= {path.parent.name: _versions(path.parent) for path in sorted(folder.glob("*/form.yaml"))}
    return forms


def _versions(folder: Path) -> Sequence[int]:
    found = (_SCHEMA.fullmatch(path.name) for path in folder.iterdir())
    versions = sorted(int(match[1]) for match in found if match)
    if not versions:
        raise BrokenFolder(f"{folder}: a form needs a schema, v1.schema.json")
    return versions
