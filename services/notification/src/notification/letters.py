"""The letters: texts made of an event's facts alone, the same whenever they are written.

A letter says what to do and by when, which report it is about and why one gets it.
It never holds the report's own text, who made the visit, or a personnummer: mail is a postcard.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from textwrap import fill
from typing import Annotated, Any, Literal

from css_inline import CSSInliner
from jinja2 import Environment, PackageLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from chassis.clock import in_stockholm
from chassis.masking import masked
from chassis.swedish_dates import day_and_month, weekday
from notification.recipients import Committee, LetterKind, Recipient, SummaryKind, in_sweden

_TEXT_WIDTH = 72
"""Characters a line of the text part, so that a quoted answer still fits in 80."""

_BLANKS = re.compile(r"[\x00-\x20\x7f-\x9f\s]+")


def _on_one_line(text: str) -> str:
    return _BLANKS.sub(" ", text).strip()


Line = Annotated[str, AfterValidator(_on_one_line)]
PostcardLine = Annotated[Line, AfterValidator(masked)]
"""What anybody may read on the way.

A report that is held for a personnummer may have it in the very words that tell which report it is:
the warning must not spread what it warns of.
"""
SwedishMoment = Annotated[datetime, AfterValidator(in_sweden)]


class _Fact(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Meeting(_Fact):
    date: date
    deadline: SwedishMoment
    time: Line | None = None
    place: PostcardLine | None = None


class Finding(_Fact):
    """What a rule said of the report, in the rule's own words."""

    outcome: Literal["reject", "hold", "note"]
    message: PostcardLine
    source: Line


class Occasion(_Fact):
    """What happened to a report, as far as a letter may tell it."""

    event_id: str = Field(min_length=1)
    submission_id: str = Field(pattern=r"^[A-Za-z0-9-]{1,64}$")
    revision: int = Field(ge=1)
    title: Line
    """The form's title."""
    event_date: date | None = None
    """The day of the visit; who made it is not for a postcard."""
    reference: Line | None = None
    """The number the e-service platform gave."""
    unit: PostcardLine | None = None
    arrived_at: SwedishMoment
    meeting: Meeting | None = None
    late: bool = False
    """Whether a deadline had passed, so that the report went on to a later meeting."""
    is_held: bool = False
    """Whether it goes on to its meeting only when the secretary has released it."""
    findings: tuple[Finding, ...] = ()
    reason: PostcardLine | None = None
    """The secretary's words on why the report goes back."""
    page_url: str | None = None
    """The page where the secretary takes care of it, behind sign-in."""
    submitter_told: bool = True
    """Whether the submitter gets a letter too, or has no address to write to."""

    def of_outcome(self, outcome: str) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.outcome == outcome)


@dataclass(frozen=True, slots=True)
class AttachedPacket:
    """A packet's papers in one PDF, as it goes along with a letter."""

    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Letter:
    id: str
    """Known before the letter is sent, and without an address: fit for logs and file names."""
    kind: LetterKind | SummaryKind
    committee: str
    submission_id: str
    """What it is about; of a summary, the committee and what it sums up."""
    recipient_name: str
    recipient_address: str
    subject: str
    text: str
    html: str
    message_id: str
    created_at: datetime
    calendar: bytes | None = None
    """A calendar file that goes along (RFC 5545)."""
    packet: AttachedPacket | None = None
    thread: str | None = None
    """What it has in common with other letters to the same person: a meeting, or a report."""
    follows: str | None = None
    """The Message-ID of the first letter of the thread that was sent to the recipient."""


def compose(
    occasion: Occasion,
    committee: Committee,
    recipient: Recipient,
    *,
    domain: str,
    created_at: datetime,
) -> Letter:
    """Write the letter; the same event gives the same recipient the same letter, byte for byte.

    `domain` is the sender's, for the Message-ID;
    `created_at` is the moment of the event, not of the writing.
    """
    return written(
        _letter_id(occasion, recipient),
        occasion.submission_id,
        committee,
        recipient,
        {"occasion": occasion, "page_url": occasion.page_url},
        domain=domain,
        created_at=created_at,
    )


