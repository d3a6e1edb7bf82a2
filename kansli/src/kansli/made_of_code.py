"""Files that are made of the code, so that they cannot say anything else than it does."""

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Made:
    """What a module makes: the folder it lies in, and its files' contents by their names."""

    module: str
    about: str | None
    folder: Path
    contents: Callable[[], Mapping[str, str]]
    told_of: str
    """What the files tell of, for who is told that they tell something else."""
    alone: bool = False
    """Whether every `.json` of the folder is one of them, and none of something that is gone."""

    def drift(self, folder: Path) -> list[str]:
        """How the files in the folder differ from what the code says."""
        expected, there = self.contents(), {path.name for path in folder.glob("*")}
        others = sorted(there - expected.keys()) if self.alone else []
        stale = [
            name
            for name in sorted(expected.keys() & there)
            if (folder / name).read_text("utf-8") != expected[name]
        ]
        return [
            *(
                f"{name}: differs from {self.told_of}: it is missing"
                for name in sorted(expected.keys() - there)
            ),
            *(f"{name}: tells of nothing that there is" for name in others),
            *(f"{name}: differs from {self.told_of}" for name in stale),
        ]

    def write(self, folder: Path) -> None:
        """Make the folder hold the files as they should be, and where they lie alone no others."""
        folder.mkdir(parents=True, exist_ok=True)
        for path in folder.glob("*.json") if self.alone else ():
            path.unlink()
        for name, content in self.contents().items():
            (folder / name).write_text(content, "utf-8")

    def main(self, arguments: Sequence[str] | None = None) -> None:
        """Exit with 1 when the files are not up to date and are not to be written."""
        command = f"python -m {self.module}"
        parser = argparse.ArgumentParser(prog=command, description=self.about)
        parser.add_argument("--folder", type=Path, default=self.folder)
        parser.add_argument("--write", action="store_true", help="make them anew")
        options = parser.parse_args(arguments)
        if options.write:
            self.write(options.folder)
        elif differences := self.drift(options.folder):
            sys.exit("\n".join([*differences, f"Run: {command} --write"]))


def as_json(content: object) -> str:
    """As it is kept: a line for each thing, and our letters as they are."""
    return json.dumps(content, ensure_ascii=False, indent=2) + "\n"
