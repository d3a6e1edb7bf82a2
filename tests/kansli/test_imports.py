"""The register that a municipality has in a table, brought into its committee's file."""

import unicodedata
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kansli.commands import main
from kansli.register_import import plan_register, write_register
from kansli.spreadsheets import BadTable, read_rows
from validation.register import load_committees

TODAY = date(2026, 11, 24)
KEY = "nyckel"
FILE = """\
# Nämndens fil, skriven för hand.
id: namnd
name: Nämnden
secretary: {name: Nora Sekreterarsson, email: nora@namnd.example, copies: []}
agenda_item: Rapporter
proposal: "Nämnden lägger rapporterna till handlingarna."
diary: {template: "N {year}/{number:05}", registered: on-receipt}
summons_days_before: 7
notify: {when: at-once, digest_at: "07:00", reminders_workdays_before: [5, 1]}
meetings:
  - {date: !today +16, time: "13:00", place: "Salen", deadline: !today +4 12:00}
units:
  - {id: kost, name: Kost}
  - {id: aldre, name: Äldreomsorg}
kontaktpolitiker:
  # Vald i januari.
  - {id: kp-1, name: Anna Exempel, email: anna@namnd.example, role: member, units: [kost], from: !today -700}
  - id: kp-7
    name: Bertil Påhittad    # kallas Berra
    email: bertil@namnd.example
    role: substitute
    units: [aldre]
    from: 2023-01-01
    to: 2026-12-31
disposal: {reports: keep, payloads_days: 90}
"""
HEADS = "namn;e-post;roll;verksamheter;från;till"
BERTIL = "Bertil Påhittad;bertil@namnd.example;ersättare;Äldreomsorg;2023-01-01;2026-12-31"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    folder = tmp_path / "config"
    (folder / "committees").mkdir(parents=True)
    (folder / "committees" / "namnd.yaml").write_text(FILE, "utf-8")
    return folder


def table(config: Path, *lines: str, encoding: str = "utf-8") -> Path:
    path = config.parent / "register.csv"
    path.write_bytes("\r\n".join(lines).encode(encoding))
    return path


def changes(config: Path, *lines: str, encoding: str = "utf-8") -> list[str]:
    plan = plan_register(table(config, *lines, encoding=encoding), config, "namnd", KEY, TODAY)
    write_register(plan)
    return [f"{change.sign} {change.person} {' '.join(change.fields)}".strip() for change in plan.changes]


def faults(config: Path, *lines: str, key: str | None = KEY) -> tuple[str, ...]:
    with pytest.raises(BadTable) as bad:
        plan_register(table(config, *lines), config, "namnd", key, TODAY)
    assert written(config) == FILE
    return tuple(fault.partition("register.csv:")[2] for fault in bad.value.faults)


def written(config: Path) -> str:
    return (config / "committees" / "namnd.yaml").read_bytes().decode("utf-8")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
@pytest.mark.parametrize("separator", [";", ",", "\t"])
def test_a_table_is_read_however_it_was_saved(config: Path, encoding: str, separator: str) -> None:
    """Encoding, byte order mark and separator are found out; å, ä and ö survive them."""
    lines = [line.replace(";", separator) for line in (HEADS, BERTIL)]
    assert changes(config, *lines, encoding=encoding) == ["? kp-1", "= kp-7"]


def test_english_heads_and_words_are_understood(config: Path) -> None:
    """The same line in English says the same."""
    heads = "Name;Email;Role;Units;From;To"
    assert changes(config, heads, BERTIL.replace("ersättare", "substitute")) == ["? kp-1", "= kp-7"]


def test_only_what_differs_is_written(config: Path) -> None:
    """Comments, order, relative days and the form of every other line stay."""
    line = BERTIL.replace("Äldreomsorg", "aldre|Kost").replace("2026-12-31", "")
    assert changes(config, HEADS, line) == ["? kp-1", "~ kp-7 units to"]
    expected = FILE.replace("units: [aldre]", "units: [aldre, kost]").replace("    to: 2026-12-31\n", "")
    assert written(config) == expected


def test_new_people_get_a_free_id_and_new_terms_the_same(config: Path) -> None:
    """A person not known is added after the highest id; a known one with a new first day has a new term."""
    told = changes(
        config,
        HEADS,
        "Åsa Låtsas;asa@namnd.example;ledamot;Kost;2026-01-01;",
        BERTIL.replace("2023-01-01;2026-12-31", "2027-01-01;2030-12-31"),
    )
    assert [line.split()[:2] for line in told] == [["?", "kp-1"], ["?", "kp-7"], ["+", "kp-8"], ["+", "kp-7"]]
    people = load_committees(config, TODAY)["namnd"].kontaktpolitiker
    assert [person.id for person in people] == ["kp-1", "kp-7", "kp-8", "kp-7"]


def test_an_id_that_the_table_gives_is_not_given_to_another(config: Path) -> None:
    """Who has no id gets one that no later line has."""
    told = changes(
        config,
        f"id;{HEADS}",
        ";Åsa Låtsas;asa@namnd.example;ledamot;Kost;2026-01-01;",
        "kp-8;Disa Skenberg;disa@namnd.example;ledamot;Kost;2026-01-01;",
    )
    assert [line.split()[1] for line in told[2:]] == ["kp-9", "kp-8"]


