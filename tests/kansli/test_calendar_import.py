"""The calendar that a committee keeps elsewhere, brought into its file."""

from datetime import date, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archive.calendars import calendar_of
from archive.committees import Committee, load_committees
from archive.foreign_calendars import DeadlineRule, deadline_rule
from chassis.folders import BrokenFolder
from kansli.calendar_import import Change, plan_calendar, write_calendar
from kansli.commands import main
from kansli.known_keys import COMMITTEE, strangers
from kansli.spreadsheets import BadTable

TODAY = date(2026, 11, 24)
RULE = deadline_rule("-12 days 12:00")
HEAD = """\
# Nämndens fil, skriven för hand.
id: namnd
name: Nämnden
secretary: {name: Nora Sekreterarsson, email: nora@namnd.example, copies: []}
agenda_item: Rapporter
proposal: "Nämnden lägger rapporterna till handlingarna."
diary: {template: "N {year}/{number:05}", registered: on-receipt}
summons_days_before: 7
notify: {when: at-once, digest_at: "07:00", reminders_workdays_before: [5, 1]}
"""
MEETINGS = """\
meetings:
  # Beslutade i september.
  - {date: 2026-10-14, time: "13:00", place: "Salen", deadline: 2026-10-02T12:00:00}
  - {date: 2026-12-09, time: "13:00", place: "Salen", deadline: 2026-11-27T12:00:00}   # julbord efteråt
  - date: 2027-01-20
    time: "13:00"   # efter lunch
    place: Salen
    deadline: !today +45 12:00
"""
TAIL = """\
units:
  - {id: kost, name: Kost}
kontaktpolitiker: []
disposal: {reports: keep, payloads_days: 90}
"""
FILE = HEAD + MEETINGS + TAIL
HEADS = "datum;tid;plats;manusstopp"
DECEMBER = "2026-12-09;13:00;Salen;2026-11-27 12:00"
JANUARY = "2027-01-20;13:00;Salen;2027-01-08 12:00"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return made(tmp_path)


def made(folder: Path, text: str = FILE) -> Path:
    config = folder / "config"
    (config / "committees").mkdir(parents=True)
    (config / "committees" / "namnd.yaml").write_text(text, "utf-8")
    return config


def written(config: Path) -> str:
    return (config / "committees" / "namnd.yaml").read_bytes().decode("utf-8")


def committee(config: Path) -> Committee:
    return load_committees(config, TODAY)["namnd"]


def imported(config: Path, name: str, content: bytes, rule: DeadlineRule | None = None) -> list[str]:
    """What is told of each meeting, when the calendar has been brought in."""
    file = config.parent / name
    file.write_bytes(content)
    plan = plan_calendar(file, config, "namnd", rule, TODAY)
    write_calendar(plan)
    assert not [*strangers(config / "committees" / "namnd.yaml", COMMITTEE)]
    return [f"{one.sign} {one.day:%m-%d} {' '.join(one.fields)}".strip() for one in plan.changes]


def table(config: Path, *lines: str, rule: DeadlineRule | None = None) -> list[str]:
    return imported(config, "kalender.csv", "\r\n".join(lines).encode("cp1252"), rule)


def event(starts: str, uid: str = "", *more: str) -> str:
    lines = [f"DTSTART;TZID=Europe/Stockholm:{starts}", *([f"UID:{uid}"] if uid else []), *more]
    return "\r\n".join(["BEGIN:VEVENT", *lines, "END:VEVENT", ""])


def calendar(config: Path, *events: str, rule: DeadlineRule | None = RULE) -> list[str]:
    content = "".join(["BEGIN:VCALENDAR\r\n", *events, "END:VCALENDAR\r\n"])
    return imported(config, "kalender.ics", content.encode(), rule)


