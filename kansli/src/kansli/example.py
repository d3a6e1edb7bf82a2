"""The example municipality: its dates follow today, its people are made up, its samples are sent once."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from chassis.yaml_files import read_yaml, resolve_today

KEY = "exempelnyckel"
"""The platform's key in the example; its hash stands in `callers.yaml`."""


@dataclass(frozen=True)
class Example:
    """The example as written out for today."""

    folder: Path

    @property
    def config(self) -> Path:
        return self.folder / "config"

    def samples(self) -> Iterator[tuple[str, bytes]]:
        """The sample submissions by name, in the order in which they are to be sent."""
        for path in sorted((self.folder / "submissions").glob("*.json")):
            yield path.stem, path.read_bytes()


def write_example(source: Path, target: Path, today: date) -> Example:
    """Write the example out with its dates relative to today, unless one is there whose meetings last.

    What is written stays as it is from day to day, so that a meeting does not move under its reports,
    and so that it can be changed while the house runs.
    """
    example = Example(target)
    if not _lasts(example.config, today):
        for path in sorted(source.rglob("*")):
            if path.is_file():
                _write_out(path, example, source, today)
    return example


def _write_out(path: Path, example: Example, source: Path, today: date) -> None:
    inside = path.relative_to(source)
    folder = example.folder if inside.parts[0] == "submissions" else example.config
    target = folder / inside
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(resolve_today(path.read_text("utf-8"), today), "utf-8")


def _lasts(config: Path, today: date) -> bool:
    """Whether each committee that was written out has a meeting to come."""
    committees = [read_yaml(path, today) for path in (config / "committees").glob("*.yaml")]
    return bool(committees) and all(
        any(meeting["date"] > today.isoformat() for meeting in committee["meetings"])
        for committee in committees
    )