def test_a_personal_number_becomes_a_hash_and_decides_before_the_address(config: Path) -> None:
    """The number is never written; with it, a person with a new address is the same person."""
    heads = f"{HEADS};personnummer"
    assert changes(config, heads, f"{BERTIL};19121212-1212")[1] == "~ kp-7 personal_number_hash"
    assert "1212-1212" not in written(config)
    moved = BERTIL.replace("bertil@", "berra@")
    assert changes(config, heads, f"{moved};121212+1212")[1] == "~ kp-7 email"


def test_the_same_table_twice_changes_nothing(config: Path) -> None:
    """The second time every line is the same, and so is every byte of the file."""
    lines = (HEADS, BERTIL, "Åsa Låtsas;asa@namnd.example;ledamot;Kost;2026-01-01;")
    changes(config, *lines)
    before = written(config)
    assert changes(config, *lines) == ["? kp-1", "= kp-7", "= kp-8"]
    assert written(config) == before


@settings(max_examples=30, deadline=None)
@given(form=st.sampled_from(["NFC", "NFD"]), upper=st.booleans())
def test_an_address_is_the_same_however_it_is_written(
    tmp_path_factory: pytest.TempPathFactory, form: str, upper: bool
) -> None:
    """Case and the composition of å, ä and ö tell nobody apart."""
    config = tmp_path_factory.mktemp("house") / "config"
    (config / "committees").mkdir(parents=True)
    (config / "committees" / "namnd.yaml").write_text(FILE.replace("bertil@", "påhittad@"), "utf-8")
    address = unicodedata.normalize(form, "påhittad@namnd.example")  # type: ignore[arg-type]
    line = BERTIL.replace("bertil@namnd.example", address.upper() if upper else address)
    assert changes(config, HEADS, line) == ["? kp-1", "= kp-7"]


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        (";b@namnd.example;ledamot;Kost;2026-01-01;", "name is empty"),
        ("B;ingen adress;ledamot;Kost;2026-01-01;", "email is no address"),
        ("B;b@namnd.example;kung;Kost;2026-01-01;", "role is neither"),
        ("B;b@namnd.example;ledamot;Rymden;2026-01-01;", "units names a unit"),
        ("B;b@namnd.example;ledamot;Kost;1/1 2026;", "from is no date"),
        ("B;b@namnd.example;ledamot;Kost;2026-01-01;2025-01-01", "to comes before from"),
        ("B;b@namnd.example;ledamot;Kost", "4 cells under 6 heads"),
        (BERTIL, "an earlier line has the same person"),
    ],
)
def test_a_wrong_line_is_named_and_nothing_is_written(config: Path, line: str, fault: str) -> None:
    """The message has the line and the remedy, and the good lines wait for the wrong one."""
    (told,) = faults(config, HEADS, BERTIL, line)
    assert told.startswith(f"3: {fault}")


def test_a_wrong_personal_number_is_not_repeated(config: Path) -> None:
    """It says what to write, never what was written."""
    (told,) = faults(config, f"{HEADS};personnummer", f"{BERTIL};19121212-1213")
    assert told == "2: personnummer is none; write ÅÅÅÅMMDD-NNNN"


def test_a_personal_number_without_a_key_is_refused(config: Path) -> None:
    """A hash with another key would never match anybody."""
    (told,) = faults(config, f"{HEADS};personnummer", f"{BERTIL};19121212-1212", key=None)
    assert told.startswith("2: there is no key")


@pytest.mark.parametrize(
    ("heads", "fault"), [(f"{HEADS};skostorlek", "1: the head of column 7"), ("namn", "1: no column email")]
)
def test_heads_that_do_not_fit_are_named(config: Path, heads: str, fault: str) -> None:
    """A misspelt head would otherwise leave its column out in silence."""
    line = ";".join(["B"] * (heads.count(";") + 1))
    assert faults(config, heads, line)[0].startswith(fault)


def test_a_result_that_would_not_load_is_refused(config: Path) -> None:
    """What a service would refuse never replaces what it uses."""
    path = config / "committees" / "namnd.yaml"
    path.write_text(FILE.replace("nora@namnd.example", "nora"), "utf-8")
    before = path.read_bytes()
    with pytest.raises(BadTable, match="would not load: notification"):
        changes(config, HEADS, BERTIL)
    assert path.read_bytes() == before


def test_a_dry_run_prints_the_same_and_writes_nothing(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The list is the same either way; only the real run changes the file."""
    path = table(config, HEADS, "Åsa Låtsas;asa@namnd.example;ledamot;Kost;2026-01-01;")
    command = ["import", "register", str(path), "--committee", "namnd", "--config", str(config)]
    told = []
    for more in (["--dry-run"], []):
        with pytest.raises(SystemExit) as ended:
            main([*command, *more])
        assert ended.value.code == 0
        told.append(capsys.readouterr().out)
        assert (written(config) == FILE) == bool(more)
    assert told[0] == told[1]
    assert "+ kp-8 from 2026-01-01  new" in told[0]


def test_a_line_is_counted_from_where_it_begins(config: Path) -> None:
    """A cell with a line break moves the numbers of the lines after it."""
    path = table(config, "namn", '"två\nrader"', "tre")
    assert [row.line for row in read_rows(path, lambda head: head)] == [2, 4]
