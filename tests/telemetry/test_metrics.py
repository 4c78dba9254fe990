import re
from pathlib import Path
from typing import get_args

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from service import __version__
from service.domain.execution import Outcome
from service.domain.facts import FactKind, UnparsedReason
from service.domain.names import TaskMode, parse_execution_arn
from service.domain.observations import (
    ChunkSent,
    ClaimPass,
    DiscoveryPass,
    LeaseLost,
    LogRead,
    NotificationSent,
    Observation,
    PhaseChanged,
    TickFailed,
    UnknownStatusSeen,
)
from service.domain.phases import Phase, Reason
from service.telemetry.metric_definitions import COUNTERS, GAUGES, OPERATIONS, REQUEST_OUTCOMES
from service.telemetry.metrics import Metrics

PREFIX = "datasync_trigger_"
NAME = parse_execution_arn("arn:aws:datasync:eu-west-1:111122223333:task/task-0a/execution/exec-0b")


def values(metrics: Metrics) -> dict[str, float]:
    """Samples of ours by `name{label=value,…}`, without the prefix, labels in alphabetical order."""
    text, _ = metrics.render("")
    samples = [sample for family in parse_text(text.decode()) for sample in family.samples]
    return {
        f"{sample.name.removeprefix(PREFIX)}{{{','.join(f'{k}={v}' for k, v in sorted(sample.labels.items()))}}}": value
        for sample in samples
        if sample.name.startswith(PREFIX)
        for value in [sample.value]
    }


def changed(*reports: Observation) -> dict[str, float]:
    """What the reports change in fresh metrics."""
    metrics = Metrics()
    before = values(metrics)
    for report in reports:
        metrics.record(report)
    return {name: value for name, value in values(metrics).items() if value != before.get(name)}


def moved(before: Phase, phase: Phase, reason: Reason | None = None, *, reconciled=True, delay_s=None) -> PhaseChanged:
    return PhaseChanged(NAME, before, phase, reason, "SUCCESS", reconciled=reconciled, files={}, delay_s=delay_s)


def looked(lines: dict[str, int], facts: dict[FactKind, int]) -> LogRead:
    unknown = {UnparsedReason.UNKNOWN_FORMAT: lines["unknown"]} if lines.get("unknown") else {}
    return LogRead(NAME, TaskMode.BASIC, "SUCCESS", 2, lines, facts, unknown, (), at_end=True, pass_number=1)


def test_every_report_is_counted_somehow():
    kinds = vars(Metrics)["record"].dispatcher
    assert {report for report in get_args(Observation) if kinds.dispatch(report) is kinds.dispatch(object)} == set()


def test_what_the_contract_names_is_there_from_the_start():
    names = {name.partition("{")[0] for name in values(Metrics())}
    assert names >= {
        "executions",
        "log_lines_total",
        "facts_total",
        "files_total",
        "publish_delay_seconds_bucket",
        "publish_delay_seconds_count",
        "publish_delay_seconds_sum",
        "oldest_unpublished_age_seconds",
        "reconciliation_mismatches_total",
        "leases_held",
        "leases_lost_total",
        "aws_requests_total",
        "last_sweep_timestamp_seconds",
        "build_info",
    }


def test_every_series_of_a_closed_set_begins_at_nought_so_that_the_first_event_is_a_rate():
    first = values(Metrics())
    assert first.pop(f"build_info{{version={__version__}}}") == 1
    assert set(first.values()) == {0}
    assert {f"executions{{phase={phase}}}" for phase in Phase} <= first.keys()
    assert {
        f"log_lines_total{{kind={k},mode={m}}}" for m in TaskMode for k in ("fact", "known", "unknown")
    } <= first.keys()
    assert {f"facts_total{{kind={kind}}}" for kind in FactKind} <= first.keys()
    assert {f"files_total{{outcome={outcome}}}" for outcome in [*Outcome, "failed"]} <= first.keys()
    assert {f"aws_requests_total{{operation=SendMessageBatch,outcome={o},service=sqs}}" for o in REQUEST_OUTCOMES} <= (
        first.keys()
    )


