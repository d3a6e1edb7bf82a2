"""What a judgement is made of: findings, each with its rule, its outcome and its source."""

from dataclasses import dataclass
from typing import Literal

Outcome = Literal["reject", "hold", "note"]
"""What one finding does to the report: stops it, asks the secretary, or only travels along."""

Verdict = Literal["accepted", "held", "rejected"]
"""What became of the report as a whole."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a rule had to say, in words for the person who is shown it.

    `pointer` is a JSON Pointer (RFC 6901) into the report's data, `/attachments/0` for a file name.
    """

    rule: str
    outcome: Outcome
    message: str
    source: str
    pointer: str | None = None


def verdict_of(findings: tuple[Finding, ...]) -> Verdict:
    """Any reject rejects; else any hold holds; notes never decide."""
    outcomes = {finding.outcome for finding in findings}
    if "reject" in outcomes:
        return "rejected"
    return "held" if "hold" in outcomes else "accepted"
