"""Why a file is not taken."""

from dataclasses import dataclass


@dataclass
class Refused(Exception):
    """The file is not taken; `detail` says why and what to do, in Swedish and without what it holds."""

    detail: str
