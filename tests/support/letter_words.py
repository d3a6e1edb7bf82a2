"""What a person reads in the shapes of a letter, word for word."""

from collections.abc import Sequence
from html.parser import HTMLParser

_INLINE = frozenset({"a", "span"})
_VOID = frozenset({"meta"})
_UNREAD = frozenset({"title", "style"})


class Reading(HTMLParser):
    """What a person reads in the HTML; marks, and a link's address, stand as the text part has them."""

    def __init__(self) -> None:
        super().__init__()
        self.read = ""
        self._open: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _VOID:
            self._open.append((tag, dict(attrs)))
        self.read += {"li": " - "}.get(tag, "" if tag in _INLINE else " ")

    def handle_endtag(self, tag: str) -> None:
        opened, attributes = self._open.pop()
        assert opened == tag
        self.read = self.read.rstrip() if tag in ("th", "h2") else self.read
        self.read += {"a": f": {attributes.get('href')}", "th": ": ", "h2": ": "}.get(
            tag, "" if tag in _INLINE else " "
        )

    def handle_data(self, data: str) -> None:
        if _UNREAD.isdisjoint(tag for tag, _ in self._open):
            self.read += data


def words_of_html(html: str) -> Sequence[str]:
    reading = Reading()
    reading.feed(html)
    return reading.read.split()


def words_of_text(text: str) -> Sequence[str]:
    return text.split()
