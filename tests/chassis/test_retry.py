from datetime import timedelta
from itertools import pairwise
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from chassis.retry import DELAYS, JITTER, Backoff, RetrySchedule


@given(st.integers(1, len(DELAYS)), st.randoms(use_true_random=False))
def test_a_retry_comes_not_before_its_time_and_at_most_a_fifth_later(attempts: int, chance: Random) -> None:
    """Whatever the lot says."""
    delay = RetrySchedule(chance=chance).after(attempts)
    assert delay is not None
    assert DELAYS[attempts - 1] <= delay <= DELAYS[attempts - 1] * (1 + JITTER)


def test_after_the_last_delay_it_is_given_up() -> None:
    """Not for ever."""
    assert RetrySchedule().after(len(DELAYS) + 1) is None


def test_no_delays_mean_one_attempt() -> None:
    """A schedule may be empty."""
    assert RetrySchedule(()).after(1) is None


def test_the_schedule_outlasts_a_night_s_restart_and_ends_within_a_day() -> None:
    """A hiccup heals unseen; what does not heal reaches a person the same day."""
    assert timedelta(hours=1) < sum(DELAYS, timedelta()) < timedelta(days=1)


@given(st.randoms(use_true_random=False))
def test_pauses_grow_to_their_bound_and_start_again(chance: Random) -> None:
    """For something that is down, seldom; for something that is back, at once."""
    backoff = Backoff(first=1, most=8, chance=chance)
    pauses = [backoff.pause() for _ in range(6)]
    assert all(later > earlier for earlier, later in pairwise(pauses[:4]))
    assert max(pauses) <= 8 * (1 + JITTER)
    backoff.reset()
    assert backoff.pause() <= 1 + JITTER
