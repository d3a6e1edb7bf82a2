"""Rows on their way into a table, without what SQLAlchemy would do anew for each of them.

It makes a statement's parameters row by row, in ten to twenty microseconds each; which column stands where,
and how its values are written for the database, is the same for all of them. PostgreSQL is given a list for
each column: it begins a statement once, where it would begin one for each row.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import ARRAY, Dialect, Insert, bindparam, cast, func, select

ForDriver = Callable[[Any], Any]
"""How a column's value is written for the database's driver."""


@dataclass(frozen=True)
class Loading:
    """An insert as the driver takes it: its text, the columns in their order, and what is to be rewritten."""

    sql: str
    columns: Sequence[str]
    rewritten: Sequence[tuple[int, ForDriver]]
    by_column: bool

    def told(self, rows: Iterable[Mapping[str, Any]]) -> Any:
        """The statement's parameters: a tuple for each row, or in one tuple a list for each column."""
        values = [self._values(row) for row in rows]
        return tuple(map(list, zip(*values, strict=True))) if self.by_column else values

    def _values(self, row: Mapping[str, Any]) -> tuple[Any, ...]:
        told = [row[column] for column in self.columns]
        for place, written in self.rewritten:
            told[place] = written(told[place])
        return tuple(told)


@lru_cache(maxsize=1024)
def loading(statement: Insert, columns: tuple[str, ...], dialect: Dialect) -> Loading:
    """For rows with these columns; made once, as the services have some tens of them."""
    by_column = dialect.name == "postgresql"
    asked = _from_lists(statement, columns) if by_column else statement
    compiled: Any = asked.compile(dialect=dialect, column_keys=list(columns))
    names = compiled.positiontup
    types = [statement.table.c[name].type.dialect_impl(dialect) for name in names]
    processors = [kind.bind_processor(dialect) for kind in types]
    rewritten = [(place, processor) for place, processor in enumerate(processors) if processor]
    return Loading(str(compiled), names, rewritten, by_column)


def _from_lists(statement: Insert, columns: Sequence[str]) -> Insert:
    kinds = {name: ARRAY(statement.table.c[name].type, dimensions=1) for name in columns}
    lists = [cast(bindparam(name, type_=kind), kind) for name, kind in kinds.items()]
    rows = func.unnest(*lists).table_valued(*columns).render_derived()
    return statement.from_select(columns, select(*rows.c))
