"""What the year view shows: visits per unit against the guideline's norm, never persons compared."""

from dataclasses import dataclass


@dataclass(frozen=True)
class UnitYear:
    """A unit's year; `contacts` counts its kontaktpolitiker, which is 0 for a unit that has none."""

    name: str
    visits: int
    contacts: int


@dataclass(frozen=True)
class Norm:
    """How many visits a year the guideline wants of each unit, at least and at most."""

    least: int
    most: int

    @property
    def in_words(self) -> str:
        wanted = str(self.least) if self.least == self.most else f"{self.least}–{self.most}"
        return f"{wanted} besök"


@dataclass(frozen=True)
class YearView:
    """Units in the order of the committee's file; `years` are those that can be looked at, newest first.

    `without_unit` counts visits to none of them.
    """

    id: str
    name: str
    year: int
    norm: Norm
    units: tuple[UnitYear, ...] = ()
    years: tuple[int, ...] = ()
    without_unit: int = 0

    @property
    def visits(self) -> int:
        return sum(unit.visits for unit in self.units) + self.without_unit

    @property
    def not_visited(self) -> tuple[UnitYear, ...]:
        return tuple(unit for unit in self.units if not unit.visits)

    @property
    def without_contact(self) -> tuple[UnitYear, ...]:
        return tuple(unit for unit in self.units if not unit.contacts)

    @property
    def scale(self) -> int:
        """The value at the right end of the chart: room for the norm and the longest bar."""
        return max(self.norm.most, *(unit.visits for unit in self.units), 1) + 1

    def share(self, visits: float) -> str:
        """Where a value lies on the chart, in per cent of its width."""
        return f"{100 * visits / self.scale:.2f}%"
