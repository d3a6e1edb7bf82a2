"""The units: systemd-analyze prints a fault and still ends with 0, so that any word of it is a fault."""

import re
import sys
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

import pytest

from kansli.operators import SERVICES as SETTINGS
from kansli.secrets_folder import Servers, fill
from support.checkers import DEPLOY, SERVICES, verdict

EXPOSURE = 11
"""Tenths of systemd's ten: what is left is that a service speaks with others over the network."""

Unit = Mapping[str, list[str]]


def path_of(name: str) -> Path:
    return DEPLOY / "systemd" / f"kansli-{name}.service"


def read(name: str) -> Unit:
    """What each key says, in order; the sections' names are not needed."""
    told = defaultdict(list)
    for line in path_of(name).read_text("utf-8").splitlines():
        if found := re.fullmatch(r"(\w+)=(.*)", line):
            told[found[1]].append(found[2])
    return told


@pytest.fixture
def units(tmp_path: Path) -> list[Path]:
    """The units with a Python that this machine has: verify looks for the program too."""
    for name in SERVICES:
        text = path_of(name).read_text("utf-8").replace(f"/opt/kansli/{name}/bin/python", sys.executable)
        (tmp_path / path_of(name).name).write_text(text, "utf-8")
    return sorted(tmp_path.glob("*.service"))


def test_systemd_has_nothing_to_say_of_a_unit(units: list[Path]) -> None:
    """Of none of the four."""
    said = verdict("systemd-analyze", "verify", "--man=no", *units)
    assert (len(units), said.code, said.output, said.remarks) == (4, 0, "", "")


def test_a_misspelt_key_would_be_noticed(units: list[Path]) -> None:
    """Else the test above would prove nothing."""
    units[0].write_text(units[0].read_text("utf-8").replace("NoNewPrivileges", "NoNewPriviledges"), "utf-8")
    assert "NoNewPriviledges" in verdict("systemd-analyze", "verify", "--man=no", *units).remarks


def test_a_service_may_hardly_more_than_speak_with_others(units: list[Path]) -> None:
    """As systemd counts it."""
    for unit in units:
        said = verdict("systemd-analyze", "security", "--offline=true", f"--threshold={EXPOSURE}", unit)
        assert said.code == 0, said.output


@pytest.mark.parametrize("name", SERVICES)
def test_a_unit_tells_its_service_only_what_it_can_be_told(name: str) -> None:
    """And each secret that it is told of is loaded, under the name by which it is told."""
    unit, prefix = read(name), f"{name.upper()}_"
    pairs = dict(word.split("=", 1) for line in unit["Environment"] for word in line.split())
    told = {key.removeprefix(prefix): said for key, said in pairs.items() if key.startswith(prefix)}
    assert {key.removesuffix("_FILE").lower() for key in told} <= SETTINGS[name].model_fields.keys()
    loaded = [line.partition(":")[0] for line in unit["LoadCredential"]]
    assert [said for key, said in told.items() if key.endswith("_FILE")] == [f"%d/{one}" for one in loaded]


@pytest.mark.parametrize("name", SERVICES)
def test_every_credential_is_one_that_kansli_makes(name: str, tmp_path: Path) -> None:
    """In the folder that the unit looks in; and nothing that it makes is left out."""
    fill(tmp_path, Servers("amqp://127.0.0.1:5672", "smtp://127.0.0.1:25", None))
    loaded = {line.partition(":")[2] for line in read(name)["LoadCredential"]}
    made = {f"/etc/kansli/secrets/{name}/{path.name}" for path in (tmp_path / name).iterdir()}
    assert loaded == made


@pytest.mark.parametrize("name", SERVICES)
def test_what_a_service_keeps_is_in_its_own_folders(name: str) -> None:
    """The rest of the machine cannot be written."""
    unit = read(name)
    told = " ".join(unit["Environment"])
    kept = {f"/var/lib/{folder}" for folder in unit["StateDirectory"][0].split()}
    assert {match[1] for match in re.finditer(r":///?(/var/lib/[\w-]+)", told)} == kept


def test_who_shares_files_is_the_same_user_and_nobody_else_is() -> None:
    """A service's files are for its user alone (0077)."""
    users = {name: read(name)["User"] for name in SERVICES}
    shares = {name for name in SERVICES if "kansli-objects" in read(name)["StateDirectory"][0]}
    assert shares == {"intake", "archive"}
    assert users["intake"] == users["archive"]
    assert len({*map(tuple, users.values())}) == 3


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_that_hangs_is_begun_anew(name: str) -> None:
    """Watched from when it is ready, and given time to end what it began."""
    unit = read(name)
    assert (unit["Type"], unit["NotifyAccess"]) == (["notify"], ["main"])
    assert (unit["WatchdogSec"], unit["Restart"], unit["TimeoutStopSec"]) == (["60"], ["always"], ["45"])


def test_who_knows_one_unit_knows_all() -> None:
    """What they may not do is the same."""
    forbidden = {path_of(name).read_text("utf-8").partition("# What it may not.")[2] for name in SERVICES}
    assert len(forbidden) == 1