def test_process_python_and_garbage_collection_are_covered():
    text, _ = Metrics().render("")
    names = {family.name for family in parse_text(text.decode())}
    assert {"process_cpu_seconds", "python_info", "python_gc_collections"} <= names


def test_metrics_of_two_workers_in_one_process_are_apart():
    one, other = Metrics(), Metrics()
    one.record(LeaseLost("sweep"))
    assert values(one)["leases_lost_total{}"] == 1
    assert values(other)["leases_lost_total{}"] == 0


def test_a_sweep_says_when_it_was_how_many_tasks_there_are_and_what_was_new():
    seen = changed(DiscoveryPass(tasks=3, listed=1, new_execution=[NAME, NAME], ignored=9))
    assert seen.pop("last_sweep_timestamp_seconds{}") > 1_700_000_000
    assert seen == {"tasks{}": 3, "executions_registered_total{}": 2}


def test_a_survey_sets_what_is_and_forgets_what_was():
    survey = ClaimPass({Phase.HELD: 2, Phase.PUBLISHED: 7}, 12.5, taken=(), leases_held=4)
    assert changed(survey) == {
        "executions{phase=HELD}": 2,
        "executions{phase=PUBLISHED}": 7,
        "oldest_unpublished_age_seconds{}": 12.5,
        "leases_held{}": 4,
    }
    assert changed(survey, ClaimPass({}, 0.0, taken=(), leases_held=0)) == {}


def test_reading_counts_pages_lines_and_facts():
    assert changed(looked({"fact": 5, "known": 1, "unknown": 2}, {FactKind.VERIFIED: 4, FactKind.FAILED: 1})) == {
        "log_pages_total{}": 2,
        "log_lines_total{kind=fact,mode=BASIC}": 5,
        "log_lines_total{kind=known,mode=BASIC}": 1,
        "log_lines_total{kind=unknown,mode=BASIC}": 2,
        "log_lines_unknown_total{kind=form}": 2,
        "facts_total{kind=verified}": 4,
        "facts_total{kind=failed}": 1,
    }


def test_sending_counts_messages_and_what_became_of_the_files():
    outcomes = {Outcome.PUBLISHED: 6, Outcome.UNCHANGED: 3, Outcome.MISSING: 1, Outcome.SUPERSEDED: 2}
    assert changed(ChunkSent(NAME, messages=7, outcomes=outcomes, failed=4, cursor="z")) == {
        "messages_sent_total{}": 7,
        "files_total{outcome=published}": 6,
        "files_total{outcome=unchanged}": 3,
        "files_total{outcome=missing}": 1,
        "files_total{outcome=superseded}": 2,
        "files_total{outcome=failed}": 4,
    }


def test_a_log_that_never_added_up_is_a_mismatch_once():
    seen = changed(
        moved(Phase.SEALING, Phase.PUBLISHING, reconciled=False),
        moved(Phase.PUBLISHING, Phase.PUBLISHED, reconciled=False),
    )
    assert seen["reconciliation_mismatches_total{}"] == 1


def test_holding_is_counted_with_its_reason():
    seen = changed(moved(Phase.SEALING, Phase.HELD, Reason.NO_LOG_STREAM))
    assert seen == {"executions_moved_total{phase=HELD}": 1, "executions_held_total{reason=no_log_stream}": 1}


def test_the_delay_is_that_of_the_executions_own_publishing():
    seen = changed(
        moved(Phase.PUBLISHING, Phase.PUBLISHED, delay_s=12.0),
        moved(Phase.CARRIED, Phase.PUBLISHED, Reason.CARRIED, delay_s=90_000.0),
    )
    assert seen["publish_delay_seconds_sum{}"] == 12.0
    assert seen["publish_delay_seconds_bucket{le=15.0}"] == 1
    assert "publish_delay_seconds_bucket{le=10.0}" not in seen


