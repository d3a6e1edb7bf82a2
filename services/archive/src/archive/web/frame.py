"""What stands around a page: who looks, what their forms need, and what came of what they just did."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Undo:
    """The last act upon a report, which can still be taken back."""

    submission_id: str
    version: int
    subject: str


@dataclass(frozen=True)
class Notice:
    """What an act has done, said once on the page that follows it."""

    text: str
    subject: str = ""
    undo: Undo | None = None


@dataclass(frozen=True)
class Mistake:
    """What is missing or wrong in a form: `field` is the element's id, `message` what to do."""

    field: str
    message: str


@dataclass(frozen=True)
class Frame:
    """`who` is the person's name, empty when nobody is signed in; `csrf` goes with every form.

    `open_here` is a house without sign-in, that answers on its own machine only.
    `typed` is what a form with a mistake held, by element id, so that nobody writes it twice.
    """

    who: str = ""
    csrf: str = ""
    open_here: bool = False
    operator: bool = False
    notice: Notice | None = None
    mistakes: tuple[Mistake, ...] = ()
    typed: Mapping[str, str] = field(default_factory=dict)

    def mistake(self, element: str) -> str:
        """What is wrong with that field; empty when nothing is."""
        return next((one.message for one in self.mistakes if one.field == element), "")


NOBODY = Frame()
