"""What a platform's document becomes, in XML and as Frends writes it."""

import base64
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intake.dialects import DataTooLarge, Draft, Drifted, EnvelopeInvalid, NoMapping, Unreadable
from intake.dialects.open_e import read_frends, read_xml
from intake.forms import Form, load_forms
from intake.mappings import MappingText
from support.flow_instances import BERTIL, as_frends, as_xml, chosen, instance, question, report

FORMS = load_forms([Path(__file__).parents[2] / "schemas" / "forms"])

UTF_8 = '<?xml version="1.0" encoding="UTF-8"?>'
TOLVAN = "191212121212"

LONG_ENOUGH_SECONDS = 10
"""Far above what a bounded reading takes, also on a machine with much else to do."""


def read(tree: dict[str, Any], first_line: str = UTF_8) -> Draft:
    return read_xml(as_xml(tree, first_line), FORMS, "e-tjanst")


def rules(draft: Draft) -> list[str]:
    return [finding.rule for finding in draft.findings]


def messages(draft: Draft) -> str:
    return " ".join(finding.message for finding in draft.findings)


def test_a_clean_report_becomes_the_forms_data() -> None:
    """Dates, choices by their words, lists, yes and no; and nothing to remark."""
    draft = read(instance())
    assert draft.data == {
        "besoksdatum": "2026-11-12",
        "verksamhet": "kost",
        "enhet": "Köket på Åsen",
        "initiativ": "inbjudan",
        "dialog_med": ["personal", "brukare"],
        "sammanfattning": "Maten lagas på plats & räcker.",
        "muntlig_sammanfattning": False,
        "anstalld_i_verksamheten": False,
        "narstaende_anstalld": False,
        "ersattning_begars": True,
        "intygar_ingen_sekretess": True,
    }
    assert (draft.form, draft.form_version, draft.reference) == ("kontaktpolitiker-valfard", 1, "190456")
    assert (draft.name, draft.email) == ("Bertil Påhittad", "bertil.pahittad@valfard.example")
    assert draft.submitted_at == datetime(2026, 11, 20, 13, 3, tzinfo=UTC)
    assert not draft.findings


@pytest.mark.parametrize(
    "first_line",
    [
        '<?xml version="1.0" encoding="ISO-8859-1" standalone="no"?>',
        '<?xml version="1.1" encoding="UTF-8"?>',
        '<?xml version="1.0"encoding="UTF_8" standalone="no"?>',
        '\ufeff<?xml version="1.0" encoding="UTF-8"?>',
        "",
    ],
)
def test_each_way_of_writing_it_is_read_the_same(first_line: str) -> None:
    """Both encodings, XML 1.1, the malformed first line, a byte order mark, no declaration."""
    body = as_xml(instance(), first_line).removeprefix(b"\n")
    assert read_xml(body, FORMS, "e-tjanst") == read(instance())


def test_a_malformed_first_line_hides_no_other_fault() -> None:
    """The fault is told where it stands in what was sent."""
    body = as_xml(instance(), '<?xml version="1.0"encoding="UTF_8"?>').replace(b"</Header>", b"\n</Huvud>")
    with pytest.raises(Unreadable) as told:
        read_xml(body, FORMS, "e-tjanst")
    assert told.value.line == 3


def test_text_between_elements_changes_nothing() -> None:
    """It has been seen; CDATA is a text like any other."""
    body = as_xml(instance(), UTF_8).replace(b"</Version>", b"</Version>s")
    body = body.replace("Köket på Åsen".encode(), "<![CDATA[Köket på Åsen]]>".encode())
    assert read_xml(body, FORMS, "e-tjanst") == read(instance())