def written(
    letter_id: str,
    about: str,
    committee: Committee,
    recipient: Recipient,
    told: Mapping[str, Any],
    *,
    domain: str,
    created_at: datetime,
) -> Letter:
    """Write the letter of the recipient's kind from what is told, in every shape."""
    facts = {
        **told,
        "committee": committee,
        "recipient": recipient,
        "year": in_stockholm(created_at).year,
    }
    return Letter(
        id=letter_id,
        kind=recipient.kind,
        committee=committee.id,
        submission_id=about,
        recipient_name=_on_one_line(recipient.name),
        recipient_address=recipient.address,
        subject=_subject(recipient.kind, facts),
        text=_text(recipient.kind, facts),
        html=_html(recipient.kind, facts),
        message_id=f"<{letter_id}@{domain}>",
        created_at=created_at,
    )


def _letter_id(occasion: Occasion, recipient: Recipient) -> str:
    """Name the letter after its event: told twice it is one letter.

    Two events about one revision (held, released, held again) are two letters.
    """
    told = hashlib.sha256(f"{occasion.event_id} {recipient.address.casefold()}".encode()).hexdigest()
    return f"{occasion.submission_id}.{occasion.revision}.{recipient.kind}.{told[:16]}"


@pass_context
def _date(context: Context, day: date) -> str:
    """`27 november`, with the year when it is not the one the letter is written in."""
    words = day_and_month(day)
    return words if day.year == context["year"] else f"{words} {day.year}"


@pass_context
def _day(context: Context, day: date) -> str:
    return f"{weekday(day)} {_date(context, day)}"


@pass_context
def _moment(context: Context, moment: datetime) -> str:
    return f"{_day(context, moment)} klockan {moment:%H.%M}"


def _counted(number: int, one: str, more: str) -> str:
    """`1 rapport`, `3 rapporter`."""
    return f"{number} {one if number == 1 else more}"


def _paragraph(text: str, indent: str = "") -> str:
    """Fill the lines, and never break the address of a page."""
    return fill(
        " ".join(text.split()),
        _TEXT_WIDTH,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _templates(shape: Literal["text", "html"]) -> Environment:
    """Make one shape of the letters: each is written once, in `<kind>.j2`, out of shaped parts."""
    environment = Environment(
        loader=PackageLoader("notification"),
        autoescape=shape == "html",  # noqa: S701
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "counted": _counted,
        "date": _date,
        "day": _day,
        "moment": _moment,
        "paragraph": _paragraph,
    }
    environment.globals["shape"] = environment.get_template(f"shapes/{shape}.j2").module
    return environment


_TEXT = _templates("text")
_HTML = _templates("html")
_STYLES = CSSInliner(keep_at_rules=True, load_remote_stylesheets=False)
"""Styles go where they apply, as some readers drop `<style>`; what depends on window or eyes stays there."""


def _block(templates: Environment, kind: str, name: str, facts: Mapping[str, Any]) -> str:
    template = templates.get_template(f"{kind}.j2")
    return "".join(template.blocks[name](template.new_context(dict(facts))))


def _subject(kind: str, facts: Mapping[str, Any]) -> str:
    return " ".join(_block(_TEXT, kind, "subject", facts).split())


def _text(kind: str, facts: Mapping[str, Any]) -> str:
    body = _block(_TEXT, kind, "letter", facts)
    return re.sub(r"\n{3,}", "\n\n", body).strip() + "\n"


def _html(kind: str, facts: Mapping[str, Any]) -> str:
    body = _block(_HTML, kind, "letter", facts)
    page = _HTML.get_template("shapes/page.html.j2")
    return _STYLES.inline(page.render(facts, subject=_subject(kind, facts), body=Markup(body)))  # noqa: S704
