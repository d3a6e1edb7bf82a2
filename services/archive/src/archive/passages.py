"""Passages: words that a secretary hides in the copy for the packet."""

from collections.abc import Sequence
from typing import Any

HIDDEN = "[maskerat]"


class PassageMissing(Exception):
    """A passage stands nowhere in the report, so that hiding it would hide nothing."""


def without_passages(content: Any, passages: Sequence[str]) -> Any:
    """The same structure with each passage hidden wherever it stands; keys stay.

    Raises:
        PassageMissing: one of them is not there as it is written.
    """
    if any(_without(content, passage) == content for passage in passages):
        raise PassageMissing
    for passage in sorted(passages, key=len, reverse=True):
        content = _without(content, passage)
    return content


def _without(content: Any, passage: str) -> Any:
    if isinstance(content, str):
        return content.replace(passage, HIDDEN)
    if isinstance(content, dict):
        return {key: _without(value, passage) for key, value in content.items()}
    return [_without(item, passage) for item in content] if isinstance(content, list) else content
