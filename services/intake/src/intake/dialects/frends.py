"""The JSON that Frends (by Newtonsoft's rules) makes of a platform's XML, as the same tree.

Every value is a text; attributes begin with `@`; CDATA is an object with `#cdata-section`, or is
already the text; one element is an object and several are a list.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from intake.dialects import Unreadable, whole_characters
from intake.dialects.flow_instance import DEEPEST, MOST_ELEMENTS, NAMESPACE, Node

ROOT = "FlowInstance"
_TEXTS = ("#text", "#cdata-section")


def read_content(content: Any) -> Node:
    """The tree of a parsed JSON document; raises `Unreadable`."""
    root = content.get(ROOT) if isinstance(content, Mapping) else None
    if not isinstance(root, Mapping):
        raise Unreadable(f"Innehållet är inget ärende ({ROOT}).")
    if root.get("@xmlns", NAMESPACE) != NAMESPACE:
        raise Unreadable("Ärendet har ett okänt namnrum. Det ska vara det som Open ePlatform använder.")
    return _Tree().node(ROOT, root, DEEPEST)


class _Tree:
    """Counts what it makes, since what comes from outside may be meant to exhaust us."""

    def __init__(self) -> None:
        self._left = MOST_ELEMENTS

    def node(self, name: str, value: Any, levels: int) -> Node:
        self._left -= 1
        if levels == 0 or self._left < 0:
            raise Unreadable("Ärendet har för många element eller nivåer.")
        if isinstance(value, Mapping):
            return Node(name, _own_text(value), tuple(self._children(value, levels)))
        return Node(name, _text(value))

    def _children(self, members: Mapping[str, Any], levels: int) -> Iterator[Node]:
        for name, value in members.items():
            if not name.startswith(("@", "#")):
                for one in value if isinstance(value, list) else [value]:
                    yield self.node(name, one, levels - 1)


def _own_text(members: Mapping[str, Any]) -> str:
    return "".join(_text(members[key]) for key in _TEXTS if key in members)


def _text(value: Any) -> str:
    """A text; what a later version of Frends may leave as a number or a truth is written as XML does."""
    match value:
        case None:
            return ""
        case str():
            return whole_characters(value)
        case bool():
            return "true" if value else "false"
        case int() | float():
            return str(value)
        case _:
            raise Unreadable("Ärendet har ett värde som inte är text.")
