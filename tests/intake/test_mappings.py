"""Whether open-e.yaml is right is known before the first submission comes."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from chassis.folders import BrokenFolder
from intake.forms import Form, fingerprint, load_form, load_forms, mapped
from intake.mappings import MappingText, check_mapping

SHIPPED = load_forms([Path(__file__).parents[2] / "schemas" / "forms"])

SCHEMA = {
    "required": ["plats"],
    "properties": {
        "plats": {"enum": ["kok", "skola"]},
        "text": {"$ref": "#/$defs/text"},
        "rader": {"type": "array", "items": {"properties": {"dag": {"$ref": "#/$defs/text"}}}},
    },
    "$defs": {"text": {"type": "string"}},
}


def mapping(**family: Any) -> dict[str, Any]:
    return {"platforms": {"*": {"5": {"version": 1, "elements": {"plats": "/plats"}, **family}}}}


def told(text: dict[str, Any]) -> list[tuple[str, str]]:
    """The last key of the place, and the words."""
    found = check_mapping(MappingText.model_validate(text), {1: SCHEMA})
    return [(place[-1], words) for place, words in found]


def form_folder(folder: Path, text: str) -> Path:
    (folder / "form.yaml").write_text("form: prov\n", "utf-8")
    (folder / "v1.schema.json").write_text("{}", "utf-8")
    (folder / "open-e.yaml").write_text(text, "utf-8")
    return folder


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_mapping_fits_its_form(name: str) -> None:
    """Every pointer leads somewhere, and all that is required is fed."""
    form = SHIPPED[name]
    assert form.open_e.platforms
    assert not list(check_mapping(form.open_e, form.schemas))


def test_a_mapping_that_fits_has_nothing_to_mend() -> None:
    """A pointer may lead through a reference of the schema."""
    table = {"pointer": "/rader", "columns": {"Dag": "dag"}}
    assert not told(mapping(elements={"plats": "/plats", "fri": "/text", "tabell": table}))


@pytest.mark.parametrize(
    ("family", "place", "words"),
    [
        ({"elements": {"plats": "/plats", "x": "/annat"}}, "x", "leads to no field"),
        ({"elements": {"plats": {"pointer": "/plats", "values": {"Kök": "koket"}}}}, "plats", "koket"),
        ({"elements": {"fri": "/text"}}, "elements", "/plats"),
        (
            {"elements": {"plats": "/plats", "x": {"pointer": "/rader", "columns": {"Dag": "dagg"}}}},
            "x",
            "the column Dag leads to no field of /rader",
        ),
        ({"form_version": 2}, "form_version", "no version 2"),
    ],
)
def test_what_does_not_fit_is_told_with_its_place(family: dict[str, Any], place: str, words: str) -> None:
    """One line to mend, and what is wrong with it."""
    ((found, sentence),) = told(mapping(**family))
    assert found == place
    assert words in sentence


@pytest.mark.parametrize(
    "text",
    [
        "platforms: [",
        "platforms: {'*': {'5': {version: 1, elements: {}, elemnts: {}}}}",
        "platforms: {'*': {'5': {version: 0, elements: {}}}}",
        "platforms: {'*': {'fem': {version: 1, elements: {}}}}",
        "platforms: {'*': {'5': {version: 1, elements: {a: utan-snedstreck}}}}",
        "platforms: {'*': {'5': {version: 1, elements: {k/SocialSecurityNumber: /plats}}}}",
        "platforms: {a: {'5': {version: 1, elements: {t: {pointer: /t, columns: {citizenIdentifier: t}}}}}}",
    ],
)
def test_a_mapping_that_cannot_be_used_is_refused_with_its_file(tmp_path: Path, text: str) -> None:
    """A misspelt key would be a field that nobody misses; a personnummer would be kept among the answers."""
    with pytest.raises(BrokenFolder, match=r"open-e\.yaml"):
        load_form(form_folder(tmp_path, text))


def test_a_family_may_be_written_as_a_number(tmp_path: Path) -> None:
    """YAML takes it for one when it has no quotes."""
    form = load_form(
        form_folder(tmp_path, yaml.safe_dump({"platforms": {"*": {5: {"version": 1, "elements": {}}}}}))
    )
    assert mapped({"eget": form}, "e-tjanst", "5")


def test_a_platforms_own_mapping_goes_before_the_one_for_any() -> None:
    """Its family of that number is another form."""
    own = {"version": 2, "elements": {}}
    text = MappingText.model_validate({"platforms": {**mapping()["platforms"], "egen": {"5": own}}})
    forms = {"eget": Form(schemas={}, open_e=text)}
    versions = [found[1].version for name in ("egen", "annan") if (found := mapped(forms, name, "5"))]
    assert versions == [2, 1]


def test_a_fingerprint_changes_with_what_reads_the_family() -> None:
    """So that what waits for a mapping is tried again when there is one, and not before."""
    assert fingerprint(SHIPPED, "e-tjanst", "77") == ""
    known = {fingerprint(SHIPPED, "e-tjanst", family) for family in ("901", "902")}
    assert len(known) == 2
    found = mapped(SHIPPED, "e-tjanst", "901")
    assert found is not None
    assert found[0] == "kontaktpolitiker-valfard"


def test_a_platform_s_own_mapping_goes_before_another_form_s_for_any(tmp_path: Path) -> None:
    """Whichever form comes first by its name."""
    for name, platform in (("a", '"*"'), ("b", "stan")):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "form.yaml").write_text(f"form: {name}\n", "utf-8")
        (folder / "v1.schema.json").write_text('{"properties": {"dag": {}}}', "utf-8")
        mapping = f'platforms: {{{platform}: {{"5": {{version: 1, elements: {{dag: /dag}}}}}}}}\n'
        (folder / "open-e.yaml").write_text(mapping, "utf-8")
    forms = load_forms([tmp_path])
    assert [found[0] for platform in ("stan", "annan") if (found := mapped(forms, platform, "5"))] == [
        "b",
        "a",
    ]
