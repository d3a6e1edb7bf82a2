"""The lists, names and words of a packet, whatever its reports and their files are called."""

import csv
import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.packets.contents import (
    Enclosure,
    Packet,
    PacketReport,
    enclosure_name,
    innehall_csv,
    innehall_json,
    paste_text,
)
from archive.packets.zipped import EARLIEST, write_zip
from support.printed_reports import PACKET, REPORT, in_packet, packet_of, sent_texts

RESERVED = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10))}
"""Names that Windows keeps to itself, whatever ending they have."""

HOSTILE_NAMES = (
    "../../etc/passwd",
    "..\\..\\autorun.inf",
    "C:\\Windows\\win.ini",
    "/tmp/x.pdf",
    "con.pdf",
    "NUL",
    "aux.tar.gz",
    "bild.jpg ",
    "bild.",
    "...",
    "",
    "a\x00b.pdf",
    "gnp.\u202etxt.pdf",
    "Ritning över köket.PDF",
    "صورة.png",
    "x" * 300 + ".pdf",
    "-rf.pdf",
    "~$kalkyl.xlsx",
    "a:b?c*d|e.pdf",
)


def enclosure(name: str) -> Enclosure:
    return Enclosure(name, "application/pdf", 4, "ab" * 32, "ab/ab")


@st.composite
def packets(draw: st.DrawFn) -> Packet:
    """Packets whose reports say anything, in units and with files of any name."""
    reports = [report(draw) for _ in range(draw(st.integers(0, 4)))]
    return packet_of(*reports, agenda_number=draw(st.sampled_from(["", "14", "=14"])))


def report(draw: st.DrawFn) -> PacketReport:
    names = st.one_of(st.sampled_from(HOSTILE_NAMES), st.text(max_size=30))
    printed = replace(
        REPORT,
        subject=draw(sent_texts()),
        submitter=draw(names),
        diarienummer=draw(st.sampled_from(["", "VSN 2026/00042", "-5", "@dnr", "＝1"])),
    )
    return replace(
        in_packet(printed, unit=draw(names), oral=draw(st.booleans())),
        day=draw(st.sampled_from([None, date(2026, 11, 12)])),
        enclosures=tuple(map(enclosure, draw(st.lists(names, max_size=4)))),
    )


def hashes_of(packet: Packet) -> dict[str, str]:
    return {name: hashlib.sha256(name.encode()).hexdigest() for name in papers_of(packet)}


def papers_of(packet: Packet) -> list[str]:
    positions = range(1, len(packet.reports) + 1)
    return [packet.combined_name, *(packet.file_name(position) for position in positions)]


def names_in_zip(packet: Packet) -> list[str]:
    enclosures = [
        enclosure_name(packet, position, number)
        for position, entry in enumerate(packet.reports, 1)
        for number in range(1, len(entry.enclosures) + 1)
    ]
    return [*papers_of(packet), *enclosures]


def rows_of(packet: Packet) -> list[dict[str, str]]:
    text = innehall_csv(packet, hashes_of(packet)).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline=""), delimiter=";"))


@given(packets())
def test_every_name_can_be_unpacked_everywhere(packet: Packet) -> None:
    """ASCII, in a known folder or none, not hidden, none of Windows' own, and no dot or space at the end."""
    for name in names_in_zip(packet):
        folder, _, file = name.rpartition("/")
        assert folder in {"", "bilagor"}
        assert file.isascii()
        assert set(file) <= set("abcdefghijklmnopqrstuvwxyz0123456789-_.")
        assert file[0].isdecimal()
        assert file[-1].isalnum()
        assert ".." not in file
        assert file.split(".")[0] not in RESERVED
        assert len(file) < 110


@given(packets())
def test_no_two_names_are_the_same_where_case_does_not_count(packet: Packet) -> None:
    """Two files called alike are two files in the ZIP as well."""
    names = [name.casefold() for name in names_in_zip(packet)]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("count", [1, 9, 10, 99, 100, 250])