def test_notifications_are_counted_by_the_phase_that_they_announce():
    assert changed(NotificationSent(NAME, Phase.HELD, Reason.NO_LOG_STREAM)) == {
        "notifications_sent_total{phase=HELD}": 1
    }
    counted = {name for name in values(Metrics()) if name.startswith("notifications_sent_total")}
    closed = (Phase.PUBLISHED, Phase.CARRIED, Phase.HELD, Phase.DISCARDED)
    assert counted == {f"notifications_sent_total{{phase={phase}}}" for phase in closed}


def test_setbacks_lost_leases_and_unknown_statuses_are_counted():
    assert changed(
        TickFailed("sweep", "denied", "no", 1.0, RuntimeError()),
        LeaseLost("exec-0b"),
        UnknownStatusSeen(NAME, "PAUSED"),
    ) == {
        "setbacks_total{kind=denied,loop=sweep}": 1,
        "leases_lost_total{}": 1,
        "unknown_statuses_total{}": 1,
    }


def test_what_is_not_in_a_closed_set_becomes_other_and_never_a_label():
    metrics = Metrics()
    metrics.request("sqs", "SendMessageBatch", "ok")
    metrics.request("sqs", "https://sqs/secret", "ok")
    metrics.request("iam", "x", "y")
    metrics.record(TickFailed("exec-0b", "KeyError", "", 1.0, RuntimeError()))
    metrics.record(looked({"arn:aws:x": 1}, {}))
    seen = {name: value for name, value in values(metrics).items() if value and "build_info" not in name}
    assert seen == {
        "aws_requests_total{operation=SendMessageBatch,outcome=ok,service=sqs}": 1,
        "aws_requests_total{operation=other,outcome=ok,service=sqs}": 1,
        "aws_requests_total{operation=other,outcome=other,service=other}": 1,
        "setbacks_total{kind=other,loop=other}": 1,
        "log_pages_total{}": 2,
        "log_lines_total{kind=other,mode=BASIC}": 1,
    }


def test_every_operation_that_a_worker_calls_has_its_own_label():
    adapters = Path(__file__).parents[2] / "service" / "adapters" / "aws"
    sources = [path.read_text() for path in adapters.glob("*.py") if path.name != "setup.py"]
    calls = {match for source in sources for match in re.findall(r'"(\w+)\.([A-Z]\w+)"', source)}
    assert calls == {(service, operation) for service, operations in OPERATIONS.items() for operation in operations}


@pytest.mark.parametrize("accept", ["", "text/plain;version=0.0.4", "application/openmetrics-text; version=1.0.0,*/*"])
def test_both_forms_are_read_by_prometheus_own_parsers_and_every_metric_has_help(accept: str):
    metrics = Metrics()
    metrics.record(moved(Phase.PUBLISHING, Phase.PUBLISHED, delay_s=1.0))
    text, content_type = metrics.render(accept)
    openmetrics = accept.startswith("application/openmetrics-text")
    assert content_type.startswith("application/openmetrics-text" if openmetrics else "text/plain")
    families = list((parse_openmetrics if openmetrics else parse_text)(text.decode()))
    assert len(families) > 20
    assert all(family.documentation for family in families)
    assert not any(sample.name.endswith("_created") for family in families for sample in family.samples)


def test_names_bear_their_units_and_labels_are_words():
    for name, definition in {**COUNTERS, **GAUGES}.items():
        assert re.fullmatch(r"[a-z]+(_[a-z]+)*", name)
        assert definition.help.endswith(".")
        if re.search(r"\b[Tt]ime (since|of|from)\b", definition.help):
            assert name.endswith("_seconds")
        for series in definition.series:
            assert all(re.fullmatch(r"[\w.]+", value) for value in series)
