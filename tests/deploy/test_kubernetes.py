"""The two overlays: rendered where kubectl is, else file by file; and what they say against the settings."""

import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from archive.settings import ArchiveSettings
from chassis.folders import WatchedFolder, each, files_in
from chassis.service import SHUTDOWN_TIMEOUT_S
from chassis.stopping import FINISH_TIMEOUT_S
from kansli.openapi_documents import example_services
from kansli.operators import SERVICES as SETTINGS
from kansli.secrets_folder import Servers, fill
from support.checkers import DEPLOY, PORTS, SERVICES, verdict

KUBERNETES = DEPLOY / "kubernetes"
OVERLAYS = ("small-town", "city")
COMPONENTS = ("ingress", "prometheus-operator")
"""What a cluster may have; an overlay names those that it has."""

GIVEN_BY_THE_CLUSTER = {"AWS_ENDPOINT", "AWS_REGION"}

FOR_THE_HOST_ALONE = ("/admin", "/metrics", "/livez", "/readyz", "/version", "/docs", "/openapi.json")

SIGN_IN = {"/sign-in", "/sign-in/callback", "/sign-out", "/signed-out"}
"""Pages that are there where an identity provider is."""

OBJECTS_KEY = "/run/secrets/objects/key"
"""Who runs the object store makes it."""

Thing = dict[str, Any]
Things = Mapping[tuple[str, str], Thing]


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """What an overlay makes, in one file each.

    Debian's kubectl (1.20) is too old for `labels` and for patches with a target, so that no machine can
    be made to have one that is not; where there is none, the files are checked one by one.
    """
    if shutil.which("kubectl") is None:
        pytest.skip("kubectl is not installed")
    folder = tmp_path_factory.mktemp("rendered")
    for overlay in OVERLAYS:
        said = verdict("kubectl", "kustomize", KUBERNETES / overlay)
        assert (said.code, said.remarks) == (0, "")
        (folder / f"{overlay}.yaml").write_text(said.output, "utf-8")
    return {overlay: folder / f"{overlay}.yaml" for overlay in OVERLAYS}