@pytest.mark.parametrize("cdata", [True, False])
def test_the_frends_pair_is_the_same_submission(cdata: bool) -> None:
    """Whether CDATA was kept as an object or made a text."""
    assert read_frends(as_frends(instance(), cdata=cdata), FORMS, "e-tjanst") == read(instance())


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (
            {"FlowInstance": {**as_frends(instance())["FlowInstance"], "@xmlns": "http://x.example"}},
            "namnrum",
        ),
        ({"FlowInstances": {"FlowInstance": []}}, "inget ärende"),
        ([], "inget ärende"),
    ],
)
def test_json_that_is_no_flow_instance_is_unreadable(content: Any, words: str) -> None:
    """Another namespace, a list of instances, something else."""
    with pytest.raises(Unreadable) as told:
        read_frends(content, FORMS, "e-tjanst")
    assert words in told.value.detail


texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=20).filter(
    lambda text: "\ufffe" not in text and "\uffff" not in text
)


@settings(deadline=None)
@given(st.lists(texts, max_size=3), texts, texts, st.sampled_from([[], [BERTIL], [BERTIL, BERTIL]]))
def test_xml_and_frends_mean_the_same(
    values: list[str], text: str, version: str, owners: list[dict[str, Any]]
) -> None:
    """Whatever was answered, and however many there are of what may be repeated."""
    answers = report(dialog_med=chosen(*values), enhet=question(Enhet=text), timmar=question(A=version))
    tree = instance(answers, owners=owners, poster=None)
    assert read(tree) == read_frends(as_frends(tree), FORMS, "e-tjanst")


_NAMED = (Unreadable, NoMapping, Drifted, EnvelopeInvalid, DataTooLarge)
_WHOLE = as_xml(instance(signers=[{"ID": TOLVAN}]), UTF_8)


@settings(deadline=None)
@given(st.binary(max_size=200), st.integers(0, len(_WHOLE)), st.integers(0, 40))
def test_any_bytes_are_a_draft_or_a_named_refusal(noise: bytes, at: int, gone: int) -> None:
    """Also a document that was cut, or overwritten in the middle."""
    for body in (noise, _WHOLE[:at] + noise + _WHOLE[at + gone :]):
        try:
            assert isinstance(read_xml(body, FORMS, "e-tjanst"), Draft)
        except _NAMED:
            continue


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


@settings(deadline=None)
@given(_json, st.sampled_from(["Header", "Values", "SigningEvents", "@xmlns"]))
def test_any_json_is_a_draft_or_a_named_refusal(content: Any, member: str) -> None:
    """Also where one member of a whole document is something else."""
    changed = as_frends(instance())
    changed["FlowInstance"][member] = content
    for document in (content, changed):
        try:
            assert isinstance(read_frends(document, FORMS, "e-tjanst"), Draft)
        except _NAMED:
            continue


_OPEN = as_xml(instance(), UTF_8).partition(b"<Values>")[0]

_ATTACKS = {
    "billion laughs": b'<!DOCTYPE a [<!ENTITY b "b"><!ENTITY c "&b;&b;&b;&b;&b;&b;">]><a>&c;</a>',
    "external entity": b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/hostname">]><a>&b;</a>',
    "external document type": b'<!DOCTYPE a SYSTEM "http://plattform.example/a.dtd"><a/>',
    "a hundred thousand levels": _OPEN + b"<a>" * 100_000,
    "a million elements": _OPEN + b"<Values>" + b"<a/>" * 1_000_000 + b"</Values></FlowInstance>",
}


@pytest.mark.parametrize("attack", _ATTACKS)
def test_what_is_meant_to_exhaust_us_is_refused_at_once(attack: str) -> None:
    """No entity is ever read, and no tree is built that no form could need."""
    began = time.monotonic()
    with pytest.raises(Unreadable):
        read_xml(_ATTACKS[attack], FORMS, "e-tjanst")
    assert time.monotonic() - began < LONG_ENOUGH_SECONDS


def test_a_text_of_25_megabytes_is_over_the_limit_of_answers() -> None:
    """It is read within a bounded time, and refused for what it is."""
    began = time.monotonic()
    with pytest.raises(DataTooLarge):
        read(instance(report(sammanfattning=question(Text="a" * 25_000_000))))
    assert time.monotonic() - began < LONG_ENOUGH_SECONDS


