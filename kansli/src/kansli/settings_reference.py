"""The reference of all settings: made of the models that read them, so that it cannot say anything else.

`python -m kansli.settings_reference` tells whether `docs/settings.md` is up to date; `--write` makes it so.
"""

import types
from collections.abc import Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from chassis.settings import ServiceSettings
from kansli.made_of_code import Made
from kansli.operators import SERVICES
from kansli.places import reference_documents

FILE = "settings.md"

_HEAD = """\
# Settings

All that the four services can be told from outside, by environment variables.
This page is made of the code that reads them (`python -m kansli.settings_reference --write`).

- Each may be given as `<NAME>_FILE` instead: the path of a file that holds the value, as secrets are mounted
  by systemd, Kubernetes and Compose. White space around it is left out. The variable counts before the file.
- A name with a service's prefix that is no setting stops the start, and the nearest right one is told.
- `python -m intake settings` (`validation`, `archive`, `notification`) shows what is in force and
  where it comes from, with secrets masked; `check` tells whether the service could start with it.
- `kansli up` runs all four in one process: it gives each its database, folders and keys, and reads the same
  variables before that.
- `TMPDIR` says where files are worked on that are too large for memory.
"""

_WORDS: Mapping[type, str] = {
    SecretStr: "secret",
    bool: "`true` or `false`",
    float: "number",
    int: "whole number",
    Path: "path",
    str: "text",
}

_BOUNDS: Mapping[str, str] = {
    "gt": "over {}",
    "ge": "at least {}",
    "lt": "under {}",
    "le": "at most {}",
    "max_length": "at most {} characters",
}


def reference() -> str:
    """The page, with a table for each service."""
    return "\n".join([_HEAD, *(_of_service(kind) for kind in SERVICES.values())])


def _of_service(kind: type[ServiceSettings]) -> str:
    rows = [_row(kind, name, field) for name, field in kind.model_fields.items()]
    lines = [
        f"## {kind.service.capitalize()}",
        "",
        "| name | type | default | what it means |",
        "|---|---|---|---|",
    ]
    return "\n".join([*lines, *rows, ""])


def _row(kind: type[ServiceSettings], name: str, field: FieldInfo) -> str:
    told = [f"`{kind.prefix()}{name.upper()}`", _type_of(field), _default_of(kind, name, field)]
    return f"| {' | '.join(map(_cell, [*told, field.description or '']))} |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _type_of(field: FieldInfo) -> str:
    kind = _plain(field.annotation)
    if issubclass(kind, StrEnum):
        return " or ".join(f"`{choice.value}`" for choice in kind)
    return ", ".join([_WORDS[kind], *_bounds_of(field)])


def _plain(annotation: Any) -> type:
    """What stands beside None, where the setting may be left out."""
    if get_origin(annotation) in (Union, types.UnionType):
        (annotation,) = [choice for choice in get_args(annotation) if choice is not type(None)]
    if get_origin(annotation) is Annotated:
        annotation, *_ = get_args(annotation)
    return annotation  # type: ignore[no-any-return]


def _bounds_of(field: FieldInfo) -> Iterator[str]:
    for constraint in field.metadata:
        for name, words in _BOUNDS.items():
            if (bound := getattr(constraint, name, None)) is not None:
                yield words.format(bound)


def _default_of(kind: type[ServiceSettings], name: str, field: FieldInfo) -> str:
    if field.is_required():
        return "must be given"
    value = kind.default_listen if name == "listen" else field.default
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    return f"`{_written(value)}`" if value not in (None, "") else ""


def _written(value: object) -> str:
    """As it would be written in the environment."""
    return str(value).lower() if isinstance(value, bool) else str(value)


MADE = Made(
    "kansli.settings_reference",
    __doc__,
    reference_documents(),
    lambda: {FILE: reference()},
    "what the services read",
)


if __name__ == "__main__":
    MADE.main()
