"""Open ePlatform's callback: SOAP 1.1 requests as its schema orders them, and what its answers mean.

Elements, order and faults as in `IntegrationCallbackService.xsd` of Open ePlatform; it is always spoken
to by flowInstanceID, since its open version never finds anything by externalID.
"""

import re
from datetime import datetime
from xml.etree.ElementTree import Element, ParseError, SubElement, register_namespace, tostring

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
CALLBACK = "http://www.oeplatform.org/version/1.0/schemas/integration/callback"

HEADERS = {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": '""'}
"""The action is empty in the WSDL of every operation."""

_NEVER_HEALS = {
    f"{{{CALLBACK}}}{name}Fault" for name in ("AccessDenied", "FlowInstanceNotFound", "StatusNotFound")
}

_LARGEST_ID = 2**31 - 1
_NOT_IN_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

register_namespace("soap", SOAP)
register_namespace("callback", CALLBACK)


class NoFlowInstance(ValueError):
    """The reference is no flowInstanceID: this submission came from no Open ePlatform."""


class NotSoap(ValueError):
    """The answer is no SOAP message, such as the page for signing in, which comes with 200."""


def flow_instance_of(reference: str) -> int:
    """The platform's own number in a reference; the name of the platform (`ID/190456`) is left out.

    Raises:
        NoFlowInstance: there is no such number.
    """
    number = reference.rpartition("/")[2]
    if not (number.isascii() and number.isdecimal() and 0 < int(number[:11]) <= _LARGEST_ID):
        raise NoFlowInstance
    return int(number)


def confirm_delivery(flow_instance: int) -> bytes:
    """That we have it: the platform ignores a repetition."""
    operation = Element(_named("confirmDelivery"))
    _add(operation, "flowInstanceID", str(flow_instance))
    _add(operation, "delivered", "true")
    return _enveloped(operation)


def set_status(flow_instance: int, alias: str) -> bytes:
    """The status by its alias: the platform ignores a repetition."""
    operation = Element(_named("setStatus"))
    _add(operation, "flowInstanceID", str(flow_instance))
    _add(operation, "statusAlias", alias)
    return _enveloped(operation)


def add_message(flow_instance: int, text: str, user: str, added: datetime) -> bytes:
    """A message to the sender: repeated, it is there twice."""
    operation = Element(_named("addMessage"))
    _add(operation, "flowInstanceID", str(flow_instance))
    message = SubElement(operation, _named("message"))
    _add(message, "added", added.isoformat(timespec="seconds"))
    _add(message, "message", text)
    _add(message, "userID", user)
    _add(message, "readReceiptEnabled", "false")
    return _enveloped(operation)


def answered_to(operation: str, answer: bytes) -> bool:
    """Whether the answer says that the operation was done.

    Raises:
        NotSoap: whatever it is, the platform's callback did not write it.
    """
    return _said(answer).tag == _named(f"{operation}Response")


def never_heals(answer: bytes) -> bool:
    """Whether it is a fault that the same request always meets: no right, no such instance or status.

    Raises:
        NotSoap: it is no SOAP message.
    """
    return any(element.tag in _NEVER_HEALS for element in _said(answer).iter())


def _said(answer: bytes) -> Element:
    """The first element of the SOAP body, whatever the encoding that the answer declares."""
    try:
        root: Element = fromstring(answer, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError):
        raise NotSoap from None
    body = root.find(f"{{{SOAP}}}Body") if root.tag == f"{{{SOAP}}}Envelope" else None
    if body is None or len(body) == 0:
        raise NotSoap
    return body[0]


def _enveloped(operation: Element) -> bytes:
    envelope = Element(f"{{{SOAP}}}Envelope")
    SubElement(envelope, f"{{{SOAP}}}Body").append(operation)
    content: bytes = tostring(envelope, encoding="utf-8", xml_declaration=True)
    return content


def _add(parent: Element, name: str, text: str) -> None:
    """Characters that XML cannot hold would make the whole message unreadable."""
    SubElement(parent, _named(name)).text = _NOT_IN_XML.sub("�", text)


def _named(name: str) -> str:
    return f"{{{CALLBACK}}}{name}"
