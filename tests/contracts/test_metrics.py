"""What the house tells Prometheus, and what alerts and dashboard make of it.

An alert on a metric that nobody exports never fires, and nobody notices.
"""

import argparse
import json
import re
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
import yaml

from chassis.cli import _COMMANDS as SERVICE_COMMANDS
from kansli.commands import _parser
from kansli.operators import SERVICES
from support.aside import run_aside
from support.houses import REPOSITORY, SHORT_TIMEOUT_S, House, embedded_house, running, wait_until
from support.load import Fate, report, unmapped, write_config
from support.missing import skipping_if_missing
from support.promtool import (
    faults_found_by,
    faults_of_configuration,
    faults_of_expressions,
    faults_of_metrics,
    faults_of_rules,
)
from support.visitor import Visitor

pytestmark = pytest.mark.promtool

PROMETHEUS = REPOSITORY / "deploy" / "prometheus"
RULES, RULE_TESTS = PROMETHEUS / "rules.yaml", PROMETHEUS / "rules_test.yaml"
DASHBOARD = REPOSITORY / "deploy" / "grafana" / "kansli.json"
RUNBOOKS = REPOSITORY / "docs" / "runbooks"
HEADINGS = ["## Meaning", "## Impact", "## Diagnosis", "## Mitigation"]

FAMILY = re.compile(r"^# TYPE (kansli_\w+) (\w+)$", re.MULTILINE)
SERIES = re.compile(r"^(kansli_\w+)\{(.*)\} \S+$", re.MULTILINE)
LABEL = re.compile(r'(\w+)="([^"]*)"')
NAME = re.compile(r"\bkansli_\w+")
PARTS = {"histogram": ("_bucket", "_count", "_sum"), "counter": ("",), "gauge": ("",)}
FATES: tuple[Fate, ...] = ("filed", "held", "rejected") * 2

TOLD = {
    ("intake", "kansli_submissions_received_total", ("form", "result")),
    ("validation", "kansli_submissions_judged_total", ("form", "rule", "outcome")),
    ("archive", "kansli_messages_processed_total", ("queue", "outcome")),
    ("archive", "kansli_message_processing_seconds_bucket", ("queue", "le")),
    ("notification", "kansli_message_age_seconds_bucket", ("queue", "le")),
    ("intake", "kansli_published_total", ("queue",)),
    ("validation", "kansli_outbox_pending", ("queue",)),
    ("validation", "kansli_outbox_oldest_age_seconds", ("queue",)),
    ("archive", "kansli_inbox_due", ("queue",)),
    ("notification", "kansli_errands_waiting", ("queue",)),
    ("notification", "kansli_errands_overdue_seconds", ("queue",)),
    ("intake", "kansli_desk_items", ("queue",)),
    ("notification", "kansli_letters", ("state",)),
    ("notification", "kansli_mails_total", ("kind", "status")),
    ("notification", "kansli_letters_unsent_near_deadline", ("committee",)),
    ("archive", "kansli_reports_waiting", ("committee", "status")),
    ("archive", "kansli_deadline_timestamp_seconds", ("committee",)),
    ("archive", "kansli_disk_free_bytes", ("holds",)),
    ("validation", "kansli_build_info", ("service", "version")),
}

Exposition = Mapping[str, str]
"""What each service answers at `/metrics`."""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("house")
    with running(embedded_house(folder, write_config(folder / "town"))) as house:
        yield house


@pytest.fixture(scope="module")
def told(house: House) -> Exposition:
    """Of some reports of each fate, and one that nobody can read yet."""
    for number, fate in enumerate(FATES):
        run_aside(Visitor(house).ended(report(number, "matt", fate).body))
    run_aside(Visitor(house).sent(unmapped(1)[0].body))
    wait_until(lambda: labelled(scraped(house)) >= TOLD, "all is told", seconds=30)
    return scraped(house)


def scraped(house: House) -> Exposition:
    told = {}
    for service in SERVICES:
        with urlopen(f"{house.addresses[service]}/metrics", timeout=SHORT_TIMEOUT_S) as answer:
            told[service] = answer.read().decode()
    return told


def labelled(told: Exposition) -> set[tuple[str, str, tuple[str, ...]]]:
    """Each service's series with the names of their labels, as `TOLD` orders them."""
    order = {name: labels for _, name, labels in TOLD}
    return {
        (service, name, order.get(name, ()))
        for service, exposition in told.items()
        for name, labels in SERIES.findall(exposition)
        if sorted(order.get(name, ())) == sorted(label for label, _ in LABEL.findall(labels))
    }