@pytest.mark.parametrize(
    ("tree", "words"),
    [
        (instance(status="Preliminär"), "preliminärt"),
        (instance(family="okänd"), "FamilyID"),
        (instance(submitted="igår"), "LastSubmitted"),
        ({"Values": {}}, "Header"),
    ],
)
def test_what_is_no_submission_yet_is_unreadable(tree: dict[str, Any], words: str) -> None:
    """The words say what is wrong, and nothing that stands in it."""
    with pytest.raises(Unreadable) as told:
        read(tree)
    assert words in told.value.detail


def test_a_family_that_nobody_mapped_says_which_it_is() -> None:
    """With what is needed to find the submission again."""
    with pytest.raises(NoMapping) as told:
        read(instance(family="77", version="4"))
    submitted = datetime(2026, 11, 20, 13, 3, tzinfo=UTC)
    assert told.value == NoMapping("77", "4", "190456", submitted)


@pytest.mark.parametrize(
    ("written", "utc"),
    [
        ("2026-07-01T12:00:00", "2026-07-01T10:00:00+00:00"),
        ("2026-10-25T02:30:00", "2026-10-25T00:30:00+00:00"),
        ("2026-03-29T02:30:00", "2026-03-29T01:30:00+00:00"),
    ],
)
def test_a_time_without_zone_is_swedish(written: str, utc: str) -> None:
    """Of the hour that comes twice it is the first; one in the hour that never was is read as before it."""
    submitted = read(instance(submitted=written)).submitted_at
    assert submitted is not None
    assert submitted.isoformat() == utc


def test_a_time_from_the_twelve_hour_clock_is_uncertain() -> None:
    """The platform wrote no morning or afternoon before 24 March 2020."""
    assert "uncertain-time" in rules(read(instance(submitted="2020-03-23T02:30:00")))
    assert "uncertain-time" not in rules(read(instance(submitted="2020-03-24T02:30:00")))


def test_a_completion_differs_in_its_time_alone() -> None:
    """The same reference with a later time is what makes a new revision."""
    first, second = read(instance()), read(instance(submitted="2026-11-21T09:00:00"))
    assert first.reference == second.reference
    assert first.submitted_at
    assert second.submitted_at
    assert first.submitted_at < second.submitted_at


def test_without_a_poster_the_first_owner_is_the_sender() -> None:
    """And that several stand behind it is told by their number, not by their names."""
    other = {**BERTIL, "Firstname": "Cecilia", "Email": "cecilia@valfard.example"}
    draft = read(instance(poster=None, owners=[other, BERTIL]))
    assert draft.email == "cecilia@valfard.example"
    assert rules(draft) == ["several-owners"]
    assert "2 personer" in messages(draft)
    assert "Cecilia" not in messages(draft)


def test_without_poster_and_owner_the_forms_own_question_tells_who() -> None:
    """The number in it is the sender's own; it is not among the answers."""
    contact = question(
        Firstname="Eva", Lastname="Exempel", Email="eva@x.example", SocialSecurityNumber=TOLVAN
    )
    draft = read(instance(report(kontaktuppgifter=contact), poster=None, owners=[]))
    assert (draft.name, draft.email, draft.personal_number) == ("Eva Exempel", "eva@x.example", TOLVAN)
    assert TOLVAN not in repr(draft.data)


@pytest.mark.parametrize(("first_name", "number"), [("bertil", TOLVAN), ("Cecilia", None)])
def test_the_forms_own_question_completes_the_sender_alone(first_name: str, number: str | None) -> None:
    """The platform knows Bertil; a number that was asked for is his only where the question names him."""
    contact = question(Firstname=first_name, Lastname="Påhittad", SocialSecurityNumber=TOLVAN)
    draft = read(instance(report(kontaktuppgifter=contact)))
    assert (draft.name, draft.personal_number) == ("Bertil Påhittad", number)
    assert TOLVAN not in repr(draft.data)


