"""XML as the package's files are written: the same bytes for the same content, whatever people wrote."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime

from lxml import etree
from lxml.etree import QName, _Element

METS = "http://www.loc.gov/METS/"
CSIP = "https://DILCIS.eu/XML/METS/CSIPExtensionMETS"
SIP = "https://DILCIS.eu/XML/METS/SIPExtensionMETS"
XLINK = "http://www.w3.org/1999/xlink"
XSI = "http://www.w3.org/2001/XMLSchema-instance"
_PREFIXES = {"csip": CSIP, "sip": SIP, "xlink": XLINK, "xsi": XSI}

_UNWRITABLE = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def legible(text: str) -> str:
    """The text with U+FFFD for what XML 1.0 (§ 2.2) cannot hold: controls, halves of characters, U+FFFE.

    The source JSON in the package keeps what was sent.
    """
    return _UNWRITABLE.sub("\ufffd", text)


def root(namespace: str, tag: str, nsmap: Mapping[str | None, str]) -> _Element:
    return etree.Element(f"{{{namespace}}}{tag}", None, dict(nsmap))


def mark(element: _Element, attributes: Mapping[str, str]) -> None:
    """Give it attributes, whose names may have one of the prefixes that are known here."""
    for name, value in attributes.items():
        element.set(_expanded(name), legible(value))


def child(
    parent: _Element,
    tag: str,
    text: str | None = None,
    attributes: Mapping[str, str] | None = None,
    namespace: str | None = None,
) -> _Element:
    """Add an element, in its parent's namespace if no other is named."""
    made = etree.SubElement(parent, f"{{{namespace or QName(parent).namespace}}}{tag}")
    mark(made, attributes or {})
    if text is not None:
        made.text = legible(text)
    return made


def path_of_children(parent: _Element, *tags: str) -> _Element:
    """Add an element within an element, and so on; returns the innermost."""
    for tag in tags:
        parent = child(parent, tag)
    return parent


def written(top: _Element) -> bytes:
    return etree.tostring(top, xml_declaration=True, encoding="UTF-8", pretty_print=True)


def moment(at: datetime) -> str:
    """`2026-11-20T14:03:00Z`: with its zone, to the second."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _expanded(name: str) -> str:
    prefix, colon, local = name.rpartition(":")
    return f"{{{_PREFIXES[prefix]}}}{local}" if colon else name
