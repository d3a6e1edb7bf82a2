"""What the pages' forms send: read with care, and told field by field when something is missing."""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Annotated, Literal, TypeVar

from aiohttp import web
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, ValidationError

from archive.forms import ChairDecision
from archive.packets.drafting import Wish
from archive.web.frame import Mistake
from chassis.problems import plain_problem


def _empty_is_none(value: object) -> object:
    """A form sends every field, and an empty one means that nothing was chosen."""
    return value or None


def _one_newline(value: object) -> object:
    """Browsers send the lines of a text with CR LF."""
    return value.replace("\r\n", "\n") if isinstance(value, str) else value


Prose = Annotated[
    str,
    BeforeValidator(_one_newline),
    StringConstraints(strip_whitespace=True, max_length=2000, pattern=r"^[^\x00]*$"),
]
Word = Annotated[
    str, StringConstraints(strip_whitespace=True, max_length=100, pattern=r"^[^\x00-\x1f\x7f-\x9f]*$")
]
Needed = Annotated[Word, Field(min_length=1)]
Day = Annotated[date | None, BeforeValidator(_empty_is_none)]


class Form(BaseModel):
    """`extra` is ignored: one form serves several buttons, of which each needs its own fields."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class ReportForm(Form):
    """An act upon a report, with the version that was seen.

    `page` is the meeting on whose page the form stood; without it, it stood on the report's own.
    """

    version: int = Field(ge=1)
    page: Day = None
    reason: Prose = ""


class ReleaseForm(ReportForm):
    """With a decision of the chair, if there is one: both its day and its reference, or neither."""

    datum: Day = None
    referens: Word = ""


class MoveForm(ReportForm):
    to: Day = None


class MaskForm(ReportForm):
    passages: Prose = ""

    @property
    def lines(self) -> tuple[str, ...]:
        return tuple(filter(None, map(str.strip, self.passages.splitlines())))


class NumberForm(ReportForm):
    diarienummer: Needed


class OrderForm(ReportForm):
    direction: Literal["up", "down"]


class FreezeForm(Form):
    leave_out_held: bool = False
    agenda_number: Word = ""
    diarienummer: Word = ""

    def wish(self) -> Wish:
        return Wish(**self.model_dump())


class MinutesForm(Form):
    paragraph: Needed


class Unfinished(Exception):
    """The form cannot be taken yet: what is to be mended, and what was written meanwhile."""

    def __init__(self, mistakes: tuple[Mistake, ...], sent: Mapping[str, str]) -> None:
        super().__init__(", ".join(mistake.field for mistake in mistakes))
        self.mistakes = mistakes
        self.sent = sent


AnyForm = TypeVar("AnyForm", bound=Form)

_WHAT_TO_DO = {
    "reason": "Skälet får vara högst 2 000 tecken.",
    "datum": "Skriv beslutsdatumet som år, månad och dag.",
    "referens": "Referensen får vara högst 100 tecken, på en rad.",
    "passages": "Det som ska döljas får vara högst 2 000 tecken.",
    "diarienummer": "Skriv diarienumret, högst 100 tecken.",
    "agenda_number": "Punkten får vara högst 100 tecken.",
    "paragraph": "Skriv paragrafen, till exempel § 14.",
}


async def sent_fields(request: web.Request) -> Mapping[str, str]:
    return {name: value for name, value in (await request.post()).items() if isinstance(value, str)}


def read_form(kind: type[AnyForm], sent: Mapping[str, str]) -> AnyForm:
    """The form that was sent.

    Raises:
        Unfinished: a person can mend it.
        Problem: a page of ours cannot have sent it.
    """
    try:
        return kind.model_validate(dict(sent))
    except ValidationError as error:
        names = [str(fault["loc"][0]) for fault in error.errors()]
        if not set(names) <= _WHAT_TO_DO.keys():
            raise plain_problem(400) from None
        raise Unfinished(tuple(_mistakes(names)), sent) from None


def _mistakes(names: list[str]) -> Iterator[Mistake]:
    for name in dict.fromkeys(names):
        yield Mistake(name, _WHAT_TO_DO[name])


def element_of(field: str, submission_id: str, *, on_meeting: bool, masks: bool) -> str:
    """The id of the field on its page, where several reports may have one of the same name."""
    if masks and field == "reason":
        return "mask-reason"
    return f"{field}-{submission_id}" if field in {"reason", "datum", "referens"} or on_meeting else field


def decision_of(form: ReleaseForm, sent: Mapping[str, str]) -> ChairDecision | None:
    """The chair's decision, whole; raises `Unfinished` for half of one."""
    if form.datum and form.referens:
        return ChairDecision(datum=form.datum, referens=form.referens)
    if form.datum:
        raise Unfinished((Mistake("referens", "Skriv beslutets nummer eller referens."),), sent)
    if form.referens:
        raise Unfinished((Mistake("datum", "Skriv vilken dag ordföranden beslutade."),), sent)
    return None
