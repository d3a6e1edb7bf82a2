"""A committee's file, changed by an import: its comments, order and form stay, and it is replaced whole."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from io import StringIO
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.error import YAMLError

from archive.committees import load_committees as load_meetings
from chassis.folders import BrokenFolder
from chassis.yaml_files import read_yaml
from kansli.spreadsheets import BadTable
from notification.recipients import load_committees as load_recipients
from validation.register import load_committees as load_register

_WIDEST = 10_000
"""Characters on a line before it would be broken: an entry's line is never broken."""


def file_of_committee(config: Path, committee_id: str, today: date) -> Path:
    """Find the committee's file; raises `BrokenFolder` when there is none."""
    for path in sorted((config / "committees").glob("*.yaml")):
        if read_yaml(path, today)["id"] == committee_id:
            return path
    raise BrokenFolder(f"{config}/committees: no file has the id {committee_id}")


def edited(path: Path, edit: Callable[[CommentedMap], None]) -> str:
    """The file's text with what `edit` changes; its line ends stay as they are."""
    yaml = _round_trip()
    text = path.read_bytes().decode("utf-8")
    try:
        content = yaml.load(text)
    except YAMLError as error:
        raise BrokenFolder(f"{path}: {error}") from None
    edit(content)
    written = StringIO()
    yaml.dump(content, written)
    return written.getvalue().replace("\n", "\r\n" if "\r\n" in text else "\n")


def _round_trip() -> YAML:
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = _WIDEST
    yaml.indent(mapping=2, sequence=4, offset=2)
    return yaml


def flow(collection: Any) -> Any:
    """On one line, in braces or brackets."""
    collection.fa.set_flow_style()
    return collection


def check_loads(config: Path, path: Path, text: str, today: date) -> None:
    """Read the file with its new text as each service would.

    Raises:
        BadTable: one of them would refuse it; the file stays as it is.
    """
    with tempfile.TemporaryDirectory() as scratch:
        shutil.copytree(config / "committees", Path(scratch) / "committees")
        (Path(scratch) / "committees" / path.name).write_bytes(text.encode())
        refusals = dict.fromkeys(_refusals(Path(scratch), today))
    if refusals:
        raise BadTable([f"{path}:1: would not load: {words}" for words in refusals])


def _refusals(folder: Path, today: date) -> Iterator[str]:
    loaders: Mapping[str, Callable[[Path, date], object]] = {
        "validation": load_register,
        "archive": load_meetings,
        "notification": load_recipients,
    }
    for service, load in loaders.items():
        try:
            load(folder, today)
        except BrokenFolder as broken:
            yield f"{service}: {str(broken).replace(str(folder), '…')}"


def write_whole(path: Path, text: str) -> None:
    """Put the new text in the file's place, whole or not at all."""
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", newline="", dir=path.parent, prefix=".", suffix=".new", delete=False
    ) as file:
        fresh = Path(file.name)
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    try:
        shutil.copymode(path, fresh)
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
