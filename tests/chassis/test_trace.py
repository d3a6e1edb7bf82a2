from hypothesis import given
from hypothesis import strategies as st

from chassis.trace import current_traceparent, facts_to_log, following, new_traceparent, trusted_traceparent


def test_within_the_block_the_trace_is_followed_and_after_it_not() -> None:
    """Also when blocks stand in each other."""
    outer, inner = new_traceparent(), new_traceparent()
    with following(outer, submission_id="s-1"):
        with following(inner):
            assert current_traceparent() == inner
        assert current_traceparent() == outer
        assert facts_to_log() == {"trace_id": outer.split("-")[1], "submission_id": "s-1"}
    assert current_traceparent() != outer
    assert facts_to_log() == {}


@given(st.text())
def test_only_a_well_formed_trace_is_trusted(header: str) -> None:
    """What a caller writes there goes into logs and events."""
    assert trusted_traceparent(header) != header


def test_a_well_formed_trace_is_kept() -> None:
    """The caller can find its own trace in ours."""
    trace = new_traceparent()
    assert trusted_traceparent(trace) == trace
    assert trusted_traceparent(f"{trace}\n") != trace
