"""The metric filters of CloudWatch on the workers' log lines, and the alarms on these metrics."""

import io
import json
import operator
import re

import pytest

from service.domain.log_pass import LineCounts
from service.domain.facts import FactKind, UnparsedReason
from service.domain.names import TaskMode, parse_execution_arn
from service.domain.observations import ClaimPass, DiscoveryPass, LogRead, PhaseChanged, TickFailed
from service.domain.phases import Phase, Reason
from service.telemetry.logging import configure, log
from tests.deploy.conftest import TASKS

IDS = parse_execution_arn(f"{TASKS[0]}/execution/exec-0123456789abcdef0")


def phase_changed(phase, reason):
    return PhaseChanged(
        IDS, Phase.SEALING, phase, reason, reason and "a sentence", "SUCCESS", reconciled=True, files={}
    )


def log_read(*samples):
    return LogRead(
        IDS,
        TaskMode.BASIC,
        "SUCCESS",
        pages=1,
        counts=LineCounts(1 + len(samples), {FactKind.VERIFIED: 1}),
        unparsed=dict.fromkeys([reason for reason, _ in samples], 1),
        samples=samples,
        at_end=True,
        pass_number=1,
    )


def tick_failed(loop):
    return TickFailed(loop, "access_denied", "AccessDeniedException: no", 1.0, PermissionError())


def claim_pass(age_s):
    return ClaimPass({Phase.SEALING: 1}, age_s, [], 1)


MATCHING = {
    "DiscoveryFailures": tick_failed("discover"),
    "ExecutionsHeld": phase_changed(Phase.HELD, Reason.LOG_INCOMPLETE),
    "UnparsedLines": log_read((UnparsedReason.UNKNOWN_FORMAT, "[INFO] Something else")),
    "OldestUnpublishedAge": claim_pass(17.5),
}
IGNORED = [
    tick_failed("claim"),
    tick_failed("wake"),
    phase_changed(Phase.PUBLISHING, None),
    log_read(),
    claim_pass(0.0),
    DiscoveryPass(1, 1, [IDS], 0),
]


@pytest.fixture
def written():
    """Return a function that returns the log lines of an observation, as CloudWatch reads them."""

    def write(observation):
        stream = io.StringIO()
        configure(level="info", as_json=True, stream=stream)
        log(observation)
        return [json.loads(line) for line in stream.getvalue().splitlines()]

    return write


def _matches(pattern, line):
    """Return whether a line matches a filter pattern, of the few forms that the template uses."""
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


def test_every_filter_is_tested(resources):
    assert _filters(resources).keys() == MATCHING.keys()


@pytest.mark.parametrize("name", MATCHING)
def test_filter_matches_its_lines_and_no_others(resources, written, name):
    pattern = _filters(resources)[name]["FilterPattern"]
    (line,) = written(MATCHING[name])
    assert _matches(pattern, line)
    (transformation,) = _filters(resources)[name]["MetricTransformations"]
    value = transformation["MetricValue"]
    assert value == "1" or isinstance(line[value.removeprefix("$.")], float)
    others = [observation for other, observation in MATCHING.items() if other != name] + IGNORED
    assert not [line for observation in others for line in written(observation) if _matches(pattern, line)]


def test_alarms_watch_exactly_the_metrics_of_the_filters(resources):
    defined = {
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
    assert watched == defined


def test_missing_data_is_an_alarm_only_if_it_means_that_nothing_runs_or_waits(resources):
    breaching = {name for name, each in _alarms(resources).items() if each["TreatMissingData"] == "breaching"}
    assert breaching == {"NotRunningAlarm", "NothingWaits"}


def test_every_alarm_notifies_the_topic_or_scales(resources):
    topic = {"!If": ["HasAlarmTopic", [{"!Ref": "AlarmTopicArn"}], {"!Ref": "AWS::NoValue"}]}
    for name, each in _alarms(resources).items():
        scales = {"ExecutionsWait": "AddAWorker", "NothingWaits": "RemoveAWorker"}.get(name)
        assert each["AlarmActions"] == ([{"!Ref": scales}] if scales else topic), name
