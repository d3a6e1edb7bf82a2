"""Reports made up to be printed, and the texts that people might send."""

from dataclasses import replace
from datetime import UTC, date, datetime, time
from typing import Any

from hypothesis import strategies as st

from archive.forms import Shown
from archive.packets.contents import Packet, PacketReport
from archive.packets.files import combined_facts
from archive.pdf import Compensation, Finding, Report, facts_of
from archive.typesetting import printed

REPORT = Report(
    submission_id="0193a2c4-7be1-7c3e-9a51-5f0d3b1f7a10",
    revision=1,
    committee="Välfärd- och servicenämnden",
    agenda_item="Rapporter från kontaktpolitiker",
    title="Rapport från kontaktpolitiker",
    subject="Besök 2026-11-12: Kost, Björkbackens kök. Anna Påhittad",
    status="filed",
    received_at=datetime(2026, 11, 20, 13, 3, tzinfo=UTC),
    submitter="Anna Påhittad, ledamot",
    reference="190456",
    diarienummer="VSN 2026/00042",
    meeting=date(2026, 12, 9),
    sections=(Shown("Sammanfattning", "Köket lagar mat till fyra förskolor.\n" * 12, line=False),),
    findings=(Finding("own-initiative", "note", "Besöket gjordes på eget initiativ.", "Riktlinjer § 3"),),
    compensation=(Compensation("Sammanträdesarvode", 1.0, "Besök 1 av 2 under 2026.", "§ 3"),),
    remark="Ett besök är ingen tillsyn eller kontroll.",
)

WRITINGS = (
    "Räksmörgås – ”så” sa hon, 5 § (2 st.)",
    "زرنا المدرسة يوم الخميس (12 نوفمبر)، وشكرنا الجميع! لَا إِلٰهَ می\u200cخواهم",
    "Мы посетили школу. Було дуже добре їсти",
    "Επισκεφθήκαμε το σχολείο.",
    "เราได้ไปเยี่ยมโรงเรียนและพูดคุยกับครู ที่นี่ น้ำ",
    "ትግርኛ ቋንቋ ጽቡቕ እዩ።",
    "שָׁלוֹם לְכֻלָּם. ײדיש",
    "Մենք այցելեցինք դպրոց և",
    "ჩვენ ვეწვიეთ სკოლას",
    "我们参观了学校。雪山 見学 학교",
    "हम स्कूल गए বিদ্যালয় ܫܠܡܐ",
    "👍🏽 ❤️ 👩‍👩‍👧 🇸🇪 😀",
    "\u0301\u0308\u0e31\u0e34\u05b0\u064b\u0323\u20dd\u0670\u0e33",
    "\u200b\u200c\u200d\u200e\u200f\u202e\u2066\u00ad\ufeff\ue000\u0007\u2028",
    "#panic() *x* $y$ <a> @b [U+1F600] \\ // `",
)
"""What people write with, to draw letters from: likely ones, rare ones, and ones that cannot be printed."""


@st.composite
def sent_texts(draw: st.DrawFn) -> str:
    """Texts of several writings, with marks on wrong letters, empty ones, and some without any space."""
    parts = st.one_of(
        st.sampled_from(WRITINGS),
        st.text(st.sampled_from("".join(WRITINGS)), max_size=60),
        st.builds(str.__mul__, st.text(st.sampled_from("".join(WRITINGS)), max_size=3), st.integers(1, 300)),
        st.text(max_size=20),
        st.sampled_from(["", "\n", "\n\n", " ", "x" * 500]),
    )
    return "".join(draw(st.lists(parts, max_size=6)))


def report_with(text: str) -> Report:
    """A report that holds the text wherever one holds any; a line is as long as a form lets it be."""
    line = text[:200].replace("\n", " ")
    return replace(
        REPORT,
        subject=line,
        submitter=line,
        reference=line,
        reason=text,
        status="held",
        remark=text,
        sections=(Shown("Enhet", line, line=True), Shown("Sammanfattning", text, line=False)),
        findings=(Finding("schema", "hold", text, line),),
        compensation=(Compensation("Arvode", 1.0, text, line),),
    )


def printed_prose(text: str) -> bytes:
    """A report with the text as prose and as a fact."""
    sections = (Shown("Enhet", text[:200], line=True), Shown("Sammanfattning", text, line=False))
    return printed(facts_of(replace(REPORT, subject=text[:200], sections=sections)), REPORT.received_at)


PACKET = Packet(
    id="0193a2c4-7be1-7c3e-9a51-5f0d3b1f7a11",
    number=1,
    committee_id="valfard",
    committee="Välfärd- och servicenämnden",
    agenda_item="Rapporter från kontaktpolitiker",
    proposal="Nämnden lägger rapporterna till handlingarna.",
    date=date(2026, 12, 9),
    time=time(13, 0),
    place="Kommunhuset, Lilla salen",
    frozen_at=datetime(2026, 12, 1, 9, 12, tzinfo=UTC),
    agenda_number="14",
    diarienummer="VSN 2026/123",
)


def in_packet(report: Report, unit: str = "Kost", **members: Any) -> PacketReport:
    return PacketReport(report, unit, date(2026, 11, 12), report.received_at, **members)


def packet_of(*reports: PacketReport, **members: Any) -> Packet:
    return replace(PACKET, reports=reports, **members)


def printed_packet(packet: Packet) -> bytes:
    return printed(combined_facts(packet), packet.frozen_at, "packet.typ")
