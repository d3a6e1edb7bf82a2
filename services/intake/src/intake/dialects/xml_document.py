"""Reading a platform's XML, which comes from outside and may be meant to harm.

No document type, so no entities and no bombs made of them; no depth and no number of elements that
a form could not have. Expat reads XML 1.0 and 1.1 and has no limit on the length of a text, which a
file in base64 needs: docs/decisions/0009 tells why it is not lxml.
"""

import re
from typing import Any
from xml.etree.ElementTree import ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import XMLParser

from intake.dialects import Unreadable
from intake.dialects.flow_instance import DEEPEST, MOST_ELEMENTS, NAMESPACE, Node

_DECLARATION = re.compile(
    rb"""(?P<mark>\xef\xbb\xbf)?
    <\?xml \s* version \s*=\s* ["'] (?P<version>1\.[01]) ["']
    (?: \s* encoding \s*=\s* ["'] (?P<encoding>[A-Za-z][A-Za-z0-9._-]{0,30}) ["'] )?
    (?: \s* standalone \s*=\s* ["'] (?:yes|no) ["'] )?
    \s* \?>""",
    re.VERBOSE,
)
"""An XML declaration, also with the spaces forgotten and the encoding misspelt."""

_HTML = re.compile(rb"<(?:!doctype\s+html|html)\b", re.IGNORECASE)


def read_document(body: bytes) -> Node:
    """The root of the document, which is a FlowInstance.

    A declaration that is the only fault is mended: platforms have been seen to write
    `version="1.0"encoding="UTF_8"`.

    Raises:
        Unreadable: with line and column, and never what stands there.
    """
    try:
        return _parsed(body)
    except Unreadable as fault:
        mended = _mended(body) if fault.line == 1 else body
        if mended == body:
            raise
        return _parsed(mended)


def _mended(body: bytes) -> bytes:
    declaration = _DECLARATION.match(body)
    if declaration is None:
        return body
    encoding = (declaration["encoding"] or b"UTF-8").replace(b"_", b"-")
    written = b'<?xml version="%s" encoding="%s"?>' % (declaration["version"], encoding)
    return (declaration["mark"] or b"") + written + body[declaration.end() :]


def _parsed(body: bytes) -> Node:
    grower = _Grower()
    parser: Any = XMLParser(target=grower, forbid_dtd=True)
    try:
        parser.feed(body)
        root: Node = parser.close()
    except ParseError as error:
        line, column = error.position
        raise Unreadable(f"Innehållet är inte giltig XML. {_WHOLE}", line, column + 1) from None
    except DefusedXmlException:
        raise Unreadable(_why_no_dtd(body), *_position(parser)) from None
    except WrongRoot as root_of:
        raise Unreadable(_OTHER_ROOTS.get(root_of.name, _STRANGE_ROOT), *_position(parser)) from None
    except TooMuch:
        raise Unreadable("Dokumentet har för många element eller nivåer.", *_position(parser)) from None
    except (LookupError, ValueError):
        raise Unreadable("Dokumentets teckenkodning är okänd. Skicka det i UTF-8.", 1, 1) from None
    return root


_WHOLE = "Skicka hela dokumentet som plattformen skrev det."


def _why_no_dtd(body: bytes) -> str:
    if _HTML.search(body[:1000]):
        return "Det är en webbsida och inget ärende. Kontrollera adressen som ärendet hämtades från."
    return "Dokumentet har en dokumenttyp (DTD), och sådana tas inte emot."


def _position(parser: Any) -> tuple[int, int]:
    expat = parser.parser
    return expat.CurrentLineNumber, expat.CurrentColumnNumber + 1


class WrongRoot(Exception):
    """The document is something else; `name` is its root's, without namespace and in lower case."""

    def __init__(self, tag: str) -> None:
        super().__init__(tag)
        self.name = tag.rpartition("}")[2].casefold()


class TooMuch(Exception):
    """More elements or levels than any form has."""


class _Grower:
    """Makes a `Node` of each element as it ends, and gives up on what is too deep or too much."""

    def __init__(self) -> None:
        self._open: list[tuple[str, list[str], list[Node]]] = [("", [], [])]
        self._count = 0

    def start(self, tag: str, _attributes: dict[str, str]) -> None:
        if not self._count and tag != f"{{{NAMESPACE}}}FlowInstance":
            raise WrongRoot(tag)
        self._count += 1
        if len(self._open) > DEEPEST or self._count > MOST_ELEMENTS:
            raise TooMuch
        self._open.append((tag.removeprefix(f"{{{NAMESPACE}}}"), [], []))

    def data(self, text: str) -> None:
        self._open[-1][1].append(text)

    def end(self, _tag: str) -> None:
        name, texts, children = self._open.pop()
        self._open[-1][2].append(Node(name, "".join(texts), tuple(children)))

    def close(self) -> Node:
        return self._open[0][2][0]


_STRANGE_ROOT = "Dokumentet är inget ärende (FlowInstance)."
_OTHER_ROOTS = {
    "flowinstance": "Ärendet har ett okänt namnrum. Det ska vara det som Open ePlatform använder.",
    "flowinstances": "Det är en lista över ärenden. Skicka ett ärende i taget.",
    "html": "Det är en webbsida och inget ärende. Kontrollera adressen som ärendet hämtades från.",
}
