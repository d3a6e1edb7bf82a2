"""What holds a report is hidden wherever the report is shown: the mask is never narrower than the rule."""

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from chassis.masking import MASK, masked
from chassis.personal_numbers import find, readable

TODAY = date(2026, 11, 20)

invisible = st.sampled_from(["", "", "", "\u00ad", "\u200b", "\u200e", "\u2060", "\ufeff"])
digits = st.sampled_from(["0123456789", "０１２３４５６７８９", "⁰¹²³⁴⁵⁶⁷⁸⁹"])
between = st.sampled_from(["", "-"])
before_the_last = st.sampled_from(["", "-", "+", " ", " - ", "–", "‑", "−", "\u00a0–\u00a0", "   -   "])
words = st.sampled_from(["", "Vi träffade ", "(", "a", "nr:", "2026-11-20 ", "\n"])


@st.composite
def written_numbers(draw: st.DrawFn) -> str:
    """A text with something like a number of a person in it, as people and as mischief write it."""
    day, script, dash = draw(st.dates(date(1900, 1, 1), TODAY)), draw(digits), draw(between)
    century = draw(st.sampled_from(["", f"{day:%Y}"[:2]]))
    coordinated = f"{day.day + draw(st.sampled_from([0, 60])):02}"
    birth = dash.join([century + f"{day:%y}", f"{day:%m}", coordinated])
    number = birth + draw(before_the_last) + f"{draw(st.integers(0, 9999)):04}"
    hidden = "".join(sign + draw(invisible) for sign in number)
    return draw(words) + hidden.translate(str.maketrans("0123456789", script)) + draw(words)


@given(written_numbers())
def test_what_the_rule_finds_is_masked(text: str) -> None:
    """Certain or only possible, with invisible characters in it or in other digits."""
    if any(find(text, TODAY)):
        assert MASK in masked(text)
        assert not any(find(masked(text), TODAY))


@given(st.text())
def test_what_holds_nothing_is_left_as_it_was(text: str) -> None:
    """A text without ten digits near each other is shown to the letter."""
    if sum(sign.isdigit() for sign in readable(text)) < 10:
        assert masked(text) == text
