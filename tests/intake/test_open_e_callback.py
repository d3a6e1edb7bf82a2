"""What is said to an Open ePlatform, word for word, and how its answers are read."""

from datetime import UTC, datetime
from xml.etree.ElementTree import canonicalize

import pytest
from defusedxml.ElementTree import fromstring
from hypothesis import given
from hypothesis import strategies as st

from intake.open_e import (
    NoFlowInstance,
    NotSoap,
    add_message,
    answered_to,
    confirm_delivery,
    flow_instance_of,
    never_heals,
    set_status,
)
from support.fake_platform import CALLBACK, ENVELOPE, RESPONSE, SIGN_IN_PAGE, SOAP, fault

ADDED = datetime(2026, 11, 20, 12, 0, 0, 123456, tzinfo=UTC)


def golden(operation: str) -> str:
    """The request as the platform's schema has it, under other prefixes than ours."""
    return f"""<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/">
      <e:Body xmlns:c="http://www.oeplatform.org/version/1.0/schemas/integration/callback">
        {operation}
      </e:Body>
    </e:Envelope>"""


def same(written: bytes, expected: str) -> bool:
    return canonicalize(written.decode(), strip_text=True, rewrite_prefixes=True) == canonicalize(
        expected, strip_text=True, rewrite_prefixes=True
    )


def test_the_confirmation_is_as_the_schema_has_it() -> None:
    """The number, then that it was delivered; all elements qualified."""
    expected = """<c:confirmDelivery><c:flowInstanceID>190456</c:flowInstanceID>
      <c:delivered>true</c:delivered></c:confirmDelivery>"""
    assert same(confirm_delivery(190456), golden(expected))


def test_the_status_goes_by_its_alias() -> None:
    """Never by an id, which differs between platforms."""
    expected = """<c:setStatus><c:flowInstanceID>190456</c:flowInstanceID>
      <c:statusAlias>återsänd &lt;1&gt;</c:statusAlias></c:setStatus>"""
    assert same(set_status(190456, "återsänd <1>"), golden(expected))


def test_the_message_has_all_that_the_schema_requires_in_its_order() -> None:
    """A time with its zone, the text, who writes, and that no receipt is asked for."""
    expected = """<c:addMessage><c:flowInstanceID>190456</c:flowInstanceID><c:message>
      <c:added>2026-11-20T12:00:00+00:00</c:added><c:message>Rätta &amp; skicka.</c:message>
      <c:userID>kansli</c:userID><c:readReceiptEnabled>false</c:readReceiptEnabled>
      </c:message></c:addMessage>"""
    assert same(add_message(190456, "Rätta & skicka.", "kansli", ADDED), golden(expected))


@given(st.text())
def test_any_text_makes_a_message_that_can_be_read(text: str) -> None:
    """Characters that XML cannot hold are shown as lost, and lose nothing else."""
    message = fromstring(add_message(1, text, "kansli", ADDED)).find(
        f".//{CALLBACK}message/{CALLBACK}message"
    )
    assert message is not None
    assert len((message.text or "").replace("\n", "")) <= len(text)


@pytest.mark.parametrize(("reference", "number"), [("190456", 190456), ("A/190456", 190456), ("007", 7)])
def test_the_number_is_found_in_the_reference(reference: str, number: int) -> None:
    """The name of the platform stands before it when several share Kansli."""
    assert flow_instance_of(reference) == number


@pytest.mark.parametrize(
    "reference", ["", "0", "ÄR-1", "A/", "1/A", "-1", "²", "٣", "2147483648", "9" * 5000]
)
def test_what_is_no_number_of_the_platform_is_said_so(reference: str) -> None:
    """The schema's `xs:int`, and above nought."""
    with pytest.raises(NoFlowInstance):
        flow_instance_of(reference)


def response(name: str, encoding: str = "UTF-8") -> bytes:
    body = RESPONSE.format(name=name, inner="<eventID>å</eventID>")
    return ENVELOPE.format(encoding=encoding, body=body).encode(encoding)


@pytest.mark.parametrize("encoding", ["UTF-8", "ISO-8859-1"])
def test_only_the_operations_own_response_confirms_it(encoding: str) -> None:
    """In whatever encoding it says that it has."""
    assert answered_to("setStatus", response("setStatusResponse", encoding))
    assert not answered_to("setStatus", response("confirmDeliveryResponse", encoding))
    assert not answered_to("setStatus", fault("StatusNotFound").body.encode("iso-8859-1"))


@pytest.mark.parametrize(
    ("name", "never"),
    [
        ("AccessDenied", True),
        ("FlowInstanceNotFound", True),
        ("StatusNotFound", True),
        ("OutOfCoffee", False),
    ],
)
def test_the_faults_that_never_heal_are_known(name: str, never: bool) -> None:
    """By their elements, not by their words."""
    assert never_heals(fault(name).body.encode("iso-8859-1")) is never


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        SIGN_IN_PAGE.encode(),
        b"<html/>",
        b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
        response("setStatusResponse").replace(b"schemas.xmlsoap.org", b"www.nowhere.com"),
        f'<a xmlns:S="{SOAP[1:-1]}"/>'.encode(),
        ENVELOPE.format(encoding="UTF-8", body="").encode(),
        b'<?xml version="1.0" encoding="klingon"?><a/>',
        response("setStatusResponse")[:-9],
    ],
)
def test_whatever_else_comes_with_200_confirms_nothing(answer: bytes) -> None:
    """A page for signing in, a document type, another namespace, half an answer."""
    with pytest.raises(NotSoap):
        answered_to("setStatus", answer)
