"""What holds a report for a personnummer is hidden wherever the report is shown."""

import time
from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from chassis.masking import MASK, masked
from validation.personal_numbers import find

TODAY = date(2026, 11, 23)
TEST_NUMBER = "191212121212"
"""Tolvan's, the tax agency's best known test number."""

between = st.sampled_from(["", "-", " ", "\u200b", "\u2013", " - ", "\u00ad", "\u2060-"])


@given(
    century=st.booleans(), parts=between, sign=between, before=st.text(max_size=5), after=st.text(max_size=5)
)
def test_every_spelling_that_holds_a_report_is_hidden(
    century: bool, parts: str, sign: str, before: str, after: str
) -> None:
    """The mask may be wider than the rule, never narrower."""
    digits = TEST_NUMBER if century else TEST_NUMBER[2:]
    spelled = f"{digits[:-8]}{digits[-8:-6]}{parts}{digits[-6:-4]}{sign}{digits[-4:]}"
    text = f"{before} {spelled} {after}"
    assert not list(find(masked(text), TODAY))


def test_a_text_without_numbers_is_left_as_it_is() -> None:
    """Ligatures and soft hyphens of a harmless text are the writer's own."""
    harmless = "Ef\ufb01cient, 12\u00a0000 kronor, 2026-11-23 kl. 13.00 och sam\u00admanträde"
    assert harmless == masked(harmless)


def test_the_digits_are_replaced_by_dots() -> None:
    """A reader sees that something stood there."""
    assert f"Tolvan {MASK} var med" == masked("Tolvan 19121212-1212 var med")


def test_the_time_grows_with_the_text_and_not_faster() -> None:
    """A text of ten thousand blanks between digits must not stop the house."""
    hostile = ("121212" + " " * 10_000 + "x") * 20
    started = time.perf_counter()
    masked(hostile)
    assert time.perf_counter() - started < 0.5
