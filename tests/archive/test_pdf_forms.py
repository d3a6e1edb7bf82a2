"""How a form's data is shown to a committee: in its sections' order and in Swedish words."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from archive.forms import Form, Shown, load_forms, number_in_words
from chassis.folders import BrokenFolder

TODAY = date(2026, 11, 20)

SCHEMA = {
    "properties": {
        "besoksdatum": {"type": "string", "format": "date"},
        "verksamhet": {"enum": ["kost", "komvux"]},
        "initiativ": {"oneOf": [{"const": "eget", "title": "Eget initiativ"}, {"const": "inbjudan"}]},
        "dialog_med": {"type": "array", "items": {"$ref": "#/$defs/grupp"}},
        "enhet": {"type": "string", "maxLength": 200},
        "sammanfattning": {"$ref": "#/$defs/text", "title": "Sammanfattning"},
        "muntlig": {"type": "boolean"},
        "timmar": {"type": "number"},
        "beslut": {
            "type": "object",
            "properties": {
                "datum": {"title": "Datum", "type": "string", "format": "date"},
                "referens": {"title": "Referens", "type": "string", "maxLength": 100},
            },
        },
        "medarrangorer": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"forening": {"title": "Förening"}, "antal": {"title": "Antal"}},
            },
        },
    },
    "$defs": {
        "grupp": {"enum": ["personal", "brukare"], "x-labels": {"personal": "Personal"}},
        "text": {"type": "string", "maxLength": 10000},
    },
}
FORM = Form.model_validate(
    {
        "form": "besok",
        "committee": "valfard",
        "title": "Rapport från besök",
        "unit": "/verksamhet",
        "sections": [{"pointer": f"/{name}", "heading": name} for name in SCHEMA["properties"]],
        "compensation": {"sammantradesarvode": "Sammanträdesarvode"},
        "schemas": {1: SCHEMA},
    }
)
UNITS = {"kost": "Kost"}


def shown(**data: Any) -> tuple[Shown, ...]:
    return FORM.shown(1, data, UNITS)


@pytest.mark.parametrize(
    ("field", "value", "text"),
    [
        ("besoksdatum", "2026-11-12", "12 november 2026"),
        ("besoksdatum", "i tisdags", "i tisdags"),
        ("verksamhet", "kost", "Kost"),
        ("verksamhet", "komvux", "komvux"),
        ("initiativ", "eget", "Eget initiativ"),
        ("initiativ", "inbjudan", "inbjudan"),
        ("dialog_med", ["personal", "brukare"], "Personal, brukare"),
        ("muntlig", True, "Ja"),
        ("muntlig", False, "Nej"),
        ("timmar", 5.5, "5,5"),
        ("timmar", 8.0, "8"),
        ("timmar", 0, "0"),
        ("beslut", {"datum": "2026-11-01", "referens": "§ 14"}, "Datum: 1 november 2026\nReferens: § 14"),
        (
            "medarrangorer",
            [{"forening": "Låtsas", "antal": 2}, {"forening": "Exempel"}],
            "Förening: Låtsas, Antal: 2\nFörening: Exempel",
        ),
    ],
)
def test_a_value_is_shown_in_the_words_a_person_chose(field: str, value: Any, text: str) -> None:
    """Codes, booleans and dates of the schema are read aloud; what has no label is shown as it was sent."""
    assert [part.text for part in shown(**{field: value})] == [text]


def test_sections_come_in_the_order_of_the_form_and_empty_ones_are_left_out() -> None:
    """The report follows the form and not the order in which a platform sent its fields."""
    parts = shown(timmar=1, dialog_med=[], enhet="", besoksdatum="2026-11-12")
    assert [part.heading for part in parts] == ["besoksdatum", "timmar"]


def test_only_long_texts_are_prose() -> None:
    """A fact stands on a line; a text that may be long has a heading of its own."""
    parts = shown(enhet="Köket", sammanfattning="Bra.", muntlig=True)
    assert {part.heading: part.line for part in parts} == {
        "enhet": True,
        "sammanfattning": False,
        "muntlig": True,
    }


def test_data_of_a_version_without_schema_is_shown_as_it_was_sent() -> None:
    """A removed schema costs the words and never the content."""
    parts = FORM.shown(7, {"initiativ": "eget", "muntlig": True}, UNITS)
    assert [part.text for part in parts] == ["eget", "Ja"]


def test_data_of_the_wrong_shape_is_shown_all_the_same() -> None:
    """A rejected report is an incoming document too, whatever it holds."""
    parts = shown(besoksdatum=20261112, dialog_med="personal", beslut=["x"], enhet=None)
    assert [part.text for part in parts] == ["20261112", "personal", "x"]


def test_a_compensation_without_title_keeps_its_kind() -> None:
    """The form names its kinds of compensation; the archive knows none."""
    assert FORM.compensation_title("sammantradesarvode") == "Sammanträdesarvode"
    assert FORM.compensation_title("annat") == "annat"


def test_decimals_are_written_the_swedish_way() -> None:
    """A comma, and no empty decimals."""
    assert [number_in_words(number) for number in (5.5, 8.0, 1, 0.1 + 0.2)] == ["5,5", "8", "1", "0,3"]


def form_folder(folder: Path, title: str) -> Path:
    (folder / "besok").mkdir(parents=True)
    (folder / "besok" / "form.yaml").write_text(
        f"form: besok\ncommittee: valfard\ntitle: {title}\nperson: none\n", "utf-8"
    )
    (folder / "besok" / "v1.schema.json").write_text(json.dumps(SCHEMA), "utf-8")
    return folder


def test_a_form_of_the_same_name_replaces_the_shipped_one(tmp_path: Path) -> None:
    """A municipality changes a form by its own folder, not by editing ours."""
    shipped, own = form_folder(tmp_path / "shipped", "Vår"), form_folder(tmp_path / "own", "Egen")
    forms = load_forms([shipped, own], TODAY)
    assert forms["besok"].title == "Egen"
    assert forms["besok"].schemas == {1: SCHEMA}


@pytest.mark.parametrize("file", ["form.yaml", "v1.schema.json"])
def test_a_faulty_form_file_is_named(tmp_path: Path, file: str) -> None:
    """Whoever edits a form is led to the file that is wrong."""
    folder = form_folder(tmp_path, "Vår")
    (folder / "besok" / file).write_text("{", "utf-8")
    with pytest.raises(BrokenFolder, match=file):
        load_forms([folder], TODAY)


def test_every_section_of_a_shipped_form_points_at_a_field() -> None:
    """A misspelt pointer would leave its section out of every report, and nobody would miss it."""
    folder = Path(__file__).parents[2] / "schemas" / "forms"
    for form in load_forms([folder], TODAY).values():
        fields = form.schemas[max(form.schemas)]["properties"]
        assert [part.pointer for part in form.sections if part.pointer[1:].split("/")[0] not in fields] == []
