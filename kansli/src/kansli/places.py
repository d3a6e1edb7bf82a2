"""Where the house's own files lie: in the repository, or inside the package when installed."""

from collections.abc import Sequence
from pathlib import Path

_PACKAGE = Path(__file__).parent
_REPOSITORY = _PACKAGE.parents[2]


def shipped_forms() -> Path:
    return _shipped("schemas/forms")


def shipped_example() -> Path:
    return _shipped("deploy/example")


def shipped_events() -> Path:
    return _shipped("schemas/events")


def released_events() -> Path:
    """The events as they were last released; only the repository has them."""
    return _REPOSITORY / "schemas" / "released"


def reference_documents() -> Path:
    """What is written of the code; only the repository has it."""
    return _REPOSITORY / "docs"


def shipped_definitions() -> Path:
    return _shipped("deploy/rabbitmq") / "definitions.json"


def forms_folders(added: Sequence[Path]) -> list[Path]:
    """The shipped forms, and after them those that were added: they replace forms of the same name."""
    return [shipped_forms(), *added]


def _shipped(path: str) -> Path:
    packaged = _PACKAGE / "shipped" / path
    return packaged if packaged.is_dir() else _REPOSITORY / path