def test_nobody_is_anonymous() -> None:
    """A submission that names no one is taken all the same."""
    draft = read(instance(poster=None, owners=[]))
    assert (draft.name, draft.email, draft.personal_number) == ("Anonym", None, None)


@pytest.mark.parametrize(("number", "known"), [(TOLVAN, TOLVAN), ("191212121213", None), ("Kalle", None)])
def test_a_signers_number_is_the_senders_when_nobody_else_signed(number: str, known: str | None) -> None:
    """What is no personnummer refuses nothing: the address tells who it is."""
    draft = read(instance(signers=[{"Firstname": "Bertil", "ID": number}]))
    assert (draft.personal_number, draft.email) == (known, BERTIL["Email"])
    assert not draft.findings


def test_the_numbers_of_several_signers_are_dropped() -> None:
    """Nobody can tell which of them is the sender's."""
    draft = read(instance(signers=[{"ID": TOLVAN}, {"ID": "199001012385"}]))
    assert draft.personal_number is None
    assert TOLVAN not in repr(draft)


def test_a_file_comes_along_when_its_bytes_do() -> None:
    """Without them, or with what is not base64, a note says that it stayed; the name is not told."""
    encoded = base64.b64encode(b"%PDF-1.7").decode()
    files = [
        {"ID": "1", "Name": "karta.pdf", "Size": "8", "EncodedData": encoded},
        {"ID": "2", "Name": "hemlig.docx", "Size": "298462"},
        {"ID": "3", "Name": "hemlig.docx", "Size": "4", "EncodedData": "åäö*"},
    ]
    draft = read(instance(report(bilagor=question(File=files))))
    assert [(file.name, file.media_type, file.content) for file in draft.files] == [
        ("karta.pdf", "application/pdf", b"%PDF-1.7")
    ]
    assert rules(draft) == ["file-missing"]
    assert "2 bilagor" in messages(draft)
    assert "hemlig" not in messages(draft)


def test_a_newer_version_goes_on_while_what_is_required_is_there() -> None:
    """What is gone and what is new is named by its element."""
    changed = report(dialog_med=None, ny_fraga=chosen("x"))
    draft = read(instance(changed, version="2"))
    assert rules(draft) == ["form-drift"]
    assert "dialog_med" in messages(draft)
    assert "ny_fraga" in messages(draft)
    assert draft.data["verksamhet"] == "kost"


def test_a_newer_version_without_a_required_element_waits_for_a_person() -> None:
    """Which one is gone is told."""
    with pytest.raises(Drifted) as told:
        read(instance(report(verksamhet=None), version="2"))
    assert (told.value.family, told.value.version, [*told.value.missing]) == ("901", "2", ["verksamhet"])


def test_a_choice_that_the_form_does_not_know_stays_as_it_was_written() -> None:
    """So that the schema's finding names the field; the element is named, not the answer."""
    draft = read(instance(report(verksamhet=chosen("Något nytt"))))
    assert draft.data["verksamhet"] == "Något nytt"
    assert rules(draft) == ["form-drift"]
    assert "verksamhet" in messages(draft)
    assert "Något nytt" not in messages(draft)


def test_a_choice_is_known_in_any_spelling() -> None:
    """Composed or not, in any case, with any white space."""
    spelled = report(initiativ=chosen("  INBJUDAN   fra\u030an\nverksamheten "))
    assert read(instance(spelled)).data["initiativ"] == "inbjudan"


def test_names_of_elements_are_told_only_when_they_are_plain_names() -> None:
    """A name that is as long as a text is counted, not shown."""
    draft = read(instance(report(**{"a" * 70: chosen("x")}), version="2"))
    assert "aaa" not in messages(draft)
    assert "1 fält" in messages(draft)


