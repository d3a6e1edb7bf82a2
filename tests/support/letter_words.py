"""What a person reads in the shapes of a letter."""

import re
from html.parser import HTMLParser


class Reading(HTMLParser):
    """What a person reads in the HTML, a link with its address as the text part has it."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self._open: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag != "meta":
            self._open.append((tag, dict(attrs)))
        self.words.extend(["-"] if tag == "li" else [])

    def handle_endtag(self, tag: str) -> None:
        opened, attributes = self._open.pop()
        assert opened == tag
        self.words.extend({"a": [":", str(attributes.get("href"))], "th": [":"], "h2": [":"]}.get(tag, []))

    def handle_data(self, data: str) -> None:
        if {"title", "style"}.isdisjoint(tag for tag, _ in self._open):
            self.words.append(data)


def read_html(html: str) -> str:
    reading = Reading()
    reading.feed(html)
    return squeezed(" ".join(reading.words))


def squeezed(text: str) -> str:
    return re.sub(r"\s+", "", text)
