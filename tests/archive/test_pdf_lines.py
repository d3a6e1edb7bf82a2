"""Where the lines of a report may end, and from where they are read."""

import pypdfium2
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from archive.glyphs import legible
from archive.lines import FROM_THE_RIGHT, MAY_END, set_out
from support.printed_reports import printed_prose, sent_texts


@pytest.mark.parametrize(
    "text",
    [
        "Köket lagar mat till fyra förskolor.",
        "Verksamhetsutvecklingsrapporten",
        "เราได้ไปเยี่ยมโรงเรียนและพูดคุยกับครูและนักเรียนเกี่ยวกับอาหารกลางวัน",
        "",
    ],
    ids=["swedish", "long word", "thai", "nothing"],
)
def test_ordinary_words_are_left_alone(text: str) -> None:
    """A line that fits is broken where its language breaks it."""
    assert set_out(text) == text


def test_a_code_point_is_broken_nowhere() -> None:
    """Half of one would be no word at all."""
    words = set_out(legible("x" * 50 + "雪" * 50)).split(MAY_END)
    assert "[U+96EA]" * 50 in words


@given(st.text(), st.integers(1, 60))
def test_setting_out_changes_no_word(text: str, times: int) -> None:
    """Both characters are taken away again, and the text is what was sent."""
    plain = legible(text * times)
    assert set_out(plain).replace(MAY_END, "").replace(FROM_THE_RIGHT, "") == plain


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("زرنا", FROM_THE_RIGHT + "زرنا"),
        ("(12) שלום", FROM_THE_RIGHT + "(12) שלום"),
        ("Skolan heter مدرسة", "Skolan heter مدرسة"),
        ("Hej\n\nزرنا\nHej", f"Hej\n\n{FROM_THE_RIGHT}زرنا\nHej"),
        ("12", "12"),
    ],
    ids=["arabic", "hebrew", "swedish", "paragraphs", "digits"],
)
def test_a_paragraph_is_read_from_where_its_first_letter_is(text: str, expected: str) -> None:
    """Otherwise the full stop of an Arabic sentence stands before it."""
    assert set_out(text) == expected


@pytest.mark.parametrize(
    "letter",
    ["x", "W", "—", "م", "ก", "ๆ", "雪", "é", "ש", "\u00a0x", "[", "]", "á\u0301\u0301", "/", "😀"],
)
def test_ten_thousand_letters_without_a_space_stay_on_the_paper(letter: str) -> None:
    """As prose and as a fact; the report goes on for pages rather than over the edge."""
    assert beyond_the_paper(printed_prose((letter * 10_000)[:10_000])) == []


@example("0" * 22 + "@" * 9 + "ก" + "@" * 17 + "س")
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(sent_texts())
def test_no_text_goes_over_the_edge_of_the_paper(text: str) -> None:
    """Whatever is sent is seen."""
    assert beyond_the_paper(printed_prose(text)) == []


def beyond_the_paper(content: bytes) -> list[str]:
    """The letters that stand wholly or partly outside of their page."""
    document = pypdfium2.PdfDocument(content)
    try:
        return [letter for page in document for letter in _outside(page)]
    finally:
        document.close()


def _outside(page: pypdfium2.PdfPage) -> list[str]:
    width, height = page.get_size()
    text = page.get_textpage()
    boxes = ((text.get_text_range(place, 1), text.get_charbox(place)) for place in range(text.count_chars()))
    return [
        letter
        for letter, (left, bottom, right, top) in boxes
        if left < 0 or right > width or bottom < 0 or top > height
    ]