def small_form(elements: dict[str, Any], properties: dict[str, Any]) -> Any:
    text = {"platforms": {"egen": {"5": {"version": 1, "elements": elements}}}}
    return {"prov": Form({1: {"properties": properties}}, MappingText.model_validate(text))}


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("number", "5,5", 5.5),
        ("number", "1 000", 1000.0),
        ("number", "fem", "fem"),
        ("number", "5 5", "5 5"),
        ("integer", "12", 12),
        ("integer", "12 000", 12000),
        ("integer", "5,5", "5,5"),
        ("boolean", "JA", True),
        ("boolean", "Kanske", "Kanske"),
        ("string", "5,5", "5,5"),
    ],
)
def test_a_text_becomes_what_the_schema_asks_for(kind: str, text: str, value: Any) -> None:
    """What cannot be it stays text."""
    forms = small_form({"svar": "/svar"}, {"svar": {"type": kind}})
    draft = read_xml(as_xml(instance({"svar": chosen(text)}, family="5"), UTF_8), forms, "egen")
    assert draft.data == {"svar": value}
    assert type(draft.data["svar"]) is type(value)


def test_a_tables_rows_become_objects() -> None:
    """One row or several; only the columns that the mapping names."""
    forms = small_form(
        {"tabell": {"pointer": "/besok", "columns": {"Dag": "dag"}}}, {"besok": {"type": "array"}}
    )
    rows = [{"Dag": "2026-11-12", "Annat": "x"}, {"Dag": "2026-11-13"}]
    for count in (1, 2):
        tree = instance({"tabell": question(Row=rows[:count])}, family="5")
        draft = read_xml(as_xml(tree, UTF_8), forms, "egen")
        assert draft.data == {"besok": [{"dag": row["Dag"]} for row in rows[:count]]}


ROW = {
    "dag": {"type": "string"},
    "antal": {"type": "integer"},
    "plats": {"enum": ["a"], "x-labels": {"a": "Åsen"}},
}
TABLE = {
    "tabell": {"pointer": "/besok", "columns": {"Dag": "dag", "Antal": "antal", "Plats": "plats"}},
}


def test_a_cell_becomes_what_the_schema_asks_for() -> None:
    """As an answer by itself does: a number, or the code of a choice."""
    forms = small_form(TABLE, {"besok": {"type": "array", "items": {"$ref": "#/$defs/rad"}}})
    forms["prov"].schemas[1]["$defs"] = {"rad": {"type": "object", "properties": ROW}}
    row = {"Dag": "2026-11-12", "Antal": "1 200", "Plats": "åsen"}
    draft = read_xml(as_xml(instance({"tabell": question(Row=row)}, family="5"), UTF_8), forms, "egen")
    assert draft.data == {"besok": [{"dag": "2026-11-12", "antal": 1200, "plats": "a"}]}
    assert draft.findings == []


def test_a_cell_that_cannot_be_that_stays_text_and_is_told() -> None:
    """The schema's finding names the field, the note names the element."""
    forms = small_form(TABLE, {"besok": {"type": "array", "items": {"properties": ROW}}})
    tree = instance({"tabell": question(Row={"Antal": "många"})}, family="5")
    draft = read_xml(as_xml(tree, UTF_8), forms, "egen")
    assert draft.data == {"besok": [{"antal": "många"}]}
    assert rules(draft) == ["form-drift"]
    assert "tabell" in messages(draft)


def test_a_mapping_is_the_platforms_own() -> None:
    """Family 5 of another platform is another form."""
    forms = small_form({}, {})
    with pytest.raises(NoMapping):
        read_xml(as_xml(instance({}, family="5"), UTF_8), forms, "annan")


def test_half_a_character_is_left_for_validation_to_reject() -> None:
    """JSON can hold one, and no text can."""
    content = as_frends(instance(values=report(enhet=question(Enhet="\ud800"))))
    assert read_frends(content, FORMS, "e-tjanst").data["enhet"] == "\ufffd"


def test_a_time_at_the_end_of_the_calendar_is_no_time() -> None:
    """It has no day in Sweden."""
    tree = instance()
    tree["Header"]["LastSubmitted"] = "9999-12-31T23:30:00+00:00"
    with pytest.raises(Unreadable, match="LastSubmitted"):
        read(tree)
