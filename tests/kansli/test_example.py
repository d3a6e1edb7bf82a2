"""The example municipality: written out for today, and then left alone."""

import hashlib
import re
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from chassis.callers import load_callers
from kansli.example import KEY, write_example
from kansli.places import shipped_example

TODAY = date(2026, 11, 20)


def files(folder: Path) -> Mapping[str, str]:
    return {
        str(path.relative_to(folder)): path.read_text("utf-8") for path in folder.rglob("*") if path.is_file()
    }


def test_all_dates_are_written_out(tmp_path: Path) -> None:
    """No token is left, and the samples lie apart from the configuration."""
    example = write_example(shipped_example(), tmp_path, TODAY)
    assert "!today" not in "".join(files(tmp_path).values())
    assert {"callers.yaml", "committees/valfard.yaml"} <= files(example.config).keys()
    assert "2026-12-06" in files(example.config)["committees/valfard.yaml"]
    names = [name for name, _ in example.samples()]
    assert names == sorted(names)
    assert len(names) == 12


def test_what_was_written_stays_as_it_is_while_its_meetings_last(tmp_path: Path) -> None:
    """From day to day a meeting does not move under its reports; what somebody changed stays too."""
    write_example(shipped_example(), tmp_path, TODAY)
    callers = tmp_path / "config" / "callers.yaml"
    callers.write_text(callers.read_text("utf-8") + "# mine\n", "utf-8")
    before = files(tmp_path)
    write_example(shipped_example(), tmp_path, TODAY + timedelta(days=40))
    assert files(tmp_path) == before


def test_when_its_last_meeting_has_passed_it_is_written_anew(tmp_path: Path) -> None:
    """An example without a coming meeting shows nothing."""
    write_example(shipped_example(), tmp_path, TODAY)
    much_later = TODAY + timedelta(days=400)
    example = write_example(shipped_example(), tmp_path, much_later)
    assert str(much_later + timedelta(days=16)) in files(example.config)["committees/valfard.yaml"]


def test_the_examples_key_opens_the_example(tmp_path: Path) -> None:
    """Its hash is the one in the file."""
    example = write_example(shipped_example(), tmp_path, TODAY)
    assert load_callers(example.config, TODAY).with_key(KEY) is not None
    assert hashlib.sha256(KEY.encode()).hexdigest() in files(example.config)["callers.yaml"]


@settings(max_examples=20, deadline=None)
@given(today=st.dates(date(2026, 1, 1), date(2040, 12, 31)))
def test_the_example_is_whole_on_any_day(tmp_path_factory: object, today: date) -> None:
    """Leap days and turns of the year included."""
    folder = tmp_path_factory.mktemp("example")  # type: ignore[attr-defined]
    example = write_example(shipped_example(), folder, today)
    meetings = re.findall(r"\{date: (\S+), ", files(example.config)["committees/valfard.yaml"])
    assert len(meetings) == 3
    assert all(date.fromisoformat(meeting) > today for meeting in meetings)
