"""What looks like a personnummer is hidden, and nothing else; see also contracts/test_masking.py."""

import time

from chassis.masking import MASK, masked


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