def faults(config: Path, *lines: str, rule: DeadlineRule | None = None) -> tuple[str, ...]:
    with pytest.raises(BadTable) as bad:
        table(config, *lines, rule=rule)
    assert written(config) == FILE
    return tuple(fault.partition("kalender.csv:")[2] for fault in bad.value.faults)


def test_only_what_differs_is_written(config: Path) -> None:
    """Comments, order, relative days and the form of every other line stay."""
    told = table(config, HEADS, DECEMBER.replace("13:00", "09.30"), JANUARY)
    assert told == ["? 10-14", "~ 12-09 time sequence", "= 01-20"]
    former = '- {date: 2026-12-09, time: "13:00", place: "Salen", deadline: 2026-11-27T12:00:00}   #'
    changed = (
        '- {date: 2026-12-09, time: "09:30", place: "Salen", sequence: 1, deadline: 2026-11-27T12:00:00} #'
    )
    assert written(config) == FILE.replace(former, changed)


def test_the_same_calendar_twice_changes_nothing(config: Path) -> None:
    """Not a byte, whatever was changed the first time."""
    events = (
        event("20261209T090000", "ett"),
        event("20270217T130000", "två", "LOCATION:Kommunhuset, A: {x}"),
    )
    assert calendar(config, *events)[1:] == [
        "~ 12-09 time sequence id",
        "- 01-20 cancelled sequence",
        "+ 02-17 date time place deadline cancelled id",
    ]
    before = written(config)
    assert calendar(config, *events) == ["? 10-14", "= 12-09", "? 01-20", "= 02-17"]
    assert written(config) == before


def test_a_new_meeting_is_written_where_its_day_belongs(config: Path) -> None:
    """On a line of its own, as a person would have written it."""
    assert table(config, HEADS, DECEMBER, "2026-12-22;9.00;;2026-12-10 12:00", JANUARY)[2].startswith("+")
    line = '  - {date: 2026-12-22, time: "09:00", deadline: 2026-12-10T12:00:00}\n'
    assert line in written(config)
    assert (
        written(config).index("julbord") < written(config).index(line) < written(config).index("2027-01-20")
    )


def test_a_meeting_that_has_left_the_calendar_is_cancelled(config: Path) -> None:
    """Reports may have gone to it, so that it stays in the file and says so."""
    assert table(config, HEADS, DECEMBER) == ["? 10-14", "= 12-09", "- 01-20 cancelled sequence"]
    assert [meeting.cancelled for meeting in committee(config).meetings] == [False, False, True]
    assert "    cancelled: true\n" in written(config)


def test_the_plan_of_next_year_cancels_nothing_of_this_one(config: Path) -> None:
    """A calendar says nothing of the meetings before its first."""
    assert table(config, HEADS, JANUARY) == ["? 10-14", "? 12-09", "= 01-20"]
    assert written(config) == FILE


def test_a_meeting_that_is_back_is_held_again(config: Path) -> None:
    """What the calendar has is not cancelled, unless it says so."""
    table(config, HEADS, DECEMBER)
    assert table(config, HEADS, DECEMBER, JANUARY)[2] == "~ 01-20 cancelled sequence"
    assert not any(meeting.cancelled for meeting in committee(config).meetings)


def test_a_moved_meeting_is_known_by_its_name(config: Path) -> None:
    """The first calendar names it, the second moves it; in the calendars of others it is the same one."""
    assert calendar(config, event("20261209T130000", "ett"))[1] == "~ 12-09 id"
    first = calendar_of(committee(config))
    told = calendar(config, event("20261216T130000", "ett"))
    assert told == ["? 10-14", "~ 12-16 date deadline sequence", "? 01-20"]
    assert "moved from 2026-12-09" in str(Change("~", date(2026, 12, 16), date(2026, 12, 9)))
    moved = next(one for one in committee(config).meetings if one.id == "ett")
    assert (moved.date, moved.sequence) == (date(2026, 12, 16), 1)
    assert b"UID:ett.namnd@kansli" in first
    assert b"UID:ett.namnd@kansli" in calendar_of(committee(config))


