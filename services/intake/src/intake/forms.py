"""Which forms there are, and in which versions; what they ask is not intake's business."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from chassis.folders import BrokenFolder, folders_with

Forms = Mapping[str, Sequence[int]]
"""The versions of each form, oldest first."""

_SCHEMA = re.compile(r"v(\d+)\.schema\.json")


find_forms = folders_with("form.yaml")


def load_forms(folders: Sequence[Path]) -> Forms:
    """The forms in the folders; one in a later folder replaces one of the same name.

    Raises:
        BrokenFolder: a folder is missing, or a form has no schema.
    """
    return {name: load_form(folder) for name, folder in find_forms(folders).items()}


def load_form(folder: Path) -> Sequence[int]:
    """Read one form; raises `BrokenFolder`."""
    found = (_SCHEMA.fullmatch(path.name) for path in folder.iterdir())
    versions = sorted(int(match[1]) for match in found if match)
    if not versions:
        raise BrokenFolder(f"{folder}: a form needs a schema, v1.schema.json")
    return versions
