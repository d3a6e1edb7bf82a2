"""What becomes of documents in the shapes that a platform really hands over."""

from pathlib import Path

import pytest

from intake.dialects import NoMapping, Unreadable
from intake.dialects.open_e import read_xml
from intake.forms import Form, Forms
from intake.mappings import MappingText

FILES = Path(__file__).parents[1] / "data" / "open-e"

WHOLE = {
    "25-pa-jobbet.xml": ("194", "1"),
    "anmal-franvaro.xml": ("195", "1"),
    "external-person.xml": ("358", "32"),
    "incomplete.xml": ("123", "28"),
    "kontakt-lon-pension.xml": ("174", "3"),
    "lamna-synpunkt-anonymous.xml": ("161", "3"),
    "lamna-synpunkt.xml": ("161", "2"),
    "ny-behorighet.xml": ("185", "2"),
}

BROKEN = {
    "faulty-namespace.xml": "okänt namnrum",
    "flow-instances-list.xml": "lista över ärenden",
    "not-found.html": "webbsida",
}


def everything(family: str, **mapping: object) -> Forms:
    """One form that takes whatever the family sends."""
    text = {"platforms": {"*": {family: {"version": 99, "elements": {}, **mapping}}}}
    return {"prov": Form({1: {}}, MappingText.model_validate(text))}


@pytest.mark.parametrize("name", WHOLE)
def test_a_whole_document_that_nobody_mapped_names_its_family_and_version(name: str) -> None:
    """Also with a malformed first line, stray text between elements, or no time of its own."""
    with pytest.raises(NoMapping) as told:
        read_xml((FILES / name).read_bytes(), {}, "e-tjanst")
    assert (told.value.family, told.value.version) == WHOLE[name]


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_no_submission_is_unreadable_and_says_why(name: str) -> None:
    """The place is told as line and column, and the words are for a person."""
    with pytest.raises(Unreadable) as told:
        read_xml((FILES / name).read_bytes(), {}, "e-tjanst")
    assert BROKEN[name] in told.value.detail
    assert told.value.line is not None
    assert told.value.column is not None


def test_every_file_has_its_outcome_here() -> None:
    """A file that is added is not forgotten."""
    assert {path.name for path in FILES.glob("*ml")} == {*WHOLE, *BROKEN}


def test_a_document_without_a_time_is_marked_incomplete() -> None:
    """It has neither time nor sender; what it says is taken all the same."""
    draft = read_xml((FILES / "incomplete.xml").read_bytes(), everything("123"), "e-tjanst")
    assert (draft.submitted_at, draft.name, draft.email) == (None, "Anonym", None)
    assert "incomplete" in {finding.rule for finding in draft.findings}


def test_an_anonymous_sender_may_be_named_by_a_question_of_the_form() -> None:
    """The mapping says which question it is; a file without its bytes is told of."""
    forms = everything("161", submitter={"contact": "contact"})
    draft = read_xml((FILES / "lamna-synpunkt.xml").read_bytes(), forms, "e-tjanst")
    assert (draft.name, draft.email) == ("Kalle Anka", "kalle.anka@sundsvall.se")
    assert "file-missing" in {finding.rule for finding in draft.findings}


def test_text_in_iso_8859_1_keeps_its_letters() -> None:
    """The platform's default encoding, and a register search's fields in one text."""
    elements = {"FakturerandeForvaltning": "/forvaltning", "UnderkontoExtern1": "/konto"}
    forms = everything("358", elements=elements)
    draft = read_xml((FILES / "external-person.xml").read_bytes(), forms, "e-tjanst")
    assert draft.data == {
        "forvaltning": "60 - Barn och Utbildning",
        "konto": "301100 Försäljning momspliktigt 25%",
    }


def test_no_personnummer_of_another_comes_along() -> None:
    """One stands in a contact that is not the sender's: it is neither data nor anybody's number."""
    forms = everything("358", elements={"KontaktuppgifterPrivatperson": "/kontakt"})
    draft = read_xml((FILES / "external-person.xml").read_bytes(), forms, "e-tjanst")
    assert "199001012385" not in repr(draft)
