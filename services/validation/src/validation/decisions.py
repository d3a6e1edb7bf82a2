"""A decision of the chair in a report: where it is put, and what it leaves when it cannot be used."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from validation.judgement import Judgement


def placed(data: Mapping[str, Any], pointer: str, decision: Mapping[str, Any]) -> dict[str, Any]:
    """The data with the decision at the JSON pointer (RFC 6901); what lies on the way is made."""
    first, *rest = [step.replace("~1", "/").replace("~0", "~") for step in pointer[1:].split("/")]
    if not rest:
        return {**data, first: dict(decision)}
    inner = data.get(first)
    below = inner if isinstance(inner, dict) else {}
    return {**data, first: placed(below, "/" + "/".join(rest), decision)}


def still_held(former: Judgement, refused: Judgement) -> Judgement:
    """The report as it was held before, with what was wrong with the decision."""
    wrong = tuple(
        replace(finding, outcome="hold") for finding in refused.findings if finding.outcome == "reject"
    )
    return replace(former, outcome="held", findings=(*former.findings, *wrong))