def exported(told: Exposition) -> set[str]:
    """Every name that can be asked for, also of what has not happened yet."""
    return {
        name + part
        for exposition in told.values()
        for name, kind in FAMILY.findall(exposition)
        for part in PARTS[kind]
        if not name.endswith("_created")
    }


def rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load(RULES.read_text("utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def dashboard() -> dict[str, Any]:
    content: dict[str, Any] = json.loads(DASHBOARD.read_text("utf-8"))
    return content


def expressions() -> list[str]:
    """All that the dashboard asks Prometheus."""
    targets = [target["expr"] for panel in dashboard()["panels"] for target in panel.get("targets", ())]
    return targets + [one["expr"] for one in dashboard()["annotations"]["list"]]


@pytest.mark.parametrize("service", SERVICES)
def test_prometheus_has_nothing_against_what_a_service_tells(told: Exposition, service: str) -> None:
    """Names, units, types and help are as its own checker wants them."""
    with skipping_if_missing():
        assert faults_of_metrics(told[service]) == ""


def test_all_that_operations_ask_about_is_told(told: Exposition) -> None:
    """With these labels, which alerts and dashboards elsewhere rest on."""
    assert TOLD - labelled(told) == set()


def test_no_label_names_a_person_or_a_submission(told: Exposition) -> None:
    """A label's values are few and ours: what a person or a platform made up is none of them."""
    values = {
        value
        for exposition in told.values()
        for _, labels in SERIES.findall(exposition)
        for label, value in LABEL.findall(labels)
        if label not in {"le", "version"}
    }
    assert values
    assert {value for value in values if not re.fullmatch(r"[a-z][a-z._-]*", value)} == set()
    assert not any("matt" in value or "990" in value for value in values)


def test_what_nobody_can_read_is_counted_together(told: Exposition) -> None:
    """A platform may have any number of families, and a series for each would be without bound."""
    assert 'kansli_submissions_received_total{form="unread",result="new"} 1.0' in told["intake"]


def test_every_metric_that_alerts_and_dashboard_name_is_exported(told: Exposition) -> None:
    """A misspelt one would be empty for ever."""
    named = {
        name for expr in [*expressions(), *(rule["expr"] for rule in rules())] for name in NAME.findall(expr)
    }
    assert named
    assert named - exported(told) == set()


def test_every_metric_is_told_of_to_who_reads(told: Exposition) -> None:
    """And none that is not there."""
    families = {name for exposition in told.values() for name, _ in FAMILY.findall(exposition)}
    written = set(NAME.findall((PROMETHEUS / "README.md").read_text("utf-8")))
    optional = {"kansli_mail_reports_total"}
    assert {name for name in families if not name.endswith("_created")} ^ written == optional


def test_the_alerts_are_as_prometheus_wants_them() -> None:
    """And so is the example of how the services are found."""
    with skipping_if_missing():
        assert faults_of_rules(RULES) == ""
        assert faults_of_configuration(PROMETHEUS / "prometheus.yaml") == ""


def test_the_example_for_a_cluster_is_as_prometheus_wants_it(tmp_path: Path) -> None:
    """But for the one line that asks Kubernetes, which Debian's Prometheus is built without."""
    content = yaml.safe_load((PROMETHEUS / "kubernetes.yaml").read_text("utf-8"))
    (job,) = content["scrape_configs"]
    assert job.pop("kubernetes_sd_configs") == [{"role": "pod", "namespaces": {"names": ["kansli"]}}]
    file = tmp_path / "kubernetes.yaml"
    file.write_text(yaml.safe_dump(content | {"rule_files": [str(RULES)]}), "utf-8")
    with skipping_if_missing():
        assert faults_of_configuration(file) == ""


def test_every_alert_fires_when_it_is_to_and_is_quiet_otherwise() -> None:
    """By Prometheus itself, over hours that it makes up."""
    with skipping_if_missing():
        assert faults_found_by(RULE_TESTS) == ""


@pytest.mark.parametrize("alert", [rule["alert"] for rule in rules()])
def test_every_alert_is_tested_both_ways(alert: str) -> None:
    """That it fires, and that it does not fire falsely."""
    wanted = f'ALERTS{{alertname="{alert}",alertstate="firing"}}'
    tests = yaml.safe_load(RULE_TESTS.read_text("utf-8"))["tests"]
    checks = [
        check for test in tests for check in test.get("promql_expr_test", ()) if check["expr"] == wanted
    ]
    assert {bool(check["exp_samples"]) for check in checks} == {True, False}


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_every_alert_says_what_it_is_and_what_to_do(rule: Mapping[str, Any]) -> None:
    """In English for who mends it, in Swedish for who is told, and with a runbook."""
    assert rule["labels"]["severity"] in {"critical", "warning"}
    assert set(rule["annotations"]) == {"summary", "description", "runbook_url"}
    runbook = REPOSITORY / rule["annotations"]["runbook_url"]
    assert runbook == RUNBOOKS / f"{rule['alert']}.md"
    written = runbook.read_text("utf-8")
    assert written.startswith(f"# {rule['alert']}\n")
    assert re.findall(r"^## .*$", written, re.MULTILINE) == HEADINGS


def test_every_runbook_is_for_an_alert() -> None:
    """One that nothing leads to would grow old unread."""
    names = {path.stem for path in RUNBOOKS.glob("*.md")} - {"README"}
    assert names == {rule["alert"] for rule in rules()}


@pytest.mark.parametrize("runbook", sorted(RUNBOOKS.glob("*.md")), ids=lambda path: path.stem)
def test_every_command_in_a_runbook_exists(runbook: Path) -> None:
    """Whoever is woken at night must not meet a command that is not there."""
    blocks = re.findall(r"^```\n(.*?)^```$", runbook.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    for line in "".join(blocks).splitlines():
        program, *arguments = shlex.split(line)
        if program == "kansli":
            assert isinstance(_parser().parse_args(arguments), argparse.Namespace)
        elif program == "python":
            assert (arguments[0], arguments[1] in SERVICES, arguments[2] in SERVICE_COMMANDS) == (
                "-m",
                True,
                True,
            )
        else:
            assert program in {"curl", "df", "openssl", "rabbitmqctl"}


@pytest.mark.parametrize("runbook", sorted(RUNBOOKS.glob("*.md")), ids=lambda path: path.stem)
def test_every_link_in_a_runbook_leads_somewhere(runbook: Path) -> None:
    """To a file of the repository."""
    for target in re.findall(r"\]\(([^)]+)\)", runbook.read_text("utf-8")):
        assert (runbook.parent / target).exists()


def test_every_expression_of_the_dashboard_can_be_asked(tmp_path: Path) -> None:
    """Grafana shows an empty panel for one that cannot."""
    with skipping_if_missing():
        assert faults_of_expressions(expressions(), tmp_path) == ""


def test_the_panels_of_the_dashboard_lie_beside_each_other() -> None:
    """Each with a number of its own, a title, and words on what it shows."""
    panels = dashboard()["panels"]
    places = [
        (x, y)
        for panel in panels
        for at in [panel["gridPos"]]
        for x in range(at["x"], at["x"] + at["w"])
        for y in range(at["y"], at["y"] + at["h"])
    ]
    assert len(places) == len(set(places))
    assert all(x < 24 for x, _ in places)
    assert len({panel["id"] for panel in panels}) == len(panels)
    assert all(panel["title"] and (panel["type"] == "row" or panel["description"]) for panel in panels)


def test_the_dashboard_is_what_grafana_can_import() -> None:
    """Any Grafana's: it asks for the Prometheus, and every panel and note asks that one and no other."""
    content = dashboard()
    (variable,) = content["templating"]["list"]
    source = {"type": variable["query"], "uid": f"${{{variable['name']}}}"}
    assert (variable["type"], content["uid"], content["schemaVersion"] >= 36) == (
        "datasource",
        "kansli",
        True,
    )
    assert not {"id", "__inputs"} & content.keys()
    asking = [panel for panel in content["panels"] if panel["type"] != "row"]
    asked = [*asking, *content["annotations"]["list"], *(one for panel in asking for one in panel["targets"])]
    assert [one["datasource"] for one in asked] == [source] * len(asked)
    for panel in asking:
        references = [target["refId"] for target in panel["targets"]]
        assert len(references) == len(set(references))
        steps = panel["fieldConfig"]["defaults"].get("thresholds", {}).get("steps", [{"value": None}])
        values = [step["value"] for step in steps]
        assert (values[0], values[1:]) == (None, sorted(values[1:]))
        assert panel["type"] in {"stat", "timeseries"}
        assert panel["options"].get("legend", {"showLegend": True})["showLegend"]


def test_the_example_finds_the_services_at_their_usual_ports() -> None:
    """A job for each, by whose name an alert tells which it is."""
    content = yaml.safe_load((PROMETHEUS / "prometheus.yaml").read_text("utf-8"))
    found = {job["job_name"]: job["static_configs"][0]["targets"] for job in content["scrape_configs"]}
    assert found == {f"kansli-{name}": [kind.default_listen] for name, kind in SERVICES.items()}
