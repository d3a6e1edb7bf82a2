"""Tables as municipalities save them: CSV in UTF-8 or Excel's Windows-1252, with `;`, `,` or tab."""

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from validation.texts import folded

_SEPARATORS = ";,\t"


class BadTable(Exception):
    """Lines that cannot be taken; the message has each as file:line, what is wrong and what to do.

    It never repeats a cell, since a cell may hold a personnummer.
    """

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = tuple(faults)


class BadCell(Exception):
    """One cell cannot be taken; the message says what is wrong and what to write instead."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table; a cell is found by its column's name, and "" when it is empty."""

    line: int
    cells: Mapping[str, str]

    def __getitem__(self, column: str) -> str:
        return self.cells.get(column, "")

    def has(self, column: str) -> bool:
        return column in self.cells


def read_rows(path: Path, column_of: Callable[[str], str | None]) -> list[Row]:
    """Read the table; `column_of` names the column of a head, None for a head that is not known.

    Raises:
        BadTable: not a table, or a head or a line that does not fit.
    """
    lines = _lines(path)
    if not lines:
        raise BadTable([f"{path}:1: the file is empty; write the heads on its first line"])
    columns = _columns(path, lines[0][1], column_of)
    faults = [
        f"{path}:{number}: {len(cells)} cells under {len(columns)} heads; quote a cell with a separator"
        for number, cells in lines[1:]
        if len(cells) != len(columns)
    ]
    if faults:
        raise BadTable(faults)
    return [
        Row(number, dict(zip(columns, (cell.strip() for cell in cells), strict=True)))
        for number, cells in lines[1:]
    ]


def _lines(path: Path) -> list[tuple[int, list[str]]]:
    """Every line that has something in it, with the number of the line on which it begins."""
    text = _text(path)
    reader = csv.reader(text.splitlines(keepends=True), delimiter=_separator(text), strict=True)
    lines, begins = [], 1
    try:
        for cells in reader:
            lines.append((begins, cells))
            begins = reader.line_num + 1
    except csv.Error as error:
        raise BadTable([f"{path}:{reader.line_num}: {error}; save the file as CSV again"]) from None
    return [(number, cells) for number, cells in lines if any(map(str.strip, cells))]


def _text(path: Path) -> str:
    content = path.read_bytes()
    for encoding in ("utf-8-sig", "cp1252"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise BadTable([f"{path}:1: neither UTF-8 nor Windows-1252; save the file as CSV UTF-8"])


def _separator(text: str) -> str:
    """The separator that the heads have most of."""
    heads = text.partition("\n")[0]
    return max(_SEPARATORS, key=heads.count)


def _columns(path: Path, heads: Sequence[str], column_of: Callable[[str], str | None]) -> list[str]:
    columns = [column_of(folded(head)) for head in heads]
    strange = [place for place, column in enumerate(columns, 1) if column is None]
    known = [column for column in columns if column is not None]
    if strange:
        raise BadTable([f"{path}:1: the head of column {place} is not known" for place in strange])
    if twice := sorted({column for column in known if known.count(column) > 1}):
        raise BadTable([f"{path}:1: two columns for {', '.join(twice)}; leave one out"])
    return known
