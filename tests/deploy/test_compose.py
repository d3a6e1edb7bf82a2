"""Compose: by its schema, and what each file says against the settings, the secrets and the images."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from kansli.operators import SERVICES as SETTINGS
from kansli.secrets_folder import Servers, fill
from support.checkers import DEPLOY, PORTS, SERVICES, verdict

ALL = DEPLOY / "compose.yaml"
ALONE = {name: DEPLOY / "compose" / f"{name}.yaml" for name in SERVICES}
ALL_ON_ONE = {"depends_on", "networks"}
"""What a service says only where the servers are beside it."""

USERS = {"rabbitmq": "rabbitmq", "postgresql": "postgres"}
"""Whom the servers' own images know."""

GIVEN_BY_THE_HOST = {"TMPDIR"}


def read(path: Path) -> dict[str, Any]:
    """Compose's own keys, with the places of files made absolute."""
    found: dict[str, Any] = yaml.safe_load(path.read_text("utf-8"))
    for secret in found["secrets"].values():
        secret["file"] = (path.parent / secret["file"]).resolve()
    for service in found["services"].values():
        for volume in service["volumes"]:
            if volume["type"] == "bind":
                volume["source"] = (path.parent / volume["source"]).resolve()
    return found


@pytest.fixture
def whole() -> dict[str, Any]:
    return read(ALL)


def test_the_files_are_compose_files() -> None:
    """By the specification's own schema: a misspelt key would be passed over or refused at night."""
    said = verdict("check-jsonschema", "--builtin-schema", "vendor.compose-spec", ALL, *ALONE.values())
    assert said.code == 0, said.output


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_alone_is_as_it_is_among_the_others(whole: dict[str, Any], name: str) -> None:
    """But for what is beside it."""
    alone = read(ALONE[name])
    among = {key: said for key, said in whole["services"][name].items() if key not in ALL_ON_ONE}
    assert alone["services"] == {name: among}
    assert alone["secrets"].items() <= whole["secrets"].items()


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_told_only_what_it_can_be_told(whole: dict[str, Any], name: str) -> None:
    """And each secret that it is told of is given to it, from a file that `kansli secrets` makes."""
    service, prefix = whole["services"][name], f"{name.upper()}_"
    told = {key: said for key, said in service["environment"].items() if key not in GIVEN_BY_THE_HOST}
    fields = {key.removeprefix(prefix).removesuffix("_FILE").lower() for key in told}
    assert fields <= SETTINGS[name].model_fields.keys()
    mounted = [said.removeprefix("/run/secrets/") for key, said in told.items() if key.endswith("_FILE")]
    assert mounted == service["secrets"]


def test_every_secret_is_one_that_kansli_makes(whole: dict[str, Any], tmp_path: Path) -> None:
    """In the folder that compose looks in; and nothing that it makes is left out."""
    servers = Servers("amqp://rabbitmq:5672", "smtp://relay:25", "postgresql://postgresql:5432")
    fill(tmp_path, servers)
    made = {path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file()}
    bound = [volume["source"] for one in whole["services"].values() for volume in one["volumes"]]
    secrets = DEPLOY / "secrets"
    asked = [secret["file"] for secret in whole["secrets"].values()]
    asked += [path for path in bound if Path(path).is_relative_to(secrets)]
    assert {path.relative_to(secrets) for path in asked} == made


def test_no_container_may_more_than_it_must(whole: dict[str, Any]) -> None:
    """Nobody in particular, no capability, and for our own nothing to write but what they keep."""
    for name, service in whole["services"].items():
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert "privileged" not in service
        assert service["user"] == USERS.get(name, "10001:10001")


def test_the_services_are_published_and_to_this_machine_alone(whole: dict[str, Any]) -> None:
    """Without its port nobody would get at what is parked; no broker and no database is published."""
    published = {name: service.get("ports", []) for name, service in whole["services"].items()}
    assert {name: ports for name, ports in published.items() if ports} == {
        name: [f"127.0.0.1:{PORTS[name]}:{PORTS[name]}"] for name in SERVICES
    }
    inside = [name for name, service in whole["services"].items() if service["networks"] == ["inside"]]
    assert sorted(inside) == ["postgresql", "rabbitmq"]
    assert whole["networks"]["inside"] == {"internal": True}


def test_every_volume_is_used_and_every_used_one_is_there(whole: dict[str, Any]) -> None:
    """Intake and the archive share the files that came along, and notification reads the packets."""
    used = [
        volume["source"]
        for service in whole["services"].values()
        for volume in service["volumes"]
        if volume["type"] == "volume"
    ]
    assert set(used) == whole["volumes"].keys()
    assert [source for source in set(used) if used.count(source) > 1] == ["objects"]


def test_notification_reads_what_the_archive_keeps_and_writes_none_of_it(whole: dict[str, Any]) -> None:
    """For letters that take a packet along."""
    target = whole["services"]["notification"]["environment"]["NOTIFICATION_OBJECTS"].removeprefix("file://")
    mounts = {
        (name, volume["target"], volume.get("read_only", False))
        for name in SERVICES
        for volume in whole["services"][name]["volumes"]
        if volume["source"] == "objects"
    }
    assert mounts == {
        (name, target, name == "notification") for name in ("intake", "archive", "notification")
    }


def test_every_container_says_whether_it_is_well(whole: dict[str, Any]) -> None:
    """Also where an engine drops what the image says of it, as OCI's format does."""
    for name in SERVICES:
        url = f"http://127.0.0.1:{PORTS[name]}/readyz"
        assert whole["services"][name]["healthcheck"]["test"] == ["CMD", "python", "-m", "chassis.knock", url]
    assert all("healthcheck" in service for service in whole["services"].values())


def test_what_the_broker_loads_is_where_compose_puts_it(whole: dict[str, Any]) -> None:
    """The path stands in two files."""
    conf = (DEPLOY / "rabbitmq" / "kansli.conf").read_text("utf-8")
    (secret,) = whole["services"]["rabbitmq"]["secrets"]
    assert re.findall(r"^load_definitions = (.*)$", conf, re.MULTILINE) == [
        f"/run/secrets/{secret['target']}"
    ]