def test_sorted_names_are_the_order_of_the_agenda(count: int) -> None:
    """The combined papers first; however many reports there are."""
    entry = replace(in_packet(REPORT), enclosures=(enclosure("a.pdf"),) * 11)
    packet = packet_of(*[entry] * count)
    names = names_in_zip(packet)
    assert sorted(papers_of(packet)) == papers_of(packet)
    assert sorted(names[count + 1 :]) == names[count + 1 :]


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("Ritning över köket.PDF", "ritning-over-koket.pdf"),
        ("../../etc/passwd", "passwd"),
        ("..\\bild.jpg", "bild.jpg"),
        ("con.pdf", "con.pdf"),
        ("صورة.png", "fil.png"),
        ("bild.", "bild"),
        ("", "fil"),
        ("utan", "utan"),
    ],
)
def test_a_file_keeps_what_can_be_kept_of_its_name(sent: str, kept: str) -> None:
    """So that the secretary knows it again; the sender's own words stand in innehall.json."""
    packet = packet_of(replace(in_packet(REPORT), enclosures=(enclosure(sent),)))
    assert enclosure_name(packet, 1, 1) == f"bilagor/01_1_{kept}"
    (told,) = json.loads(innehall_json(packet, hashes_of(packet)))["reports"][0]["enclosures"]
    assert (told["file"], told["name"]) == (f"bilagor/01_1_{kept}", sent)


@given(packets())
def test_no_cell_of_the_list_is_a_formula(packet: Packet) -> None:
    """Neither where a cell begins nor where a line in it would."""
    rows = rows_of(packet)
    assert len(rows) == len(packet.reports)
    for row in rows:
        for cell in row.values():
            assert not cell.startswith(tuple("=+-@＝＋－＠\t\r"))
            assert "\n" not in cell


@given(packets())
def test_the_list_says_what_was_sent(packet: Packet) -> None:
    """Only blanks are drawn together, and a formula's sign gets an apostrophe before it."""
    for row, entry in zip(rows_of(packet), packet.reports, strict=True):
        assert row["Ärendemening"].removeprefix("'") == " ".join(entry.report.subject.split()).removeprefix(
            "'"
        )
        assert row["Redovisas muntligt"] == ("Ja" if entry.oral else "Nej")
        assert row["Bifogade filer"] == str(len(entry.enclosures))
        assert row["SHA-256"] == hashes_of(packet)[row["Fil"]]


def test_the_list_is_what_swedish_excel_opens() -> None:
    """Byte order mark, semicolons, lines that end as Windows ends them, Swedish hours."""
    late = replace(in_packet(REPORT), registered_at=datetime(2026, 11, 20, 23, 30, tzinfo=UTC))
    sheet = innehall_csv(packet_of(late), hashes_of(packet_of(late)))
    assert sheet.startswith("\ufeffBilaga;Ärendemening;Verksamhet;Datum;Avsändare;Inkom;".encode())
    assert sheet.endswith(b"\r\n")
    assert sheet.count(b"\n") == sheet.count(b"\r\n") == 2
    (row,) = rows_of(packet_of(late))
    assert row["Inkom"] == "20 november 2026 kl. 14.03"
    assert row["Registrerad"] == "21 november 2026 kl. 00.30"


@given(packets())
def test_the_list_for_machines_says_everything_as_it_was(packet: Packet) -> None:
    """The sender's words unchanged, moments in UTC, and each paper's hash."""
    told = json.loads(innehall_json(packet, hashes_of(packet)))
    assert told["sha256"] == hashes_of(packet)[told["file"]]
    assert told["frozen_at"] == "2026-12-01T09:12:00Z"
    assert [one["subject"] for one in told["reports"]] == [entry.report.subject for entry in packet.reports]
    assert [one["file"] for one in told["reports"]] == papers_of(packet)[1:]
    for one in told["reports"]:
        assert one["sha256"] == hashes_of(packet)[one["file"]]


