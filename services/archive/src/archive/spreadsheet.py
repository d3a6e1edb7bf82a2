"""Tables for a Swedish Excel: UTF-8 with a byte order mark, semicolons, decimal commas, harmless cells."""

import csv
from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from io import StringIO

from archive.forms import number_in_words

Cell = str | date | Decimal | None

_BEGINS_A_FORMULA = tuple("=+-@＝＋－＠")


def as_csv(heads: Sequence[str], rows: Iterable[Sequence[Cell]]) -> bytes:
    """The table, a line for each row; the same rows give the same bytes."""
    written = StringIO()
    table = csv.writer(written, delimiter=";", lineterminator="\r\n")
    table.writerow(heads)
    table.writerows([_written(cell) for cell in row] for row in rows)
    return written.getvalue().encode("utf-8-sig")


def _written(cell: Cell) -> str:
    match cell:
        case None:
            return ""
        case Decimal():
            return number_in_words(float(cell))
        case date():
            return cell.isoformat()
        case _:
            return _harmless(cell)


def _harmless(text: str) -> str:
    """A text that a spreadsheet would take for a formula begins with an apostrophe (CWE-1236)."""
    line = " ".join(text.split())
    return f"'{line}" if line.startswith(_BEGINS_A_FORMULA) else line
