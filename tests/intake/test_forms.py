"""Intake knows of forms only that they exist, and in which versions."""

from pathlib import Path

import pytest

from chassis.folders import BrokenFolder
from intake.forms import Forms, load_forms
from support.lone_service import LoneService
from support.platforms import KEY, envelope, post


def add(folder: Path, name: str, *versions: str) -> None:
    (folder / name).mkdir(parents=True)
    (folder / name / "form.yaml").write_text("form: x\n", "utf-8")
    for version in versions:
        (folder / name / f"{version}.schema.json").write_text("{}", "utf-8")


def versions(forms: Forms) -> dict[str, list[int]]:
    return {name: [*form.versions] for name, form in forms.items()}


def test_a_form_is_a_folder_with_its_versions_in_order(tmp_path: Path) -> None:
    """Version ten comes after version nine; other files and folders are no forms."""
    add(tmp_path, "a", "v10", "v9", "v1")
    (tmp_path / "a" / "notes.txt").write_text("x", "utf-8")
    (tmp_path / "drafts").mkdir()
    assert versions(load_forms([tmp_path])) == {"a": [1, 9, 10]}


def test_a_later_folder_replaces_a_form_of_the_same_name(tmp_path: Path) -> None:
    """As a municipality does with a shipped form; the others stay."""
    add(tmp_path / "shipped", "a", "v1", "v2")
    add(tmp_path / "shipped", "b", "v1")
    add(tmp_path / "own", "a", "v3")
    assert versions(load_forms([tmp_path / "shipped", tmp_path / "own"])) == {"a": [3], "b": [1]}


def test_a_form_without_a_schema_is_refused(tmp_path: Path) -> None:
    """It could not be judged."""
    add(tmp_path, "a", "latest")
    with pytest.raises(BrokenFolder, match=r"a: .*v1\.schema\.json"):
        load_forms([tmp_path])


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    """A misspelt path must not make every form unknown."""
    with pytest.raises(BrokenFolder, match="nowhere"):
        load_forms([tmp_path / "nowhere"])


async def test_a_form_may_be_sent_in_an_older_version(intake: LoneService) -> None:
    """A platform moves to the new version when it is ready."""
    await post(intake, envelope(form_version=1), key=KEY)
    (event,) = await intake.said("submission.received")
    assert event.data["form_version"] == 1
