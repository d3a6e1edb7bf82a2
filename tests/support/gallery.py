"""Every page of the archive in every state, made of made-up views, for all that must hold of each page."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

from archive.forms import Shown
from archive.pdf import Compensation, Finding
from archive.web.frame import Frame, Mistake, Notice, Undo
from archive.web.meetings import (
    Act,
    AstrayLine,
    CommitteeLine,
    CommitteeView,
    MeetingLine,
    MeetingView,
    PacketLine,
    PacketsView,
    PasteText,
    ReportLine,
)
from archive.web.operations import OperationsView, ParkedLine
from archive.web.pages import (
    Contact,
    accessibility_page,
    committee_page,
    meeting_page,
    operations_page,
    packets_page,
    problem_page,
    report_page,
    signed_out_page,
    someone_was_first_page,
    start_page,
    year_page,
)
from archive.web.review import AttachmentLine, FirstView, HistoryLine, LetterLine, ReportView, SeenLine
from archive.web.year import Norm, UnitYear, YearView

DEADLINE = datetime(2026, 11, 27, 11, tzinfo=UTC)
NOW = DEADLINE - timedelta(4)
NOTE = Finding(
    "own-initiative", "note", "Besöket gjordes på eget initiativ. Besök 2 av 2 i år.", "Riktlinjer § 3"
)
HOLD = Finding("yearly-visits", "hold", "Det här är besök 3 i år.", "Riktlinjer § 3, Ersättning")
REJECT = Finding("visit-in-future", "reject", "Besöksdatumet ligger i framtiden.", "Riktlinjer § 2")
SECRETARY = Frame(who="Nora Sekreterarsson", csrf="c5f0", operator=True)
CHAIR = Frame(who="Orvar Ordförandesson", csrf="c5f1")
AT_THIS_MACHINE = Frame(who="Någon vid den här datorn", csrf="c5f2", open_here=True, operator=True)
ON_AGENDA: frozenset[Act] = frozenset({"hold", "return", "move", "order", "number"})

KITCHEN = ReportLine(
    submission_id="0193",
    subject="Kost, Björkbackens kök",
    unit="Kost",
    visit_date=date(2026, 11, 12),
    sender="Anna Öberg",
    arrived_at=datetime(2026, 11, 20, 13, 3, tzinfo=UTC),
    findings=(NOTE,),
    diarienummer="VSN 2026/00012",
    acts=ON_AGENDA,
)
SCHOOL = replace(
    KITCHEN,
    submission_id="0194",
    subject="Komvux, Lärcentrum",
    unit="Komvux",
    findings=(),
    visit_date=None,
    diarienummer="",
    masked=True,
)
TOURISM = replace(
    KITCHEN,
    submission_id="0195",
    subject="Turism, Turistbyrån",
    unit="Turism",
    findings=(HOLD,),
    reason="Väntar på beslut.",
    unseen=True,
    acts=frozenset({"release", "decide", "return"}),
)
LATE = replace(
    SCHOOL,
    submission_id="0196",
    subject="Fritid, Simhallen",
    unit="Fritid",
    late=True,
    acts=frozenset({"move"}),
)
REJECTED = replace(
    TOURISM,
    submission_id="0197",
    subject="Kultur, Biblioteket",
    unit="Kultur",
    findings=(REJECT,),
    reason="",
    acts=frozenset({"accept"}),
)
PACKET = PacketLine(
    meeting=date(2026, 12, 9),
    number=1,
    frozen_at=datetime(2026, 11, 27, 13, 30, tzinfo=UTC),
    sha256="9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    reports=2,
)
CORRECTION = replace(
    PACKET,
    number=2,
    frozen_at=PACKET.frozen_at + timedelta(3),
    changes=("Kost, Björkbackens kök är rättad.",),
    paragraph="§ 14",
)
PASTES = (
    PasteText("Punkt på föredragningslistan", "14. Rapporter från kontaktpolitiker (dnr VSN 2026/123)"),
    PasteText(
        "Förslag till beslut",
        "Förslag till beslut: Nämnden lägger rapporterna till handlingarna.\n"
        "1. Kost, Björkbackens kök\n2. Komvux, Lärcentrum",
    ),
)
MEETING = MeetingView(
    committee_id="valfard",
    committee="Välfärd- och servicenämnden",
    date=date(2026, 12, 9),
    time=time(13),
    place="Stora salen",
    deadline=DEADLINE,
    now=NOW,
    reports=(KITCHEN, SCHOOL),
    held=(TOURISM,),
    late=(LATE,),
    rejected=(REJECTED,),
    pastes=PASTES,
    next_meeting=date(2027, 1, 20),
    acts=frozenset({"freeze"}),
    astray=(
        AstrayLine("held", NOW - timedelta(days=1), TOURISM.submission_id, TOURISM.subject),
        AstrayLine("reminder", NOW),
    ),
)
EMPTY = replace(
    MEETING, reports=(), held=(), late=(), rejected=(), pastes=(), place="", acts=frozenset(), astray=()
)
AFTER = replace(
    MEETING,
    now=NOW + timedelta(30),
    reports=(
        replace(KITCHEN, packet=2, acts=frozenset({"number"})),
        replace(SCHOOL, packet=1, acts=frozenset({"number"})),
    ),
    held=(),
    late=(replace(LATE, late=False, corrects=1),),
    packets=(PACKET, CORRECTION),
    acts=frozenset({"freeze", "minutes"}),
)
READ_ONLY = replace(
    MEETING,
    reports=(replace(KITCHEN, acts=frozenset()), replace(SCHOOL, acts=frozenset())),
    held=(replace(TOURISM, acts=frozenset()),),
    late=(),
    rejected=(),
    acts=frozenset(),
)
COMMITTEE = CommitteeView(
    id="valfard",
    name="Välfärd- och servicenämnden",
    now=NOW,
    coming=(
        MeetingLine(date(2026, 12, 9), DEADLINE, filed=2, held=1),
        MeetingLine(date(2027, 1, 20), DEADLINE + timedelta(40), filed=0, held=0, cancelled=True),
    ),
    past=(MeetingLine(date(2026, 10, 9), DEADLINE - timedelta(60), filed=7, held=0, packets=1),),
    waiting=1,
)
LINES = (
    CommitteeLine("valfard", "Välfärd- och servicenämnden", date(2026, 12, 9), DEADLINE, held=1),
    CommitteeLine("social", "Socialnämnden", None),
)
HISTORY = (
    HistoryLine(datetime(2026, 11, 20, 13, 3, tzinfo=UTC), "report.held", "Kansli"),
    HistoryLine(
        datetime(2026, 11, 23, 8, 12, tzinfo=UTC),
        "report.released",
        "Nora Sekreterarsson",
        "Ordföranden har godkänt ett tredje besök.",
    ),
)
REPORT = ReportView(
    committee_id="valfard",
    committee="Välfärd- och servicenämnden",
    submission_id="0193",
    version=3,
    revision=2,
    title="Rapport från kontaktpolitiker",
    subject="Kost, Björkbackens kök",
    status="filed",
    sender="Anna Öberg",
    arrived_at=datetime(2026, 11, 20, 13, 3, tzinfo=UTC),
    meeting=date(2026, 12, 9),
    next_meeting=date(2027, 1, 20),
    visit_date=date(2026, 11, 12),
    reference="190456",
    diarienummer="VSN 2026/00012",
    sections=(
        Shown("Verksamhet", "Kost", True),
        Shown("Besöksdatum", "12 november 2026", True),
        Shown("Dialog med", "Personal, brukare", True),
        Shown(
            "Sammanfattning",
            "Köket lagar 900 portioner om dagen åt skolor och äldreboenden.\n\n"
            "Personalen är stolt över att allt lagas från grunden. De vill ha fler praktikplatser och "
            "en ny ugn, eftersom den gamla står stilla ungefär en dag i veckan.",
            False,
        ),
    ),
    findings=(NOTE,),
    compensation=(
        Compensation("Sammanträdesarvode", 1, "Besök 2 av 2 i år.", "Riktlinjer § 3, Ersättning"),
        Compensation("Förlorad arbetsinkomst", 5.5),
    ),
    attachments=(AttachmentLine("matsedel vecka 47.pdf", "application/pdf", 348_000),),
    history=HISTORY,
    letters=(
        LetterLine("held", "sent", datetime(2026, 11, 20, 13, 4, tzinfo=UTC)),
        LetterLine("returned", "failed", datetime(2026, 11, 20, 13, 5, tzinfo=UTC)),
    ),
    seen=SeenLine(datetime(2026, 11, 25, 9, 15, tzinfo=UTC), "Nora Sekreterarsson"),
    acts=frozenset({"hold", "return", "move", "number", "mask", "undo"}),
)
HELD_REPORT = replace(
    REPORT,
    status="held",
    is_masked=True,
    findings=(HOLD, NOTE),
    reason="Väntar på beslut.",
    history=HISTORY[:1],
    acts=frozenset({"release", "decide", "return", "number", "mask"}),
)
REPORTED = replace(
    REPORT, status="reported", packet=2, paragraph="§ 14", masked=True, acts=frozenset({"number"})
)
FIRST = FirstView(
    committee_id="valfard",
    committee="Välfärd- och servicenämnden",
    submission_id="0195",
    subject="Turism, Turistbyrån",
    state="Återlämnad",
    meeting=date(2026, 12, 9),
    last=HistoryLine(
        datetime(2026, 11, 23, 9, 12, tzinfo=UTC), "report.returned", "Nisse Vikariesson", "Fel enhet."
    ),
    typed="Ordföranden har godkänt besöket.",
)
YEAR = YearView(
    id="valfard",
    name="Välfärd- och servicenämnden",
    year=2026,
    norm=Norm(1, 2),
    units=(
        UnitYear("Kost", 2, 1),
        UnitYear("Arbetsmarknad", 1, 1),
        UnitYear("Komvux", 4, 1),
        UnitYear("Turism", 0, 1),
        UnitYear("Kultur och bibliotek i hela kommunen", 1, 0),
        UnitYear("Fritid", 0, 0),
    ),
    years=(2026, 2025),
    without_unit=1,
)
OPERATIONS = OperationsView(
    now=NOW,
    parked=(
        ParkedLine(
            "01939f2a", "archive.submission.accepted", "no committee fritid in the configuration", NOW
        ),
    ),
    waiting=(("notification.report.filed", 3),),
    letters=(("Skickat", 41), ("Kom inte fram", 1)),
)
CONTACTS = (
    Contact("Välfärd- och servicenämnden", "Nora Sekreterarsson", "nora.sekreterarsson@kommunen.example"),
)

DONE = replace(
    SECRETARY,
    notice=Notice("Rapporten hålls tillbaka.", KITCHEN.subject, Undo("0193", 4, KITCHEN.subject)),
)
WITHOUT_REASON = replace(
    SECRETARY,
    mistakes=(Mistake("reason-0193", "Skriv varför du håller tillbaka rapporten."),),
)
HALF_A_DECISION = replace(
    SECRETARY,
    mistakes=(Mistake("datum-0195", "Skriv vilken dag ordföranden beslutade."),),
    typed={"referens-0195": "VSN 2026/00099", "reason-0195": "Ordföranden har beslutat."},
)
HELD_LEFT = replace(
    SECRETARY, mistakes=(Mistake("leave-out", "Bekräfta att rapporten som hålls tillbaka lämnas utanför."),)
)

PAGES: dict[str, Callable[[], str]] = {
    "start": lambda: start_page(LINES, SECRETARY),
    "start-empty": lambda: start_page((), AT_THIS_MACHINE),
    "committee": lambda: committee_page(COMMITTEE, SECRETARY),
    "committee-empty": lambda: committee_page(replace(COMMITTEE, coming=(), past=(), waiting=0), SECRETARY),
    "meeting": lambda: meeting_page(MEETING, SECRETARY),
    "meeting-empty": lambda: meeting_page(EMPTY, SECRETARY),
    "meeting-cancelled": lambda: meeting_page(replace(MEETING, cancelled=True), SECRETARY),
    "meeting-after": lambda: meeting_page(AFTER, SECRETARY),
    "meeting-read-only": lambda: meeting_page(READ_ONLY, CHAIR),
    "meeting-done": lambda: meeting_page(MEETING, DONE),
    "meeting-without-reason": lambda: meeting_page(MEETING, WITHOUT_REASON),
    "meeting-half-a-decision": lambda: meeting_page(MEETING, HALF_A_DECISION),
    "meeting-held-left": lambda: meeting_page(MEETING, HELD_LEFT),
    "report": lambda: report_page(REPORT, SECRETARY),
    "report-held": lambda: report_page(HELD_REPORT, SECRETARY),
    "report-reported": lambda: report_page(REPORTED, CHAIR),
    "report-without-reason": lambda: report_page(REPORT, WITHOUT_REASON),
    "packets": lambda: packets_page(
        PacketsView(
            "valfard",
            "Välfärd- och servicenämnden",
            (CORRECTION, PACKET, replace(PACKET, meeting=date(2019, 2, 6), removed_at=NOW)),
        ),
        SECRETARY,
    ),
    "packets-empty": lambda: packets_page(PacketsView("valfard", "Socialnämnden"), SECRETARY),
    "year": lambda: year_page(YEAR, SECRETARY),
    "year-empty": lambda: year_page(replace(YEAR, units=(), years=(2026,)), SECRETARY),
    "operations": lambda: operations_page(OPERATIONS, SECRETARY),
    "operations-empty": lambda: operations_page(OperationsView(NOW), AT_THIS_MACHINE),
    "accessibility": lambda: accessibility_page(CONTACTS, SECRETARY),
    "accessibility-nobody": lambda: accessibility_page(()),
    "someone-was-first": lambda: someone_was_first_page(FIRST, SECRETARY),
    "signed-out": signed_out_page,
    "problem": lambda: problem_page(
        503, "Inte tillgängligt just nu", "Försök igen om en liten stund.", SECRETARY
    ),
    "not-signed-in": lambda: problem_page(401, "Logga in först", "Inloggningen har gått ut."),
    "not-found": lambda: problem_page(404, "Finns inte", "Det finns inget på den här adressen."),
}
"""Pages by name; a page that is not here is not proven."""
