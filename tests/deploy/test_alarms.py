"""CloudWatch's metrics are made from the workers' own log lines, and its alarms from those metrics."""

import io
import json
import operator
import re

import pytest

from service.domain.facts import FactKind, UnparsedReason
from service.domain.names import TaskMode, parse_execution_arn
from service.domain.phases import Phase, Reason
from service.domain.observations import LogRead, PhaseChanged, TickFailed, ClaimPass, DiscoveryPass
from service.telemetry.logging import configure, log
from tests.deploy.conftest import TASKS

NAME = parse_execution_arn(f"{TASKS[0]}/execution/exec-0123456789abcdef0")


def moved(phase, reason):
    return PhaseChanged(NAME, Phase.SEALING, phase, reason, "SUCCESS", reconciled=True, files={})


def looked(*samples):
    return LogRead(
        NAME,
        TaskMode.BASIC,
        "SUCCESS",
        pages=1,
        lines={"fact": 1, "unknown": len(samples)},
        facts={FactKind.VERIFIED: 1},
        unknown=dict.fromkeys([why for why, _ in samples], 1),
        samples=samples,
        at_end=True,
        pass_number=1,
    )


def setback(loop):
    return TickFailed(loop, "denied", "AccessDeniedException: no", 1.0, PermissionError())


def surveyed(age_s):
    return ClaimPass({Phase.SEALING: 1}, age_s, [], 1)


TELLING = {
    "SweepSetbacks": setback("sweep"),
    "ExecutionsHeld": moved(Phase.HELD, Reason.LOG_INCOMPLETE),
    "LinesNotUnderstood": looked((UnparsedReason.UNKNOWN_FORMAT, "[INFO] Something else")),
    "OldestUnpublishedAge": surveyed(17.5),
}
SILENT = [
    setback("survey"),
    setback("wake"),
    moved(Phase.PUBLISHING, None),
    looked(),
    surveyed(0.0),
    DiscoveryPass(1, 1, [NAME], 0),
]


@pytest.fixture
def written():
    """What is written to the log for a report, as the JSON that CloudWatch sees."""

    def write(report):
        stream = io.StringIO()
        configure(level="info", as_json=True, stream=stream)
        log(report)
        return [json.loads(line) for line in stream.getvalue().splitlines()]

    return write


def _matches(pattern, line):
    """Whether a line matches a filter pattern of CloudWatch Logs, of the few forms that the template uses."""
    terms = re.findall(r'\$\.(\w+) (=|>) ("[^"]*"|\d+)', pattern)
    rest = re.sub(r'\$\.\w+ (=|>) ("[^"]*"|\d+)', "", pattern)
    assert terms
    assert not rest.replace("(", "").replace(")", "").replace("&&", "").strip("{ }"), f"another form: {pattern}"
    compare = {"=": operator.eq, ">": operator.gt}
    return all(name in line and compare[sign](line[name], json.loads(value)) for name, sign, value in terms)


def _filters(resources):
    return {
        name: resource["Properties"]
        for name, resource in resources.items()
        if resource["Type"] == "AWS::Logs::MetricFilter"
    }


def _alarms(resources):
    return {
        name: resource["Properties"]
        for name, resource in resources.items()
        if resource["Type"] == "AWS::CloudWatch::Alarm"
    }


def test_every_filter_is_tested_here(resources):
    assert _filters(resources).keys() == TELLING.keys()


@pytest.mark.parametrize("name", TELLING)
def test_a_filter_counts_its_lines_and_no_others(resources, written, name):
    pattern = _filters(resources)[name]["FilterPattern"]
    (line,) = written(TELLING[name])
    assert _matches(pattern, line)
    (transformation,) = _filters(resources)[name]["MetricTransformations"]
    value = transformation["MetricValue"]
    assert value == "1" or isinstance(line[value.removeprefix("$.")], float)
    others = [report for other, report in TELLING.items() if other != name] + SILENT
    assert not [line for report in others for line in written(report) if _matches(pattern, line)]


def test_every_metric_is_watched_and_every_alarm_watches_one_that_is_made(resources):
    made = {
        (transformation["MetricNamespace"]["!Sub"], transformation["MetricName"])
        for each in _filters(resources).values()
        for transformation in each["MetricTransformations"]
    }
    watched = {
        (metric["Namespace"]["!Sub"], metric["MetricName"])
        for each in _alarms(resources).values()
        for metric in [
            each,
            *(query["MetricStat"]["Metric"] for query in each.get("Metrics", []) if "MetricStat" in query),
        ]
        if isinstance(metric.get("Namespace"), dict)
    }
    assert watched == made


def test_silence_is_an_alarm_only_where_it_means_that_nothing_runs_or_waits(resources):
    breaching = {name for name, each in _alarms(resources).items() if each["TreatMissingData"] == "breaching"}
    assert breaching == {"NotRunningAlarm", "NothingWaits"}


def test_every_alarm_tells_somebody_or_scales(resources):
    topic = {"!If": ["HasAlarmTopic", [{"!Ref": "AlarmTopicArn"}], {"!Ref": "AWS::NoValue"}]}
    for name, each in _alarms(resources).items():
        scales = {"ExecutionsWait": "AddAWorker", "NothingWaits": "RemoveAWorker"}.get(name)
        assert each["AlarmActions"] == ([{"!Ref": scales}] if scales else topic), name
