"""What the report's font can print, and what stands there instead."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.glyphs import legible


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("Räksmörgås – 5 § ”så”", "Räksmörgås – 5 § ”så”"),
        ("a\u030angrar", "ångrar"),
        ("bra 😀", "bra [U+1F600]"),
        ("雪", "[U+96EA]"),
        ("a\r\nb\rc\u2028d", "a\nb\nc\nd"),
        ("a\tb", "a b"),
        ("a\x07b\ue000", "a[U+0007]b[U+E000]"),
        ("2026\u202e7202", "2026[U+202E]7202"),
        ("\u200b", "[U+200B]"),
        ("mjuk\u00adbindning", "mjuk\u00adbindning"),
    ],
    ids=[
        "swedish",
        "composed",
        "emoji",
        "chinese",
        "breaks",
        "tab",
        "control",
        "direction",
        "invisible",
        "hyphen",
    ],
)
def test_what_cannot_be_printed_is_written_as_its_code_point(text: str, printed: str) -> None:
    """Nothing disappears and nothing is changed into something else."""
    assert legible(text) == printed


@given(st.text())
def test_what_was_made_legible_stays_as_it_is(text: str) -> None:
    """Making it legible twice changes nothing more, and what is left is NFC."""
    once = legible(text)
    assert legible(once) == once == unicodedata.normalize("NFC", once)


@given(st.text(alphabet=st.characters(categories=["Lu", "Ll"], max_codepoint=0x17F)))
def test_words_in_european_languages_stay_words(text: str) -> None:
    """Names of people and places are printed in their own letters."""
    assert "[U+" not in legible(text)
