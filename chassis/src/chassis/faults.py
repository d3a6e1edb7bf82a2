"""What is wrong in a file that a person wrote: the line, the words, and what to do.

A reader says where in the document a fault lies, by keys from the top; the line is found in the text.
"""

import difflib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, TypeVar, get_args

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from chassis.folders import BrokenFolder, Problem
from chassis.yaml_files import compose_yaml, read_yaml

Place = tuple[str | int, ...]
"""Keys and indexes from the top of a document; empty for the whole of it."""


@dataclass(frozen=True, slots=True)
class Fault:
    place: Place
    words: str


class HasId(BaseModel):
    """A model of something that is known by its id."""

    id: str


Model = TypeVar("Model", bound=BaseModel)
Named = TypeVar("Named", bound=HasId)


class Faulty(Exception):
    """A document that can be read and cannot be used, with all that is wrong in it."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("; ".join(fault.words for fault in faults))
        self.faults = faults


def refusal(path: Path, error: Exception, model: type[BaseModel] | None = None) -> BrokenFolder:
    """The refusal of a file, with a problem for each fault; `model` knows how its keys are spelled.

    What stands in the file is never repeated: it may be a key, a name or an address.
    """
    if isinstance(error, ValidationError):
        faults = [_of_pydantic(detail, model) for detail in error.errors(include_url=False)]
        return BrokenFolder.of(_located(path, faults))
    if isinstance(error, Faulty):
        return BrokenFolder.of(_located(path, error.faults))
    line, words = _of_reading(error)
    return BrokenFolder.of([Problem(path, line, words)])


UNREADABLE = (ValidationError, OSError, UnicodeDecodeError, yaml.YAMLError, Faulty)
"""What can be wrong with a file of YAML that a model is to be made of."""


def read_model(path: Path, model: type[Model], today: date) -> Model:
    """Make a model of a YAML file; raises `BrokenFolder` with the line of each fault."""
    try:
        return model.model_validate(read_yaml(path, today))
    except UNREADABLE as error:
        raise refusal(path, error, model) from None


def read_named(path: Path, model: type[Named], today: date) -> Named:
    """Make a model of a file that is called by its id; raises `BrokenFolder`."""
    made = read_model(path, model, today)
    if made.id != path.stem:
        words = f"id is {made.id}, so the file must be {made.id}.yaml; rename one of them"
        raise refusal(path, Faulty([Fault(("id",), words)]))
    return made


def _of_reading(error: Exception) -> tuple[int | None, str]:
    """Why the file is no YAML, no JSON or no text at all, and on which line."""
    match error:
        case yaml.MarkedYAMLError():
            line = error.problem_mark.line + 1 if error.problem_mark else None
            return line, f"no YAML: {error.problem or error.context}"
        case json.JSONDecodeError():
            return error.lineno, f"no JSON: {error.msg}"
        case UnicodeDecodeError():
            return None, "no text in UTF-8; save it as UTF-8"
        case OSError():
            return None, f"cannot be read: {error.strerror}"
        case _:
            return None, str(error)


def _of_pydantic(detail: ErrorDetails, model: type[BaseModel] | None) -> Fault:
    place = tuple(detail["loc"])
    shown = ".".join(map(str, place)) or "file"
    if detail["type"] == "extra_forbidden":
        return Fault(place, f"{shown}: there is no such key{_nearest(place, model)}")
    words = detail["msg"].removeprefix("Value error, ")
    return Fault(place, f"{shown}: {words}")


def _nearest(place: Place, model: type[BaseModel] | None) -> str:
    """The key that was probably meant, or those that there are."""
    known = keys_at(model, place[:-1]) if model else []
    if not known:
        return "; take it away"
    near = difflib.get_close_matches(str(place[-1]), known, n=1, cutoff=0.5)
    return f"; did you mean {near[0]}?" if near else f"; there are {', '.join(sorted(known))}"


def keys_at(model: type[BaseModel], place: Place) -> list[str]:
    """The keys that the model has at a place, by the names that its author writes."""
    here: type[BaseModel] | None = model
    for step in place:
        if here is None:
            return []
        field = {_written(name, one): one for name, one in here.model_fields.items()}.get(str(step))
        here = _model_in(field.annotation) if field else here
    return [_written(name, field) for name, field in here.model_fields.items()] if here else []


def _written(name: str, field: Any) -> str:
    return field.alias or name


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The model inside an annotation such as `tuple[Meeting, ...]` or `Mapping[str, Rule]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    found = (_model_in(argument) for argument in get_args(annotation))
    return next((one for one in found if one), None)


def _located(path: Path, faults: Sequence[Fault]) -> list[Problem]:
    places = Places.of(path)
    return [Problem(path, places.line(fault.place), fault.words) for fault in faults]


class Places:
    """Where the parts of a document stand; YAML's reader serves JSON too, which is a part of YAML."""

    def __init__(self, root: yaml.Node | None) -> None:
        self._lines = dict(_lines(root, ())) if root else {}

    @classmethod
    def of(cls, path: Path) -> "Places":
        """Of a file; one that cannot be read has no places."""
        try:
            return cls(compose_yaml(path.read_text("utf-8")))
        except (OSError, ValueError, yaml.YAMLError):
            return cls(None)

    def line(self, place: Place) -> int | None:
        """The line of the part, counted from 1, or of the nearest part around it that there is."""
        while place not in self._lines and place:
            place = place[:-1]
        return self._lines.get(place)


def _lines(node: yaml.Node, place: Place) -> Iterator[tuple[Place, int]]:
    """A member's line is that of its key, where a person looks for it."""
    if not place:
        yield place, node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            inside = (*place, str(key.value))
            yield inside, key.start_mark.line + 1
            yield from _lines(value, inside)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield (*place, index), value.start_mark.line + 1
            yield from _lines(value, (*place, index))