@pytest.fixture(scope="module", params=OVERLAYS)
def overlay(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def things(rendered: Mapping[str, Path], overlay: str) -> Things:
    return {(one["kind"], one["metadata"]["name"]): one for one in read(rendered[overlay])}


def read(path: Path) -> list[Thing]:
    return list(yaml.safe_load_all(path.read_text("utf-8")))


def pods(things: Things) -> Iterator[tuple[str, Thing]]:
    """The service and the pod of each deployment and each job."""
    for (kind, name), thing in things.items():
        if kind in {"Deployment", "Job"}:
            yield name.removeprefix("migrate-"), thing["spec"]["template"]["spec"]


def test_what_is_rendered_is_what_kubernetes_takes(rendered: Mapping[str, Path]) -> None:
    """Strictly: a misspelt key is no key."""
    said = verdict("kubernetes-validate", "--strict", "--quiet", *rendered.values())
    assert said.code == 0, said.output + said.remarks


@pytest.mark.parametrize("overlay_with", OVERLAYS)
def test_an_overlay_can_name_what_its_cluster_has(
    rendered: Mapping[str, Path], overlay_with: str, tmp_path: Path
) -> None:
    """The lines that stand there as a comment; what comes of them lies in our namespace."""
    assert rendered
    folder = shutil.copytree(KUBERNETES, tmp_path / "kubernetes") / overlay_with
    file = folder / "kustomization.yaml"
    file.write_text(
        re.sub(r"^# (components:|- )", r"\1", file.read_text("utf-8"), flags=re.MULTILINE), "utf-8"
    )
    found = {
        (one["kind"], one["metadata"]["name"], one["metadata"]["namespace"])
        for one in yaml.safe_load_all(verdict("kubectl", "kustomize", folder).output)
        if one["kind"] in {"Ingress", "PodMonitor"}
    }
    assert found == {
        ("Ingress", "intake", "kansli"),
        ("Ingress", "archive", "kansli"),
        ("PodMonitor", "kansli", "kansli"),
    }


def test_each_file_by_itself_is_what_kubernetes_takes(tmp_path: Path) -> None:
    """Where there is no kubectl; patches are parts, and are checked when rendered."""
    whole = [
        *KUBERNETES.glob("base/*.yaml"),
        *KUBERNETES.glob("*/volumes.yaml"),
        *KUBERNETES.glob("*/network.yaml"),
        *KUBERNETES.glob("ingress/hosts.yaml"),
        *KUBERNETES.glob("*/migrate-*"),
    ]
    files = sorted({path for path in whole if path.name != "kustomization.yaml"})
    said = verdict("kubernetes-validate", "--strict", "--quiet", *files)
    assert (len(files), said.code) == (6 + 1 + 2 + 1 + 4, 0), said.output + said.remarks


def test_every_file_is_part_of_what_is_rendered() -> None:
    """A patch that no kustomization names does nothing."""
    for folder in ("base", *OVERLAYS, *COMPONENTS):
        told = yaml.safe_load((KUBERNETES / folder / "kustomization.yaml").read_text("utf-8"))
        named = {*told["resources"], *(patch["path"] for patch in told.get("patches", ()))} - {"../base"}
        there = {path.name for path in (KUBERNETES / folder).glob("*.yaml")}
        assert there - {"kustomization.yaml"} == named


def test_a_pod_is_told_only_what_it_can_be_told(things: Things) -> None:
    """Not by links to other services either: their variables look like settings that are misspelt."""
    for name, pod in pods(things):
        prefix, (container,) = f"{name.upper()}_", pod["containers"]
        told = [one["name"] for one in container["env"] if one["name"] not in GIVEN_BY_THE_CLUSTER]
        fields = {one.removeprefix(prefix).removesuffix("_FILE").lower() for one in told}
        assert len(told) == len(set(told))
        assert fields <= SETTINGS[name].model_fields.keys()
        assert pod["enableServiceLinks"] is False


def test_every_secret_of_a_pod_is_one_that_kansli_makes(things: Things, overlay: str, tmp_path: Path) -> None:
    """Each service's own folder is its own Secret."""
    database = "postgresql://postgresql:5432" if overlay == "city" else None
    fill(tmp_path, Servers("amqp://rabbitmq:5672", "smtp://relay:25", database))
    for name, pod in pods(things):
        (container,) = pod["containers"]
        told = [one["value"] for one in container["env"] if one["name"].endswith("_FILE")]
        files = [file for file in told if file != OBJECTS_KEY]
        made = {f"/run/secrets/{name}/{path.name}" for path in (tmp_path / name).iterdir()}
        assert set(files) == made or (set(files) < made and container["name"] == "migrate")


def test_no_pod_may_more_than_it_must(things: Things) -> None:
    """What the namespace demands (restricted), and a root that cannot be written."""
    namespace = things["Namespace", "kansli"]["metadata"]["labels"]
    assert namespace["pod-security.kubernetes.io/enforce"] == "restricted"
    for _, pod in pods(things):
        (container,) = pod["containers"]
        assert pod["securityContext"]["runAsNonRoot"]
        assert (pod["securityContext"]["runAsUser"], pod["automountServiceAccountToken"]) == (10001, False)
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert container["resources"]["limits"].keys() == {"memory"}


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_asked_where_it_listens_and_given_time_to_end(things: Things, name: str) -> None:
    """Alive is not ready, and what was begun is finished before the pod is killed."""
    pod = things["Deployment", name]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert container["ports"] == [{"name": "http", "containerPort": PORTS[name]}]
    asked = [container[probe]["httpGet"]["path"] for probe in ("livenessProbe", "readinessProbe")]
    assert asked == ["/livez", "/readyz"]
    assert pod["terminationGracePeriodSeconds"] > SHUTDOWN_TIMEOUT_S + 2 * FINISH_TIMEOUT_S + 5
    assert things["PodDisruptionBudget", name]["spec"]["maxUnavailable"] == 1
    selector = {"app.kubernetes.io/name": name}
    assert things["Service", name]["spec"]["selector"].items() >= selector.items()


@pytest.mark.parametrize("name", SERVICES)
def test_an_sqlite_file_has_one_process_and_postgresql_several(
    things: Things, overlay: str, name: str
) -> None:
    """A small town's old pod ends first; a city migrates by a job, never at the start of several."""
    spec = things["Deployment", name]["spec"]
    told = {one["name"]: one["value"] for one in spec["template"]["spec"]["containers"][0]["env"]}
    if overlay == "small-town":
        assert (spec["replicas"], spec["strategy"]) == (1, {"type": "Recreate"})
        assert told[f"{name.upper()}_DATABASE_URL"] == f"sqlite:////var/lib/kansli/{name}.db"
    else:
        assert spec["replicas"] > 1
        assert told[f"{name.upper()}_MIGRATE_AT_START"] == "false"
        (job,) = things["Job", f"migrate-{name}"]["spec"]["template"]["spec"]["containers"]
        assert job["args"] == ["migrate"]
        assert job["image"] == spec["template"]["spec"]["containers"][0]["image"]


def test_notification_reads_packets_where_the_archive_keeps_them(things: Things, overlay: str) -> None:
    """And may write none: by its mount, or by a key of its own."""
    archive, notification = (
        things["Deployment", name]["spec"]["template"]["spec"]["containers"][0]
        for name in ("archive", "notification")
    )
    kept = next((one["value"] for one in archive["env"] if one["name"] == "ARCHIVE_OBJECTS"), None)
    told = next(one["value"] for one in notification["env"] if one["name"] == "NOTIFICATION_OBJECTS")
    assert told == (kept or ArchiveSettings.model_fields["objects"].default)
    if overlay == "small-town":
        mounts = {mount["name"]: mount.get("readOnly") for mount in notification["volumeMounts"]}
        assert mounts["objects"] is True
    else:
        assert [key_to_objects(things, name) for name in ("archive", "intake", "notification")] == [
            "objects",
            "objects",
            "objects-to-read",
        ]


def key_to_objects(things: Things, name: str) -> str:
    """The Secret whose file the pod reads as its key."""
    pod = things["Deployment", name]["spec"]["template"]["spec"]
    (mount,) = [
        one["name"]
        for one in pod["containers"][0]["volumeMounts"]
        if one["mountPath"] == "/run/secrets/objects"
    ]
    (volume,) = [one for one in pod["volumes"] if one["name"] == mount]
    secret: str = volume["secret"]["secretName"]
    return secret


def policies_of(folder: str) -> Mapping[str, Thing]:
    return {one["metadata"]["name"]: one["spec"] for one in read(KUBERNETES / folder / "network.yaml")}


@pytest.mark.parametrize("folder", ["base", *OVERLAYS])
def test_what_goes_out_goes_to_a_place_that_is_named(folder: str) -> None:
    """But hand-backs and sign-in, whose places only the municipality's files name."""
    anywhere = {
        name
        for name, policy in policies_of(folder).items()
        for rule in policy.get("egress", ())
        if not rule.get("to")
    }
    assert anywhere == ({"hand-backs-and-sign-in"} if folder == "base" else set())


def test_the_archive_may_ask_at_the_desks_that_it_is_told_of() -> None:
    """Out of the one and into the others, at the port where they listen."""
    policies = policies_of("base")
    (out,), (into,) = policies["archive-to-desks"]["egress"], policies["desks-from-archive"]["ingress"]
    others = {"podSelector": policies["desks-from-archive"]["podSelector"]}
    assert (out["to"], into["from"]) == (
        [others],
        [{"podSelector": policies["archive-to-desks"]["podSelector"]}],
    )
    assert out["ports"] == into["ports"] == [{"protocol": "TCP", "port": "http"}]


def paths_of(name: str) -> list[tuple[str, str]]:
    """What the proxy passes on to a service."""
    (ingress,) = [one for one in read(KUBERNETES / "ingress/hosts.yaml") if one["metadata"]["name"] == name]
    (rule,) = ingress["spec"]["rules"]
    assert ingress["spec"]["tls"] == [{"hosts": [rule["host"]], "secretName": f"{name}-tls"}]
    return [(path["path"], path["pathType"]) for path in rule["http"]["paths"]]


def passes(paths: list[tuple[str, str]], asked: str) -> bool:
    """As an Ingress compares: whole, or element by element from the start."""
    return any(
        asked == path or (kind == "Prefix" and asked.startswith(f"{path.rstrip('/')}/"))
        for path, kind in paths
    )


def test_the_proxy_passes_on_what_people_and_platforms_ask_for_and_nothing_else(
    tmp_path: Path,
) -> None:
    """Each address of the archive's pages, and intake's interface; what is for the host stays there."""
    services = example_services(tmp_path)
    for name, more in {"intake": set[str](), "archive": SIGN_IN}.items():
        asked = {one.canonical for one in services[name].application().router.resources()} | more
        shown = {path for path in asked if not path.startswith(FOR_THE_HOST_ALONE)}
        paths = paths_of(name)
        assert {path for path in shown if not passes(paths, path)} == set()
        assert not any(passes(paths, path) or passes(paths, f"{path}/x") for path in FOR_THE_HOST_ALONE)


def test_prometheus_finds_the_pods_alike_with_its_operator_and_without() -> None:
    """A job for each service, by whose name an alert tells which it is."""
    (monitor,) = read(KUBERNETES / "prometheus-operator" / "pods.yaml")
    (endpoint,) = monitor["spec"]["podMetricsEndpoints"]
    (job,) = yaml.safe_load((DEPLOY / "prometheus" / "kubernetes.yaml").read_text("utf-8"))["scrape_configs"]
    (named,) = endpoint["relabelings"]
    assert (monitor["apiVersion"], monitor["kind"]) == ("monitoring.coreos.com/v1", "PodMonitor")
    assert monitor["spec"]["selector"]["matchLabels"] == {"app.kubernetes.io/part-of": "kansli"}
    assert endpoint["port"] == "http"
    assert {
        "source_labels": named["sourceLabels"],
        "target_label": named["targetLabel"],
        "replacement": named["replacement"],
    } in job["relabel_configs"]


def test_nothing_goes_in_or_out_but_what_is_named(things: Things) -> None:
    """A policy that selects all and allows nothing; and no door that stands open to every namespace."""
    policies = {name: thing["spec"] for (kind, name), thing in things.items() if kind == "NetworkPolicy"}
    assert policies.pop("nothing") == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    assert all(rule["from"] for policy in policies.values() for rule in policy.get("ingress", ()))
    assert all(rule["ports"] for policy in policies.values() for rule in policy.get("egress", ()))


def test_what_is_changed_in_a_mounted_configmap_is_read(tmp_path: Path) -> None:
    """Kubernetes changes all files at once, by a link: `committees` leads into it."""

    def mount(version: str) -> None:
        folder = tmp_path / f"..{version}" / "committees"
        folder.mkdir(parents=True)
        (folder / "valfard.yaml").write_text(version, "utf-8")
        (tmp_path / "..new").symlink_to(f"..{version}")
        (tmp_path / "..new").replace(tmp_path / "..data")

    mount("first")
    (tmp_path / "committees").symlink_to("..data/committees")
    committees = WatchedFolder(
        [tmp_path], each(files_in("committees", ".yaml"), lambda path: path.read_text("utf-8"))
    )
    mount("second")
    committees.refresh()
    assert committees.current == {"valfard": "second"}