def test_our_own_calendar_comes_back_as_it_was(config: Path) -> None:
    """Also with a meeting that the secretary moved by hand before."""
    moved = made(
        config.parent / "moved", FILE.replace("{date: 2026-12-09", "{id: 2026-12-09, date: 2026-12-16")
    )
    for folder in (config, moved):
        before = written(folder)
        told = imported(folder, "kalender.ics", calendar_of(committee(folder)))
        assert [line[0] for line in told] == ["=", "=", "="]
        assert written(folder) == before


def test_our_own_calendar_moved_elsewhere_moves_the_meeting(config: Path) -> None:
    """Its name is the day that it had, which the file writes down when the day is another."""
    content = calendar_of(committee(config)).replace(b"Stockholm:20261209T", b"Stockholm:20261216T")
    assert imported(config, "kalender.ics", content)[1] == "~ 12-16 date sequence id"
    assert committee(config).meetings[1].id == "2026-12-09"


def test_two_meetings_can_change_places(config: Path) -> None:
    """Names decide before days."""
    names = [event("20261209T130000", "ett"), event("20270120T130000", "två")]
    calendar(config, *names)
    calendar(config, event("20270120T130000", "ett"), event("20261209T130000", "två"))
    assert {one.id: str(one.date) for one in committee(config).meetings if one.id} == {
        "ett": "2027-01-20",
        "två": "2026-12-09",
    }


def test_a_place_that_the_calendar_does_not_tell_stays(config: Path) -> None:
    """An empty cell knows nothing."""
    assert table(config, "datum;tid", "2026-12-09;13:00", rule=RULE)[1] == "= 12-09"
    assert committee(config).meetings[1].place == "Salen"


def test_a_file_without_meetings_gets_them(tmp_path: Path) -> None:
    """Under a key of their own, also when it was there and empty."""
    for number, meetings in enumerate(("", "meetings: []\n")):
        config = made(tmp_path / str(number), HEAD + meetings + TAIL)
        assert table(config, HEADS, DECEMBER) == ["+ 12-09 date time place deadline cancelled"]
        assert [str(one.date) for one in committee(config).meetings] == ["2026-12-09"]


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("1/12;13:00;;2026-11-27 12:00", "date is no date"),
        ("2026-12-10;ett;;2026-11-27 12:00", "time is no time"),
        ("2026-12-10;13:00;;snart", "deadline is no day and hour"),
        ("2026-12-10;13:00;;", "deadline is no day and hour"),
        ("2026-12-10;13:00;;2026-11-27", "deadline has a day and no hour"),
        ("2026-12-10;13:00;;2026-12-11 12:00", "deadline comes after the meeting"),
        ("2026-12-09;09:00;;2026-11-27 12:00", "an earlier line has the same date"),
    ],
)
def test_a_wrong_line_is_named_and_nothing_is_written(config: Path, line: str, fault: str) -> None:
    """The message has the line and the remedy, and the good lines wait for the wrong one."""
    (told,) = faults(config, HEADS, DECEMBER, line)
    assert told.startswith(f"3: {fault}")


def test_a_wrong_answer_whether_it_is_cancelled_is_named(config: Path) -> None:
    """Whoever writes `kanske` is asked."""
    (told,) = faults(config, f"{HEADS};inställt", f"{DECEMBER};nej", f"{JANUARY};kanske")
    assert told == "3: cancelled is neither ja nor nej; write one"


def test_a_cancelled_line_cancels(config: Path) -> None:
    """As a person writes it."""
    assert table(config, f"{HEADS};inställt", f"{DECEMBER};Ja")[1] == "~ 12-09 cancelled sequence"


def test_heads_that_do_not_fit_are_named(config: Path) -> None:
    """And so is a table with nothing in it."""
    assert faults(config, "datum;plats", "2026-12-09;Salen")[0].startswith("1: no column time")
    assert faults(config, HEADS)[0].startswith("2: no line below the heads")


