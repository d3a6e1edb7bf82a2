"""YAML as municipalities write it: dates stay text for the reader's model to judge."""

import re
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import yaml

_RELATIVE_DAY = re.compile(r"!today(?: (?P<days>[+-]\d+))?(?: (?P<time>\d{2}:\d{2}))?")


class _TextualDates(yaml.SafeLoader):
    """Safe loading in which `2026-12-09` and `12:30` stay text, for the reader's model to judge.

    A key that is given twice is refused: YAML would quietly take the second.
    """

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                problem = "a key is a name; put what begins with { or [ in quotation marks"
                raise yaml.constructor.ConstructorError(None, None, problem, key.start_mark)
            if key.value in seen:
                problem = "the same key stands twice; take one away"
                raise yaml.constructor.ConstructorError(None, None, problem, key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


_KEPT_AS_TEXT = {"tag:yaml.org,2002:timestamp"}
_TextualDates.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag not in _KEPT_AS_TEXT]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def resolve_today(text: str, today: date) -> str:
    """Write out dates relative to today, so that an example never ages.

    `!today +16` becomes the date 16 days from today, `!today +4 12:00` a date and time.
    """

    def written_out(match: re.Match[str]) -> str:
        day = today + timedelta(days=int(match["days"] or 0))
        return f"{day.isoformat()}T{match['time']}:00" if match["time"] else day.isoformat()

    return _RELATIVE_DAY.sub(written_out, text)


def read_yaml(path: Path, today: date) -> Any:
    """Read a YAML file; raises `yaml.YAMLError` with line and column when it is none."""
    return yaml.load(resolve_today(path.read_text("utf-8"), today), Loader=_TextualDates)  # noqa: S506


def compose_yaml(text: str) -> yaml.Node | None:
    """The document as nodes that know their lines; raises `yaml.YAMLError`.

    It reads JSON too, also where JSON has tabs.
    """
    written = resolve_today(text.replace("\t", " "), _ANY_DAY)
    node: yaml.Node | None = yaml.compose(written, Loader=_TextualDates)
    return node


_ANY_DAY = date(2000, 1, 1)
