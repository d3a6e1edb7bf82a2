"""The package of a frozen packet: what it holds, that it is the same twice, and that archives accept it."""

import hashlib
import io
import time
import tracemalloc
from datetime import date
from pathlib import Path
from zipfile import ZipFile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree
from lxml.etree import RelaxNG, XMLSchema, _Element

from archive.eark.erms import ERMS
from archive.eark.package import build_sip, write_sip
from archive.eark.record import ChairDecision, File, Record
from archive.eark.schemas import SCHEMAS
from support.commons_ip import faults_found
from support.missing import skipping_if_missing
from support.records import DATA, ROOT, files_of, mutated, mutations, record, registered, variety

SUBSETS = Path(__file__).parents[1] / "data" / "eark"
NAMES = {"e": ERMS, "p": "http://www.loc.gov/premis/v3"}
VARIETY = variety()
DESCRIBED_BY: dict[str, XMLSchema | RelaxNG] = {
    "METS.xml": XMLSchema(file=SCHEMAS / "mets.xsd"),
    "premis.xml": RelaxNG(file=SUBSETS / "premis.rng"),
    "erms.xml": RelaxNG(file=SUBSETS / "erms.rng"),
}
ANY_TEXT = st.lists(
    st.one_of(
        st.characters(),
        st.sampled_from("\x00\x0b\x1f\x7f\x85\ud800\udfff\ufffe\uffff<>&\"'\r\n\t"),
        st.sampled_from(["]]>", "<![CDATA[", "&amp;", "<!DOCTYPE x>", "åäö", "تقرير"]),
    ),
    max_size=12,
).map("".join)


def opened(package: bytes) -> dict[str, bytes]:
    return dict(files_of(package))


def register_of(package: bytes) -> _Element:
    return etree.fromstring(opened(package)[f"{DATA}/erms.xml"])


def first_report(package: bytes) -> _Element:
    return next(
        it for it in register_of(package).iter(f"{{{ERMS}}}record") if it.get("recordType") != "packet"
    )


def texts(element: _Element, path: str) -> list[str]:
    return [str(found) for found in element.xpath(path, namespaces=NAMES)]


def breaches(package: bytes) -> list[str]:
    """What the schemas have against the METS, PREMIS and ERMS of a package."""
    found = []
    for name, content in opened(package).items():
        schema = DESCRIBED_BY.get(name.rpartition("/")[2])
        if schema is not None and not schema.validate(etree.fromstring(content)):
            found.append(f"{name}: {schema.error_log}")
    return found


@pytest.mark.java
def test_commons_ip_accepts_every_kind_of_record(tmp_path: Path) -> None:
    """No error and no warning: one, many or none, with files, without numbers, in Arabic, a correction."""
    for name, kind in VARIETY.items():
        (tmp_path / f"{name}.zip").write_bytes(build_sip(kind))
    with skipping_if_missing():
        found = faults_found(sorted(tmp_path.iterdir()))
    assert found == {f"{name}.zip": [] for name in VARIETY}


@pytest.mark.java
def test_commons_ip_rejects_a_package_that_was_changed(tmp_path: Path) -> None:
    """Each change alone is enough: what is accepted is accepted for what it holds."""
    package = build_sip(record())
    for number, change in enumerate(mutations().values()):
        (tmp_path / f"{number}.zip").write_bytes(mutated(package, change))
    with skipping_if_missing():
        found = faults_found(sorted(tmp_path.iterdir()))
    assert [name for number, name in enumerate(mutations()) if not found[f"{number}.zip"]] == []


@pytest.mark.parametrize("kind", VARIETY)
def test_every_description_keeps_to_its_schema(kind: str) -> None:
    """METS by the schema that the package carries, PREMIS and ERMS by the part of theirs that we write."""
    assert breaches(build_sip(VARIETY[kind])) == []


