"""The rules and the dashboard: they use only metrics and labels that the service exports."""

import json
import re
import shutil
import subprocess

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from service.telemetry.metrics import Metrics
from tests.deploy.conftest import ROOT

FOLDER = ROOT / "deploy" / "observability"
DASHBOARD = json.loads((FOLDER / "dashboard.json").read_text())
GROUPS = yaml.safe_load((FOLDER / "rules.yml").read_text())["groups"]
RULES = [rule for group in GROUPS for rule in group["rules"]]
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
QUERIES = [rule["expr"] for rule in RULES] + [target["expr"] for panel in PANELS for target in panel["targets"]]
EXAMPLES = sorted((FOLDER / "scrape").glob("*.yml"))

ADDED_BY_PROMETHEUS = {"job", "instance", "le"}

promtool = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool, which comes with Prometheus, is not installed"
)


def _run(*command):
    return subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, check=False)


@promtool
def test_promtool_accepts_the_rules_and_passes_their_tests():
    for command in (["check", "rules", "rules.yml"], ["test", "rules", "rules.test.yml"]):
        done = _run("promtool", *command)
        assert done.returncode == 0, done.stdout + done.stderr


@promtool
def test_promtool_accepts_the_scrape_example():
    done = _run("promtool", "check", "config", "--syntax-only", "scrape/cloud-map.yml")
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_has_a_test_that_fires_and_one_that_does_not():
    tests = yaml.safe_load((FOLDER / "rules.test.yml").read_text())["tests"]
    cases = [case for test in tests for case in test["alert_rule_test"]]
    fires = {case["alertname"] for case in cases if case.get("exp_alerts")}
    silent = {case["alertname"] for case in cases if not case.get("exp_alerts")}
    assert fires == silent == {rule["alert"] for rule in RULES if "alert" in rule}


@pytest.fixture(scope="module")
def exported():
    """Return the labels of each exported series, with their values."""
    series = {rule["record"]: {} for rule in RULES if "record" in rule}
    for family in text_string_to_metric_families(Metrics().render("")[0].decode()):
        for sample in family.samples:
            labels = series.setdefault(sample.name, {})
            for label, value in sample.labels.items():
                labels.setdefault(label, set()).add(value)
    return series


def _selectors(query):
    """Yield the metrics of a query, each with its label matchers."""
    plain = query.replace("$__rate_interval", "5m")
    for name, matchers in re.findall(r"(?<![\w:\"$])([a-z][\w:]*_[\w:]*)(?:\{([^}]*)\})?(?!\w*\()", plain):
        yield name, re.findall(r'(\w+)\s*(=~|!=|!~|=)\s*"([^"]*)"', matchers)


@pytest.mark.parametrize("query", QUERIES)
def test_query_uses_exported_metrics_and_labels(exported, query):
    functions = {"histogram_quantile"}
    selectors = [(name, matchers) for name, matchers in _selectors(query) if name not in functions]
    assert selectors
    grouped = {label for labels in re.findall(r"by \(([^)]*)\)", query) for label in re.split(r",\s*", labels)}
    for name, matchers in selectors:
        assert name in exported
        for label, sign, text in matchers:
            if label == "job":
                continue
            assert label in exported[name]
            values = set(text.split("|")) if sign in ("=~", "!~") else {text}
            assert values <= exported[name][label]
        recorded = ":" in name
        assert recorded or grouped <= exported[name].keys() | ADDED_BY_PROMETHEUS


def test_check_detects_metrics_and_labels_that_are_not_exported(exported):
    for query in ["sum(datasync_trigger_nothing_total)", 'x(datasync_trigger_executions{phase="NONE"})']:
        ((name, matchers),) = _selectors(query)
        assert name not in exported or any(text not in exported[name][label] for label, _, text in matchers)


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_panel_has_title_description_unit_and_data_source(panel):
    assert panel["title"]
    assert panel["description"].endswith(".")
    assert panel["fieldConfig"]["defaults"]["unit"]
    assert {"${datasource}"} == {each["datasource"]["uid"] for each in [panel, *panel["targets"]]}
    assert all('job=~"$job"' in target["expr"] for target in panel["targets"])


def test_panels_do_not_overlap():
    occupied = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert max(x for x, _ in cells) < 24
        assert not cells & occupied, panel["title"]
        occupied |= cells
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(ids) == len(set(ids))


def test_every_alert_has_summary_description_and_severity():
    for rule in RULES:
        if "alert" in rule:
            assert rule["annotations"].keys() == {"summary", "description"}, rule["alert"]
            assert rule["labels"]["severity"] in ("warning", "critical")


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_scrape_example_finds_the_workers_under_the_dashboards_job(example):
    (job,) = yaml.safe_load(example.read_text())["scrape_configs"]
    assert job["job_name"] == "datasync-trigger"
    (discovery,) = (job[key] for key in job if key.endswith("_sd_configs"))
    assert [each["port"] for each in discovery] == [8080]
