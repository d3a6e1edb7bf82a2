"""Tables for a terminal, whatever stands in them."""

from hypothesis import given
from hypothesis import strategies as st

from kansli.tables import table

words = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=12)


def test_columns_are_as_wide_as_their_widest_cell_and_numbers_to_the_right() -> None:
    """Swedish letters are one wide, and no line ends in blanks."""
    assert table(["form", "antal"], [["välfärd", 7], ["b", 1000]]) == (
        "form     antal\n───────  ─────\nvälfärd      7\nb         1000"
    )


def test_a_table_without_rows_is_its_head() -> None:
    """Nothing to show is no error."""
    assert table(["a", "b"], []) == "a  b\n─  ─"


@given(st.lists(st.tuples(words, st.integers(0, 10**6)), max_size=6))
def test_every_cell_is_there_and_every_line_as_long_as_the_widest(rows: list[tuple[str, int]]) -> None:
    """Under its own head."""
    head, rule, *lines = table(["name", "count"], rows).split("\n")
    assert [tuple(line.split()) for line in lines] == [(name, str(count)) for name, count in rows]
    assert all(len(line) == len(rule) for line in lines)
    assert len(head) <= len(rule)