@settings(max_examples=60, deadline=None)
@given(sender=ANY_TEXT, subject=ANY_TEXT, number=st.none() | ANY_TEXT, name=ANY_TEXT, committee=ANY_TEXT)
def test_any_text_becomes_a_package_that_keeps_to_the_schemas(
    sender: str, subject: str, number: str | None, name: str, committee: str
) -> None:
    """Whatever people write: controls and halves of characters never reach the XML."""
    attachment = File.of(name, "image/png", b"png")
    report = registered(
        sender=sender,
        subject=subject,
        public_subject=subject,
        diarienummer=number,
        attachments=(attachment,),
        chair_decision=ChairDecision(date(2026, 11, 1), subject),
    )
    package = build_sip(record(report, committee=committee, case=number, agreement=subject))
    assert breaches(package) == []
    assert all(path.isascii() for path in opened(package))


def test_the_same_record_makes_the_same_bytes() -> None:
    """A package that is built again can be compared with the one that was delivered."""
    assert build_sip(VARIETY["many"]) == build_sip(variety()["many"])


def test_everything_lies_in_one_folder_named_as_the_package() -> None:
    """The folder is named by the packet's own id, never by a diarienummer, which may hold a slash."""
    assert {name.partition("/")[0] for name in opened(build_sip(record(case="KS/2026:1")))} == {ROOT}


def test_files_are_kept_byte_for_byte_under_names_of_our_own() -> None:
    """Two files of the same name, or of one that no system can store, lie side by side unchanged."""
    twins = (File.of("bild.jpg", "image/jpeg", b"one"), File.of("bild.jpg", "image/jpeg", b"two"))
    odd = File.of("../CON:\u202e.pdf", "application/pdf", b"three")
    files = opened(build_sip(record(registered(attachments=(*twins, odd)))))
    assert files[f"{DATA}/001/bilaga-01.jpg"] == b"one"
    assert files[f"{DATA}/001/bilaga-02.jpg"] == b"two"
    assert files[f"{DATA}/001/bilaga-03.pdf"] == b"three"


def test_the_register_tells_number_dates_sender_and_subject() -> None:
    """What OSL 5 kap. 2 § asks of a register, and both when it came and when it was registered."""
    report = first_report(build_sip(record(registered(1))))
    assert texts(report, "e:objectId/text()") == ["VSN 2026/00001"]
    assert texts(report, "e:agents/e:agent/e:name/text()") == ["Anna Exempelsson"]
    assert texts(report, "e:title/text()") == ["Rapport från kontaktpolitiker, Kost"]
    assert texts(report, "e:subject/text()") == ["Besök på Kost, Björkbackens kök, den 1 november"]
    assert texts(report, "e:dates/e:date/text()") == ["2026-11-20T12:05:00Z", "2026-11-21T12:05:00Z"]


def test_a_report_without_number_goes_by_its_submission() -> None:
    """A committee that registers elsewhere still gets its record; nothing is made up."""
    report = first_report(build_sip(VARIETY["unnumbered"]))
    assert texts(report, "e:objectId/text()") == ["0193a2c4-7be1-7c3e-9a51-000000000001"]


@pytest.mark.parametrize(("drawn_up", "direction"), [(False, "incoming"), (True, "other")])
def test_a_report_is_incoming_unless_the_committee_holds_it_to_be_its_own(
    drawn_up: bool, direction: str
) -> None:
    """Whether a member's report has come in or was drawn up is the municipality's to say."""
    report = first_report(build_sip(record(registered(drawn_up=drawn_up))))
    assert texts(report, "e:direction/@directionDefinition") == [direction]


@pytest.mark.parametrize(("secret", "marked"), [(False, []), (True, ["confidential"])])
def test_a_mark_of_secrecy_follows_into_the_register(secret: bool, marked: list[str]) -> None:
    """Whoever is asked for the paper is warned; one without a mark says nothing."""
    report = first_report(build_sip(record(registered(secret=secret))))
    assert texts(report, "e:restriction/@restrictionType") == marked


