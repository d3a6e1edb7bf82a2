"""What a Containerfile says, instruction by instruction."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Instruction:
    name: str
    told: str

    @property
    def words(self) -> list[str]:
        return shlex.split(self.told)


@dataclass(frozen=True, slots=True)
class Containerfile:
    instructions: tuple[Instruction, ...]

    def told(self, name: str) -> list[str]:
        return [one.told for one in self.instructions if one.name == name]

    def pairs(self, name: str) -> dict[str, str]:
        """The names and values of all `ENV` or all `LABEL`."""
        words = [word for one in self.instructions if one.name == name for word in one.words]
        return dict(word.split("=", 1) for word in words)

    @property
    def copied(self) -> Iterator[str]:
        """What is copied from the repository."""
        for one in self.instructions:
            if one.name == "COPY" and not one.told.startswith("--from"):
                yield from one.words[:-1]


def containerfile(path: Path) -> Containerfile:
    """Comments, blanks and the ends of broken lines are gone."""
    text = re.sub(r"^\s*#.*\n", "", path.read_text("utf-8"), flags=re.MULTILINE)
    lines = re.sub(r"\\\n\s*", "", text).splitlines()
    return Containerfile(tuple(Instruction(*line.split(" ", 1)) for line in lines if line.strip()))
