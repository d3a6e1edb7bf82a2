"""Why a file is not taken."""

from dataclasses import dataclass

from intake.events import Finding


@dataclass
class Refused(Exception):
    """The file is not taken; `detail` says why and what to do, in Swedish and without what it holds."""

    detail: str


def left_out(index: int, refused: Refused) -> Finding:
    """What the secretary is told of a file that was not taken, while the rest of what it came with was."""
    return Finding(
        rule="file-refused",
        outcome="note",
        message=f"Fil nummer {index + 1} följer inte med, men finns kvar i e-tjänsten. {refused.detail}",
        source="Handläggningsregel",
        pointer="/attachments",
    )