def test_the_chairs_decision_stands_with_its_day() -> None:
    """ERMS wants an hour: the one when the day began in Sweden."""
    report = first_report(build_sip(VARIETY["decided"]))
    assert texts(report, "e:action/e:actionText/text()") == ["Ordförandebeslut § 17"]
    assert texts(report, "e:action/e:dates/e:actionDate/text()") == ["2026-10-31T23:00:00Z"]


def test_a_correction_says_what_it_replaces() -> None:
    """The archive can tell which of two packets of a meeting holds."""
    package = build_sip(VARIETY["correction"])
    [register] = [content for name, content in opened(package).items() if name.endswith("erms.xml")]
    replaced = etree.fromstring(register).xpath(
        "//e:relation[@relationType='replaces']/text()", namespaces=NAMES
    )
    assert replaced == [ROOT]


def test_premis_tells_of_every_file_that_lies_among_the_data() -> None:
    """Its checksums are those of the bytes, so that they can be followed in the archive's own system."""
    files = opened(build_sip(VARIETY["attachments"]))
    premis = etree.fromstring(files[f"{ROOT}/representations/rep1/metadata/preservation/premis.xml"])
    paths = texts(premis, "//p:objectIdentifierValue/text()")
    digests = texts(premis, "//p:messageDigest/text()")
    told = dict(zip(paths, digests, strict=True))
    there = {name: content for name, content in files.items() if name.startswith(DATA)}
    assert told == {
        name.removeprefix(f"{ROOT}/"): hashlib.sha256(content).hexdigest() for name, content in there.items()
    }


def test_what_can_be_shown_to_anybody_names_no_sender() -> None:
    """The description and the documentation travel without the package in archives' catalogues."""
    files = opened(build_sip(record()))
    shown = files[f"{ROOT}/metadata/descriptive/dc.xml"] + files[f"{ROOT}/documentation/LASMIG.txt"]
    assert b"Exempelsson" not in shown
    assert "Björkbackens".encode() not in shown


def test_the_documentation_is_swedish_and_names_every_file_that_it_tells_of() -> None:
    """Whoever finds the package in fifty years needs nothing else to begin."""
    files = opened(build_sip(record()))
    text = files[f"{ROOT}/documentation/LASMIG.txt"].decode("utf-8")
    named = [word for word in text.split() if word.endswith((".pdf", ".json", ".xml")) and "/" in word]
    assert named
    assert [name for name in named if f"{ROOT}/{name}" not in files] == []
    assert "RA-FS" not in text


def two_hundred() -> Record:
    """As a large committee's autumn: reports of fifty kilobytes, each with a picture of 200."""

    def picture() -> io.BytesIO:
        return io.BytesIO(bytes(200_000))

    paper = File.of("rapport.pdf", "application/pdf", b"%PDF" * 12_500)
    photo = File("bild.jpg", "image/jpeg", picture)
    return record(*(registered(number, pdf=paper, attachments=(photo,)) for number in range(1, 201)))


def test_two_hundred_reports_take_less_than_three_seconds(tmp_path: Path) -> None:
    """Written and verified; counted in the processor's time, since others work on the machine too."""
    begun = time.process_time()
    with (tmp_path / "sip.zip").open("w+b") as target:
        write_sip(two_hundred(), target)
    assert time.process_time() - begun < 3


def test_one_file_at_a_time_lies_in_memory(tmp_path: Path) -> None:
    """Two hundred reports are fifty megabytes on the disk, and not a third of it in the process."""
    tracemalloc.start()
    with (tmp_path / "sip.zip").open("w+b") as target:
        write_sip(two_hundred(), target)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (tmp_path / "sip.zip").stat().st_size > 50_000_000
    assert peak < 16_000_000


def test_the_zip_is_dated_when_the_packet_was_frozen() -> None:
    """On a Swedish clock, as file systems show it; never when it was built."""
    with ZipFile(io.BytesIO(build_sip(record()))) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(2026, 11, 27, 13, 5, 0)}
