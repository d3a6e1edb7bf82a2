"""The proof of a disposal (gallringsbevis): what was removed, when, by whom, and by what right."""

from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy.engine import Row

from archive.calendar import moment_in_words


def proof(disposal: Row[Any], committee: str) -> str:
    """A page of Swedish; it names papers by numbers and hashes, and nobody who wrote them."""
    return "\n".join([*_head(disposal, committee), *_removed(disposal), *_LEFT, ""])


def _head(disposal: Row[Any], committee: str) -> Iterator[str]:
    yield f"Gallringsbevis {disposal.id}"
    yield ""
    yield f"Nämnd: {committee}"
    yield f"Regel: {disposal.rule}"
    yield f"Beslut: {disposal.decision}"
    yield f"Föreslaget: {moment_in_words(disposal.proposed_at)} av {disposal.proposed_by}"
    yield f"Verkställt: {moment_in_words(disposal.closed_at)} av {disposal.closed_by}"
    gone = moment_in_words(disposal.removed_at) if disposal.removed_at else "pågår"
    yield f"Filerna borttagna: {gone}"


def _removed(disposal: Row[Any]) -> Iterator[str]:
    for packet in disposal.packets:
        yield ""
        yield f"Sammanträdet {packet['meeting']}, paket {packet['number']}"
        yield from (f"  {name}  SHA-256 {digest}" for name, digest in packet["files"].items())
        yield from (f"  {_report(report)}" for report in packet["reports"])


def _report(report: Mapping[str, Any]) -> str:
    number = f"dnr {report['diarienummer']}, " if report["diarienummer"] else ""
    return f"Rapport {number}inlämning {report['submission_id']}, revision {report['revision']}"


_LEFT = (
    "",
    "Kvar finns uppgiften om att rapporterna har funnits: nummer, datum, verksamhet och ersättning.",
    "Bilagor som följde med en rapport ligger hos den tjänst som tog emot dem och gallras där.",
)
