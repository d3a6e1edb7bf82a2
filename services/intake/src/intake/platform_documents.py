"""A platform's own document: which bodies are one, and what stands in it when it is read today."""

import asyncio
import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

from pydantic_core import from_json

from intake.dialects import Draft, Drifted, NoMapping, Unreadable
from intake.dialects.open_e import read_frends, read_xml
from intake.forms import Forms

T = TypeVar("T")

JSON_TYPE = "application/json"
XML_TYPES = frozenset({"application/xml", "text/xml"})

READ_AT_ONCE_BYTES = 64 * 1024
"""Up to here it takes a few milliseconds to read; what is larger is read beside the event loop."""

_ROOT = b'"FlowInstance"'
_MARK = b"\xef\xbb\xbf"
_BEGINS = re.compile(
    rb'(?:\xef\xbb\xbf)?\s*\{\s*(?:"\?xml"\s*:\s*\{[^{}]{0,500}\}\s*,\s*)?"FlowInstance"\s*:'
)
"""Newtonsoft writes the XML declaration first, and some senders a byte order mark before it."""

Unmapped = NoMapping | Drifted
"""A whole document that waits for a mapping."""


@dataclass(frozen=True)
class Document:
    """The bytes as they came, from whom and when; `platform` is the caller unless it says otherwise."""

    caller: str
    platform: str
    content_type: str
    body: bytes
    received_at: datetime
    digest: str

    def scoped(self, reference: str) -> str:
        """The platform's number, under its name where it is not the caller: others may have the same."""
        return reference if self.platform == self.caller else f"{self.platform}/{reference}"


async def is_document(content_type: str, body: bytes) -> bool:
    """Whether the body is a platform's document: XML, or JSON whose top level holds `FlowInstance`."""
    if content_type in XML_TYPES:
        return True
    if content_type != JSON_TYPE or _ROOT not in body:
        return False
    return await beside(len(body), partial(_has_flow_instance, body))


async def document_of(
    caller: str, platform: str, content_type: str, body: bytes, received_at: datetime
) -> Document:
    """The document with its digest, SHA-256 of the bytes, by which it is known when it comes again."""
    digest = await beside(len(body), lambda: hashlib.sha256(body).hexdigest())
    return Document(caller, platform, content_type, body, received_at, digest)


async def read(document: Document, forms: Forms) -> Draft:
    """What the document says, by the mappings that there are.

    Raises:
        Unreadable: it is no submission, or is damaged.
        NoMapping, Drifted: it is whole, but no form says how to read it.
        EnvelopeInvalid, DataTooLarge: it was read, and cannot be a submission as it is.
    """
    draft = await beside(len(document.body), partial(_read, document, forms))
    return replace(draft, reference=document.scoped(draft.reference))


async def beside(size: int, work: Callable[[], T]) -> T:
    """Do what takes long for so many bytes in a thread, and at once what takes less than its start."""
    return await asyncio.to_thread(work) if size > READ_AT_ONCE_BYTES else work()


def _has_flow_instance(body: bytes) -> bool:
    """One that breaks off is a document too, if it begins as one: then it is kept."""
    try:
        content = from_json(body.removeprefix(_MARK))
    except ValueError:
        return _BEGINS.match(body) is not None
    return isinstance(content, dict) and "FlowInstance" in content


def _read(document: Document, forms: Forms) -> Draft:
    if document.content_type in XML_TYPES:
        return read_xml(document.body, forms, document.platform)
    return read_frends(_parsed(document.body), forms, document.platform)


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body.removeprefix(_MARK).decode("utf-8"))
    except json.JSONDecodeError as error:
        raise Unreadable("Innehållet är inte giltig JSON.", error.lineno, error.colno) from None
    except (ValueError, RecursionError):
        raise Unreadable("Innehållet är inte giltig JSON i UTF-8.") from None


def label_of(unmapped: Unmapped) -> str:
    """What the form is called as long as nobody has said which one it is."""
    return f"open-e/{unmapped.family}"


def place(unreadable: Unreadable) -> dict[str, int]:
    """Line and column, counted from 1, as far as they are known."""
    found = {"line": unreadable.line, "column": unreadable.column}
    return {name: number for name, number in found.items() if number is not None}
