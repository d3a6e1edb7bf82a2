"""What the bench writes down is what it measured, and what people wrote around it stays."""

from pathlib import Path

import pytest

from bench.chart import Bar, svg
from bench.figures import Figures, keep, kept
from bench.report import BEGIN, END, write_report

RESULTS = {
    "machine": {"cores": "2", "RabbitMQ": "3.10.8"},
    "values": {
        "peer.FastStream.per_second": [280.0, 300.0, 310.0],
        "peer.FastStream.cpu_us": [3000.0, 3000.0, 3000.0],
        "peer.FastStream.memory_mb": [150.0],
        "road.sqlite.2000.per_second": [900.0, 1200.0, 1000.0],
        "road.sqlite.2000.cpu_us": [1500.0, 1500.0, 1500.0],
        "road.sqlite.2000.cpu_us.intake": [400.0, 410.0, 420.0],
        "road.sqlite.2000.memory_mb.intake": [100.0],
        "road.sqlite.2000.memory_mb.archive": [105.0],
    },
}


def test_the_table_tells_medians_span_and_ratio_and_the_fastest_first(tmp_path: Path) -> None:
    """1 000 is the median of ours, and 3.33 times the other's 300."""
    write_report(RESULTS, tmp_path)
    lines = (tmp_path / "performance.md").read_text("utf-8").splitlines()
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines if "FastStream |" in line]
    ours = next(line for line in lines if line.startswith("| **Kansli, four processes, SQLite**"))
    assert [cell.strip() for cell in ours.split("|")[1:-1]] == [
        "**Kansli, four processes, SQLite**, 2000 in flight",
        "1\u202f000",
        "900–1\u202f200",
        "3.33",
        "",
        "",
        "1500",
        "205",
    ]
    assert rows[-1][:3] == ["FastStream", "300", "280–310"]
    assert lines.index(ours) < next(at for at, line in enumerate(lines) if line.startswith("| FastStream"))


def test_what_people_wrote_around_the_figures_stays(tmp_path: Path) -> None:
    """Only what stands between the marks is written anew."""
    page = tmp_path / "performance.md"
    page.write_text(f"Before.\n{BEGIN}\nold figures\n{END}\nAfter.\n", "utf-8")
    write_report(RESULTS, tmp_path)
    write_report(RESULTS, tmp_path)
    written = page.read_text("utf-8")
    assert written.startswith(f"Before.\n{BEGIN}\n")
    assert written.endswith(f"{END}\nAfter.\n")
    assert "old figures" not in written
    assert written.count("road") == 0


def test_what_was_not_measured_again_stays_as_it_was(tmp_path: Path) -> None:
    """A part alone takes its own older figures' place, and no other's."""
    results = tmp_path / "results.json"
    for name, value in (("a", 1.0), ("b", 2.0), ("a", 3.0)):
        figures = Figures()
        figures.note(name, value)
        keep(figures, {"cores": "2"}, results)
    assert kept(results)["values"] == {"a": [3.0], "b": [2.0]}


@pytest.mark.parametrize("values", [[], [0.0], [1.0, 2000.0]])
def test_the_picture_has_a_bar_for_each_and_none_is_wider_than_the_room(values: list[float]) -> None:
    """Also where nothing, or nothing but nought, was measured."""
    drawn = svg("Per second", [Bar(f"way & {value}", value, ours=True) for value in values])
    widths = [
        float(part.split('"')[1])
        for part in drawn.split("<rect")[2:]
        for part in [part[part.index("width") :]]
    ]
    assert len(widths) == len(values)
    assert all(0 <= width <= 440 for width in widths)
    assert "way & " not in drawn
