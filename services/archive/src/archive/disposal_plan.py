"""A committee's disposal plan: what it has decided need not be kept, and from when it may be removed."""

from datetime import date
from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

KEEP: Final = "keep"


class AfterYears(BaseModel):
    """Kept for so many whole calendar years after the year of the meeting."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    years: Annotated[int, Field(ge=1, le=100)]


class DisposalPlan(BaseModel):
    """Keep, unless the committee has decided otherwise and says where (`decision`: its date and paragraph).

    A record is a public document, and to remove it takes a decision of its own authority (arkivlagen 10 §).
    """

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore")

    reports: Literal["keep"] | AfterYears = KEEP
    decision: str = ""

    @model_validator(mode="after")
    def _by_decision(self) -> Self:
        if self.reports != KEEP and not self.decision.strip():
            raise ValueError("gallring kräver nämndens beslut: ange datum och paragraf i decision")
        return self

    @property
    def rule(self) -> str:
        """The plan in words, as the proof of a disposal quotes it."""
        if not isinstance(self.reports, AfterYears):
            return "Rapporterna bevaras."
        return f"Rapporterna gallras {self.reports.years} år efter utgången av sammanträdets kalenderår."

    def due_from(self, meeting: date) -> date | None:
        """The first day on which what belongs to the meeting may be removed; None: never."""
        if not isinstance(self.reports, AfterYears):
            return None
        return date(meeting.year + self.reports.years + 1, 1, 1)
