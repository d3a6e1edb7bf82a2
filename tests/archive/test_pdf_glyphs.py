"""What the report's fonts can print, and what stands there instead."""

import unicodedata

import pytest
from fontTools.ttLib import TTFont
from hypothesis import given
from hypothesis import strategies as st

from archive.glyphs import FONTS, MOST_MARKS, fonts, legible
from archive.typesetting import TEMPLATES


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


@pytest.mark.parametrize(
    "words",
    [
        "Besöket på Björkbackens äldreboende",
        "Мы посетили школу",
        "Επισκεφθήκαμε το σχολείο",
        "زرنا المدرسة، وشكرنا الجميع!",
        "می\u200cخواهم",
        "سەردانی قوتابخانە",
        "ትግርኛ ቋንቋ",
        "שָׁלוֹם",
        "เราได้ไปเยี่ยมโรงเรียน",
        "Մենք այցելեցինք դպրոց",
        "ჩვენ ვეწვიეთ სკოლას",
    ],
    ids=[
        "swedish",
        "russian",
        "greek",
        "arabic",
        "persian",
        "kurdish",
        "tigrinya",
        "hebrew",
        "thai",
        "armenian",
        "georgian",
    ],
)
def test_what_is_spoken_in_a_municipality_is_printed_in_its_own_letters(words: str) -> None:
    """Nobody's words become numbers because of the letters that they are written in."""
    assert legible(words) == words


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("a\u064b", "a[U+064B]"),
        ("ก\u0301", "ก[U+0301]"),
        ("x\u200cy", "x[U+200C]y"),
        ("雪\u0301\u0301", "[U+96EA][U+0301][U+0301]"),
        ("b" + "\u0301" * (MOST_MARKS + 2), "b" + "\u0301" * MOST_MARKS + "[U+0301][U+0301]"),
        ("a\n\u0301", "a\n[U+0301]"),
        ("\n\u05b0", "\n[U+05B0]"),
        ("\u0301a", "[U+0301]a"),
    ],
    ids=["foreign mark", "foreign letter", "joiner", "no letter", "tower", "line", "hebrew", "beginning"],
)
def test_a_letter_and_its_marks_are_printed_as_far_as_one_font_has_them(text: str, printed: str) -> None:
    """A mark from another font cannot be set on a letter, and a tower of them would hide other lines."""
    assert legible(text) == printed


def test_every_shipped_font_is_one_that_the_templates_set_with() -> None:
    """A font that is shipped but not named would stop every report with its letters."""
    named = (TEMPLATES / "letterhead.typ").read_text("utf-8")
    for path in FONTS.glob("*.ttf"):
        family = TTFont(path, lazy=True)["name"].getBestFamilyName()
        assert f'"{family}"' in named, family


def test_every_font_has_both_styles_and_its_licence() -> None:
    """Headings are bold; the OFL asks that each font carries its licence and its copyright."""
    for font in fonts():
        for style in ("Regular", "Bold"):
            names = TTFont(FONTS / f"{font}-{style}.ttf", lazy=True)["name"]
            assert "Open Font License" in names.getDebugName(13)
            assert "Copyright" in names.getDebugName(0)


def test_the_fonts_are_small_enough_to_ship() -> None:
    """Under three megabytes together."""
    assert sum(path.stat().st_size for path in FONTS.glob("*.ttf")) < 3_000_000