def test_a_fault_of_the_calendar_has_its_file_and_line(config: Path) -> None:
    """As a compiler tells it."""
    with pytest.raises(BadTable, match=r"kalender\.ics:3: a day without an hour"):
        calendar(config, "BEGIN:VEVENT\r\nDTSTART:20261209\r\nEND:VEVENT\r\n")
    assert written(config) == FILE


def test_an_unknown_committee_is_told_so(config: Path, tmp_path: Path) -> None:
    """Nothing is made for it."""
    file = tmp_path / "kalender.csv"
    file.write_text(f"{HEADS}\n{DECEMBER}\n", "utf-8")
    with pytest.raises(BrokenFolder, match="no file has the id fel"):
        plan_calendar(file, config, "fel", None, TODAY)


def test_a_result_that_would_not_load_is_refused(config: Path) -> None:
    """A meeting moved to the day of another, which the calendar does not have, would hide it."""
    path = config / "committees" / "namnd.yaml"
    path.write_text(FILE.replace("{date: 2026-10-14", "{id: ett, date: 2026-10-14"), "utf-8")
    with pytest.raises(BadTable, match="would not load: archive"):
        calendar(config, event("20261209T130000", "ett"))


DAYS = st.dates(date(2026, 11, 25), date(2028, 1, 1))
EVENTS = st.dictionaries(st.sampled_from("abcde"), DAYS, min_size=1).filter(
    lambda days: len({*days.values()}) == len(days)
)
"""Names of meetings, and on which day each is."""


@settings(max_examples=40, deadline=None)
@given(st.lists(EVENTS, min_size=1, max_size=4))
def test_after_each_calendar_the_file_holds_its_meetings(
    tmp_path_factory: pytest.TempPathFactory, calendars: list[dict[str, date]]
) -> None:
    """Whatever the former ones said, unless it is refused for a day that the file has otherwise."""
    config = made(tmp_path_factory.mktemp("house"), HEAD + TAIL)
    for days in calendars:
        before = written(config)
        try:
            calendar(config, *(event(f"{day:%Y%m%d}T130000", uid) for uid, day in days.items()))
        except BadTable:
            assert written(config) == before
        else:
            held = {one.id: one.date for one in committee(config).meetings if not one.cancelled}
            assert days.items() <= held.items()


def run(*command: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main(command)
    assert ended.value.code == 0


def test_the_command_prints_the_changes_and_a_dry_run_makes_none(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same lines, and then the file as it was, or changed."""
    file = config.parent / "plan.csv"
    file.write_text("datum;tid\n2030-01-16;13:00\n", "utf-8")
    command = ["import", "calendar", str(file), "--committee", "namnd", "--config", str(config)]
    command += ["--deadline", "-12 days 12:00"]
    run(*command, "--dry-run")
    dry = capsys.readouterr().out
    assert "+ 2030-01-16  new\n" in dry
    assert written(config) == FILE
    run(*command)
    assert capsys.readouterr().out == dry
    assert str(committee(config).meetings[-1].deadline) == "2030-01-04 11:00:00+00:00"


def test_a_rule_that_is_none_is_told_by_the_command(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With how to write it."""
    with pytest.raises(SystemExit):
        main(["import", "calendar", "x.ics", "--committee", "namnd", "--deadline", "snart"])
    assert "write the deadline as -12 days 12:00" in capsys.readouterr().err


def test_moments_of_another_zone_are_swedish_in_the_file(config: Path) -> None:
    """The file has what the clocks in the municipality show."""
    table(config, HEADS, "2027-02-17;13:00;;2027-02-05T11:00:00+00:00")
    assert "2027-02-05T12:00:00" in written(config)
    assert datetime.fromisoformat("2027-02-05T11:00:00+00:00") == committee(config).meetings[-1].deadline
