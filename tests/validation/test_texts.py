"""What is told of a text by its bytes is what its characters would tell."""

import re
import unicodedata
from collections.abc import Sequence
from datetime import date

from hypothesis import example, given, settings
from hypothesis import strategies as st

from validation.register import Committee
from validation.rules import functions_for
from validation.texts import composed, folded, folded_spaced, is_printable, leaves, texts_in, values_in

LATIN = st.characters(max_codepoint=0x17F)
texts = st.one_of(
    st.text(LATIN),
    st.text(st.sampled_from("aÅåA\u030aßµÿŸſK\u212a– \u00a0\t\n\ufffd\x00\x85\ud800")),
    st.text(),
)
reports = st.recursive(
    st.none() | st.booleans() | st.integers() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
printable = texts.filter(is_printable)
WORDS = ["mobb", "Å", "lex sarah", "ss", "Μ", "k"]
SPELLED = ["MOBBAD", "Lex \t Sarah", "lexsarah", "åa", "A\u030a", "Straße", "ßa", "µ", "\u212aa"]


@given(text=texts)
@settings(max_examples=150)
@example("ÅSTRASSE µ")
def test_a_text_is_folded_as_its_characters_are(text: str) -> None:
    """By a table or not: NFC of the case folded text."""
    plain = unicodedata.normalize("NFC", text.casefold())
    assert (folded_spaced(text), folded(text)) == (plain, " ".join(plain.split()))


@given(text=texts)
@settings(max_examples=150)
def test_a_text_is_printable_without_controls(text: str) -> None:
    """Nor half surrogate pairs, nor what intake wrote in their place."""
    kinds = {unicodedata.category(one) for one in text if one not in "\t\n\r"}
    assert is_printable(text) == (not kinds & {"Cc", "Cs"} and "\ufffd" not in text)


@given(report=reports)
def test_a_report_is_composed_in_every_text(report: object) -> None:
    """Whether or not all of it was so before."""
    assert [unicodedata.is_normalized("NFC", text) for text in texts_in(composed(report))].count(False) == 0


@given(report=reports)
def test_values_are_found_with_and_without_their_places(report: object) -> None:
    """The same ones, in the same order."""
    found = [value for _, value in leaves(report)]
    assert values_in(report) == found
    assert texts_in(report) == [value for value in found if isinstance(value, str)]


@given(found=st.lists(printable | st.sampled_from(SPELLED), max_size=4))
@settings(max_examples=150)
def test_words_are_found_in_any_spelling(found: Sequence[str]) -> None:
    """Whatever tells first whether there can be any."""
    functions = functions_for(Committee(id="", name=""), date.min, date.min, {}, lambda: found)
    begins = re.compile(rf"\b(?:{'|'.join(map(folded, WORDS))})")
    expected = dict.fromkeys(begins.findall("\n".join(map(folded, found))))
    assert functions["mentions_in_data"](WORDS) == [*expected]
