"""What was released of the events still holds: services are upgraded one by one.

A service that has not been upgraded reads what an upgraded one says, and an upgraded one reads what
waited in queues and outboxes meanwhile. What would make either fail is another version of the event,
whose `former` is the one in `schemas/released/` until nobody says or holds that; then its file is removed
by hand.

`python -m kansli.released_events` tells what is broken; `--write` notes, at a release, the events as
they are now, and refuses if they break what was released before.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from kansli.event_schemas import Schema, schemas
from kansli.made_of_code import as_json
from kansli.places import released_events

_BOUNDS = (
    "pattern",
    "minLength",
    "maxLength",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minItems",
    "maxItems",
)


def broken(folder: Path, current: Mapping[str, Schema]) -> list[str]:
    """What of the released events in the folder no longer holds, each with its file."""
    return [line for path in sorted(folder.glob("*.json")) for line in _broken(path, current)]


def _broken(path: Path, current: Mapping[str, Schema]) -> list[str]:
    if path.name not in current:
        return [f"{path.name}: was released and is no longer known"]
    released = json.loads(path.read_text("utf-8"))
    return [f"{path.name}{found}" for found in breaks(released, current[path.name])]


def breaks(released: Schema, current: Schema) -> list[str]:
    """What in the current schema would make who reads or says the released one fail.

    A lost field, one that must be there and need not have been or the other way round, another type,
    fewer values, other bounds. A further field that may be left out and a further value break nobody.
    """
    return list(_breaks(_Side(released, released), _Side(current, current), ""))


class _Side:
    """A subschema together with the document in which its references point."""

    def __init__(self, root: Schema, schema: Schema) -> None:
        self.root = root
        name = schema.get("$ref", "").removeprefix("#/$defs/")
        self.schema: Schema = root["$defs"][name] if name else schema

    def within(self, schema: Schema) -> "_Side":
        return _Side(self.root, schema)

    @property
    def properties(self) -> Mapping[str, Schema]:
        return dict(self.schema.get("properties", {}))

    @property
    def required(self) -> set[str]:
        return set(self.schema.get("required", []))

    @property
    def values(self) -> set[str] | None:
        """The values that an enum or a const allows, as JSON; None when it is open."""
        if "const" in self.schema:
            return {json.dumps(self.schema["const"])}
        return {json.dumps(value) for value in self.schema["enum"]} if "enum" in self.schema else None

    @property
    def choices(self) -> Mapping[str, "_Side"]:
        """What it may be, by type and format."""
        sides = map(self.within, self.schema.get("anyOf", [self.schema]))
        return {side.kind: side for side in sides}

    @property
    def kind(self) -> str:
        told = self.schema.get("type", "anything")
        return f"{told} ({self.schema['format']})" if "format" in self.schema else str(told)

    @property
    def contents(self) -> Iterator[tuple[str, "_Side"]]:
        """What each item of a list, and each value of an open object, is."""
        for keyword in ("items", "additionalProperties"):
            if isinstance(schema := self.schema.get(keyword), dict):
                yield keyword, self.within(schema)


def _breaks(old: _Side, new: _Side, place: str) -> Iterator[str]:
    before, after = old.choices, new.choices
    lost, won = sorted(before.keys() - after.keys()), sorted(after.keys() - before.keys())
    if lost:
        yield f"{place or '/'}: may no longer be {', '.join(lost)}"
    elif won:
        yield f"{place or '/'}: may now be {', '.join(won)}"
    for kind in before.keys() & after.keys():
        yield from _breaks_of_choice(before[kind], after[kind], place)


def _breaks_of_choice(old: _Side, new: _Side, place: str) -> Iterator[str]:
    if new.values is not None and (old.values is None or old.values - new.values):
        yield f"{place or '/'}: allows fewer values"
    if moved := [name for name in _BOUNDS if old.schema.get(name) != new.schema.get(name)]:
        yield f"{place or '/'}: has another {', '.join(moved)}"
    inside = dict(new.contents)
    for keyword, content in old.contents:
        if keyword in inside:
            yield from _breaks(content, inside[keyword], place)
    yield from _breaks_of_fields(old, new, place)


def _breaks_of_fields(old: _Side, new: _Side, place: str) -> Iterator[str]:
    for name in sorted(old.properties.keys() - new.properties.keys()):
        yield f"{place}/{name}: is gone"
    for name in sorted(new.required - old.required):
        yield f"{place}/{name}: is required, and was not"
    for name in sorted((old.required - new.required) & new.properties.keys()):
        yield f"{place}/{name}: may be left out, and might not"
    for name in sorted(old.properties.keys() & new.properties.keys()):
        yield from _breaks(
            old.within(old.properties[name]), new.within(new.properties[name]), f"{place}/{name}"
        )


def release(folder: Path) -> None:
    """Note the events as they are now, beside older versions that are still said."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, schema in schemas().items():
        (folder / name).write_text(as_json(schema), "utf-8")


def main(arguments: Sequence[str] | None = None) -> None:
    """Exit with 1 when something that was released no longer holds, and then write nothing."""
    parser = argparse.ArgumentParser(prog="python -m kansli.released_events", description=__doc__)
    parser.add_argument("--folder", type=Path, default=released_events())
    parser.add_argument("--write", action="store_true", help="note the events as released")
    options = parser.parse_args(arguments)
    if found := broken(options.folder, schemas()):
        sys.exit("\n".join([*found, "Make it another version, whose former is the one that was released."]))
    if options.write:
        release(options.folder)


if __name__ == "__main__":
    main()