@given(packets())
def test_each_report_has_one_line_in_the_words_to_paste(packet: Packet) -> None:
    """A subject with line breaks must not become lines of the minutes."""
    lines = paste_text(packet).split("\n")
    begins, ends = lines.index("Bilagor") + 1, lines.index("Till protokollet") - 1
    assert len(lines[begins:ends]) == len(packet.reports)


def test_the_words_to_paste_are_the_agenda_line_the_proposal_and_the_minutes() -> None:
    """Each where the secretary needs it."""
    packet = packet_of(in_packet(REPORT), in_packet(REPORT))
    assert paste_text(packet) == (
        "14. Rapporter från kontaktpolitiker (dnr VSN 2026/123)\n\n"
        "Förslag till beslut\nNämnden lägger rapporterna till handlingarna.\n\n"
        f"Bilagor\nBilaga 14.1. {REPORT.subject}\nBilaga 14.2. {REPORT.subject}\n\n"
        "Till protokollet\nTill sammanträdet 9 december 2026 har 2 rapporter kommit in.\n"
        "Nämnden lägger rapporterna till handlingarna.\n"
    )


@pytest.mark.parametrize(
    ("number", "diarienummer", "title"),
    [
        ("", "", "Rapporter från kontaktpolitiker"),
        ("9", "", "9. Rapporter från kontaktpolitiker"),
        ("", "SN 2026/1", "Rapporter från kontaktpolitiker (dnr SN 2026/1)"),
    ],
)
def test_the_agenda_line_says_what_is_known(number: str, diarienummer: str, title: str) -> None:
    """Numbers that are not given yet leave no gap."""
    assert replace(PACKET, agenda_number=number, diarienummer=diarienummer).title == title


def zipped(files: Mapping[str, bytes]) -> bytes:
    """The ZIP of files with that content; on the disk they are called otherwise."""
    with TemporaryDirectory() as folder:
        paths = {name: Path(folder, str(number)) for number, name in enumerate(files)}
        for name, path in paths.items():
            path.write_bytes(files[name])
        write_zip(Path(folder, "packet.zip"), paths)
        return Path(folder, "packet.zip").read_bytes()


names = st.text("abcåäö/._-", min_size=1, max_size=20).filter(lambda name: not name.endswith("/"))


@given(st.dictionaries(names, st.binary(max_size=200), max_size=6))
def test_what_is_zipped_can_be_taken_out_again(files: dict[str, bytes]) -> None:
    """Byte for byte, in the order of the names, and with the same bytes from the same files."""
    content = zipped(files)
    assert zipped(dict(reversed(files.items()))) == content
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == sorted(files)
        assert {name: archive.read(name) for name in archive.namelist()} == files


def test_a_large_file_is_zipped_as_if_it_had_been_in_memory() -> None:
    """Piece by piece or at once: the bytes, and so the hash of a packet, are the same."""
    large = b"kansli!" * 400_000
    at_once = io.BytesIO()
    with zipfile.ZipFile(at_once, "w") as archive:
        entry = zipfile.ZipInfo("large.pdf", EARLIEST)
        entry.external_attr, entry.create_system = 0o100644 << 16, 3
        archive.writestr(entry, large)
    assert zipped({"large.pdf": large}) == at_once.getvalue()


def test_a_zip_depends_on_no_machine() -> None:
    """Neither on its clock nor on its version of zlib, nor on who may read files there."""
    with zipfile.ZipFile(io.BytesIO(zipped({"a.txt": b"a" * 1000}))) as archive:
        (entry,) = archive.infolist()
    assert entry.date_time == (1980, 1, 1, 0, 0, 0)
    assert entry.compress_type == zipfile.ZIP_STORED
    assert entry.external_attr >> 16 == 0o100644
