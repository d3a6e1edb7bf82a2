"""What a platform sends is known by its name or its first sign."""

import pytest

from kansli.platform import JSON, XML, NotTaken, content_type_of


@pytest.mark.parametrize(
    ("name", "body", "expected"),
    [
        ("a.json", b'{"form": "prov"}', JSON),
        ("a.xml", b"", XML),
        ("A.XML", b"{}", XML),
        ("190456.1", b'<?xml version="1.0"?>', XML),
        ("190456.1", b"\xef\xbb\xbf\n <FlowInstance/>", XML),
        ("190456.1", b'{"FlowInstance": {}}', JSON),
        ("empty", b"", JSON),
    ],
)
def test_a_file_is_xml_or_json(name: str, body: bytes, expected: str) -> None:
    """Platforms name their files in many ways."""
    assert content_type_of(name, body) == expected


def test_what_was_kept_although_it_was_refused_is_named() -> None:
    """So that whoever sent it can ask for it."""
    refused = NotTaken(422, {"title": "Fel", "detail": "Gick inte.", "parked_id": "p-1"})
    assert str(refused) == "422 Fel: Gick inte. (parked as p-1)"
