"""The images: there is no engine here to build them, so what can be told from their recipes is."""

import importlib
import json
import re
import tomllib
from pathlib import Path

import pytest

from support.checkers import PORTS, REPOSITORY, SERVICES, verdict
from support.containerfiles import Containerfile, containerfile

BUILD_TOOLS = REPOSITORY / "deploy" / "images" / "build.txt"
PINNED = re.compile(r"^([a-z0-9-]+)==", re.MULTILINE)
NEEDED = re.compile(r"[A-Za-z0-9-]+")


@pytest.fixture(params=SERVICES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def image(name: str) -> Containerfile:
    return containerfile(recipe(name))


def recipe(name: str) -> Path:
    return REPOSITORY / "services" / name / "Containerfile"


def packaged(folder: Path) -> dict[str, object]:
    project: dict[str, object] = tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))["project"]
    return project


def test_hadolint_has_nothing_to_say_of_an_image() -> None:
    """Of none of the four."""
    said = verdict("hadolint", *map(recipe, SERVICES))
    assert (said.code, said.output, said.remarks) == (0, "", "")


def test_an_image_holds_the_chassis_and_its_own_service_only(image: Containerfile, name: str) -> None:
    """With its lock and the shipped forms; and all of that exists."""
    copied = list(image.copied)
    assert copied == [
        "deploy/images/build.txt",
        f"services/{name}/requirements.txt",
        "chassis",
        f"services/{name}",
        "schemas/forms",
    ]
    assert all((REPOSITORY / path).exists() for path in copied)


def test_what_an_image_is_made_of_is_not_ignored(image: Containerfile) -> None:
    """Everything else is: no secret and no database of a developer's gets into a layer."""
    ignored = (REPOSITORY / ".containerignore").read_text("utf-8").split()
    assert (REPOSITORY / ".dockerignore").resolve() == REPOSITORY / ".containerignore"
    kept = [line.removeprefix("!") for line in ignored if line.startswith("!")]
    assert "*" in ignored
    assert all(any(Path(path).is_relative_to(top) for top in kept) for path in image.copied)


def test_libraries_come_by_hash_and_our_packages_alone(image: Containerfile) -> None:
    """What builds them is locked too."""
    installs = [told for run in image.told("RUN") for told in run.split("&&") if "pip install" in told]
    assert len(installs) == 2
    assert all("--build-constraints /build/build.txt" in told for told in installs)
    assert ["--require-hashes" in told for told in installs] == [True, False]
    assert "--no-deps --no-sources" in installs[1]


def test_a_lock_names_all_that_the_chassis_and_the_service_ask_for(name: str) -> None:
    """Since nothing but the lock is installed."""
    locked = set(PINNED.findall((REPOSITORY / "services" / name / "requirements.txt").read_text("utf-8")))
    asked: set[str] = set()
    for folder in ("chassis", f"services/{name}"):
        dependencies = packaged(REPOSITORY / folder)["dependencies"]
        assert isinstance(dependencies, list)
        asked |= {found.group().lower() for each in dependencies if (found := NEEDED.match(each))}
    assert asked - {"kansli-chassis"} <= locked


def test_who_uses_a_part_of_the_chassis_that_needs_more_asks_for_it(name: str) -> None:
    """Such a part has its libraries as an extra; without them the service would not start alone."""
    program = "".join(
        path.read_text("utf-8") for path in (REPOSITORY / "services" / name / "src").rglob("*.py")
    )
    dependencies = packaged(REPOSITORY / "services" / name)["dependencies"]
    assert isinstance(dependencies, list)
    (asked,) = [each for each in dependencies if each.startswith("kansli-chassis")]
    extras = {extra for extra in ("objects", "sealing") if f"from chassis.{extra} import" in program}
    assert {*filter(None, asked.removeprefix("kansli-chassis").strip("[]").split(","))} == extras


def test_what_builds_our_packages_is_in_its_lock() -> None:
    """Whatever `build-system.requires` says."""
    assert {"hatchling", "setuptools"} <= set(PINNED.findall(BUILD_TOOLS.read_text("utf-8")))
    for folder in ("chassis", *(f"services/{name}" for name in SERVICES)):
        project = tomllib.loads((REPOSITORY / folder / "pyproject.toml").read_text("utf-8"))
        assert project["build-system"]["requires"] == ["hatchling>=1.27"]


def test_an_image_tells_its_service_only_what_it_can_be_told(image: Containerfile, name: str) -> None:
    """A name that is no setting stops the start."""
    prefix = f"{name.upper()}_"
    told = {key.removeprefix(prefix).lower() for key in image.pairs("ENV") if key.startswith(prefix)}
    settings = getattr(importlib.import_module(f"{name}.settings"), f"{name.capitalize()}Settings")
    assert told == {"config", "forms", "listen"}
    assert told <= settings.model_fields.keys()


def test_an_image_runs_as_nobody_in_particular_and_knows_whether_it_is_well(
    image: Containerfile, name: str
) -> None:
    """A fixed number above 10000, which no user of the machine has; and no shell between."""
    asked = json.loads(image.told("HEALTHCHECK")[0].partition("CMD ")[2])
    assert asked == ["python", "-m", "chassis.knock", f"http://127.0.0.1:{PORTS[name]}/readyz"]
    assert image.told("USER") == ["10001:10001"]
    assert image.told("ENTRYPOINT") == [f'["python", "-m", "{name}"]']
    assert image.told("CMD") == ['["run"]']


def test_an_image_s_labels_are_what_its_package_says(image: Containerfile, name: str) -> None:
    """Version and purpose."""
    project = packaged(REPOSITORY / "services" / name)
    labels = {
        key.removeprefix("org.opencontainers.image."): told for key, told in image.pairs("LABEL").items()
    }
    assert labels["title"] == project["name"]
    assert [labels[key] for key in ("description", "version", "licenses")] == [
        project[key] for key in ("description", "version", "license")
    ]


def test_who_knows_one_image_knows_all() -> None:
    """They differ by name, port and purpose alone."""

    def without_itself(name: str) -> str:
        text = recipe(name).read_text("utf-8").replace(str(PORTS[name]), "PORT")
        text = re.sub(r"image.description=.*", "", text)
        return text.replace(name.upper(), "NAME").replace(name, "name")

    assert len({without_itself(name) for name in SERVICES}) == 1
