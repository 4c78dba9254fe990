import re
from pathlib import Path
from typing import get_args

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from service import __version__
from service.domain.error_policy import RESOURCE_OF
from service.domain.execution import Outcome
from service.domain.facts import FactKind, UnparsedReason
from service.domain.log_pass import LineCounts
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
    RetentionExtended,
    TickFailed,
    UnknownStatusSeen,
)
from service.domain.phases import Phase, Reason
from service.telemetry.metric_definitions import COUNTERS, GAUGES, REQUEST_OUTCOMES
from service.telemetry.metrics import Metrics

PREFIX = "datasync_trigger_"
IDS = parse_execution_arn("arn:aws:datasync:eu-west-1:111122223333:task/task-0a/execution/exec-0b")


def values(metrics: Metrics) -> dict[str, float]:
    """Return our samples by `name{label=value,…}`, without the prefix, labels in alphabetical order."""
    text, _ = metrics.render("")
    samples = [sample for family in parse_text(text.decode()) for sample in family.samples]
    return {
        f"{sample.name.removeprefix(PREFIX)}{{{','.join(f'{k}={v}' for k, v in sorted(sample.labels.items()))}}}": value
        for sample in samples
        if sample.name.startswith(PREFIX)
        for value in [sample.value]
    }


def changed(*observed: Observation) -> dict[str, float]:
    """Return the samples that the observations change in new metrics."""
    metrics = Metrics()
    before = values(metrics)
    for observation in observed:
        metrics.record(observation)
    return {name: value for name, value in values(metrics).items() if value != before.get(name)}


def phase_changed(
    before: Phase, phase: Phase, reason: Reason | None = None, *, reconciled=True, publish_delay_s=None
) -> PhaseChanged:
    return PhaseChanged(
        IDS, before, phase, reason, None, "SUCCESS", reconciled=reconciled, files={}, publish_delay_s=publish_delay_s
    )


def log_read(*, facts: dict[FactKind, int], known: int = 0, unknown: int = 0) -> LogRead:
    counts = LineCounts(sum(facts.values()) + known + unknown, facts)
    unparsed = {UnparsedReason.UNKNOWN_FORMAT: unknown} if unknown else {}
    return LogRead(IDS, TaskMode.BASIC, "SUCCESS", 2, counts, unparsed, (), at_end=True, pass_number=1)


def test_every_observation_is_counted():
    kinds = vars(Metrics)["record"].dispatcher
    assert {
        observation for observation in get_args(Observation) if kinds.dispatch(observation) is kinds.dispatch(object)
    } == set()


def test_metrics_exist_from_the_start():
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
        "last_discovery_timestamp_seconds",
        "build_info",
    }


def test_every_series_starts_at_zero():
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


def test_metrics_of_two_workers_are_separate():
    one, other = Metrics(), Metrics()
    one.record(LeaseLost("discovery"))
    assert values(one)["leases_lost_total{}"] == 1
    assert values(other)["leases_lost_total{}"] == 0


def test_discovery_sets_its_time_and_tasks_and_counts_registrations():
    seen = changed(DiscoveryPass(tasks=3, tasks_listed=1, registered=[IDS, IDS], ignored=9))
    assert seen.pop("last_discovery_timestamp_seconds{}") > 1_700_000_000
    assert seen == {"tasks{}": 3, "executions_registered_total{}": 2}


def test_claim_pass_sets_gauges_and_resets_absent_phases():
    claim_pass = ClaimPass({Phase.HELD: 2, Phase.PUBLISHED: 7}, 12.5, claimed=(), leases_held=4)
    assert changed(claim_pass) == {
        "executions{phase=HELD}": 2,
        "executions{phase=PUBLISHED}": 7,
        "oldest_unpublished_age_seconds{}": 12.5,
        "leases_held{}": 4,
    }
    assert changed(claim_pass, ClaimPass({}, 0.0, claimed=(), leases_held=0)) == {}


def test_log_read_counts_pages_lines_and_facts():
    assert changed(log_read(facts={FactKind.VERIFIED: 4, FactKind.FAILED: 1}, known=1, unknown=2)) == {
        "log_pages_total{}": 2,
        "log_lines_total{kind=fact,mode=BASIC}": 5,
        "log_lines_total{kind=known,mode=BASIC}": 1,
        "log_lines_total{kind=unknown,mode=BASIC}": 2,
        "log_lines_unparsed_total{reason=unknown_format}": 2,
        "facts_total{kind=verified}": 4,
        "facts_total{kind=failed}": 1,
    }


def test_sent_chunk_counts_messages_and_file_outcomes():
    outcomes = {Outcome.PUBLISHED: 6, Outcome.UNCHANGED: 3, Outcome.MISSING: 1, Outcome.SUPERSEDED: 2}
    assert changed(ChunkSent(IDS, messages=7, outcomes=outcomes, failed_files=4, cursor="z")) == {
        "messages_sent_total{}": 7,
        "files_total{outcome=published}": 6,
        "files_total{outcome=unchanged}": 3,
        "files_total{outcome=missing}": 1,
        "files_total{outcome=superseded}": 2,
        "files_total{outcome=failed}": 4,
    }


def test_log_that_did_not_match_is_counted_once():
    seen = changed(
        phase_changed(Phase.SEALING, Phase.PUBLISHING, reconciled=False),
        phase_changed(Phase.PUBLISHING, Phase.PUBLISHED, reconciled=False),
    )
    assert seen["reconciliation_mismatches_total{}"] == 1


def test_held_execution_is_counted_with_its_reason():
    seen = changed(phase_changed(Phase.SEALING, Phase.HELD, Reason.NO_LOG_STREAM))
    assert seen == {"phase_transitions_total{phase=HELD}": 1, "executions_held_total{reason=no_log_stream}": 1}


def test_publish_delay_is_observed_only_when_the_execution_itself_published():
    seen = changed(
        phase_changed(Phase.PUBLISHING, Phase.PUBLISHED, publish_delay_s=12.0),
        phase_changed(Phase.CARRIED, Phase.PUBLISHED, Reason.CARRIED, publish_delay_s=90_000.0),
    )
    assert seen["publish_delay_seconds_sum{}"] == 12.0
    assert seen["publish_delay_seconds_bucket{le=15.0}"] == 1
    assert "publish_delay_seconds_bucket{le=10.0}" not in seen


def test_extended_retention_is_counted():
    assert changed(RetentionExtended(IDS, Phase.HELD, 1, 2)) == {"retention_extensions_total{}": 1}


def test_notifications_are_counted_by_phase():
    assert changed(NotificationSent(IDS, Phase.HELD, Reason.NO_LOG_STREAM)) == {
        "notifications_sent_total{phase=HELD}": 1
    }
    counted = {name for name in values(Metrics()) if name.startswith("notifications_sent_total")}
    inactive = (Phase.PUBLISHED, Phase.CARRIED, Phase.HELD, Phase.DISCARDED)
    assert counted == {f"notifications_sent_total{{phase={phase}}}" for phase in inactive}


def test_failed_ticks_lost_leases_and_unknown_statuses_are_counted():
    assert changed(
        TickFailed("discover", "access_denied", "no", 1.0, RuntimeError()),
        LeaseLost("exec-0b"),
        UnknownStatusSeen(IDS, "PAUSED"),
    ) == {
        "tick_failures_total{kind=access_denied,loop=discover}": 1,
        "leases_lost_total{}": 1,
        "unknown_statuses_total{}": 1,
    }


def test_label_values_outside_the_closed_set_become_other():
    metrics = Metrics()
    metrics.request("sqs", "SendMessageBatch", "ok")
    metrics.request("sqs", "https://sqs/secret", "ok")
    metrics.request("iam", "x", "y")
    metrics.record(TickFailed("exec-0b", "KeyError", "", 1.0, RuntimeError()))
    metrics.record(log_read(facts={"arn:aws:x": 1}))
    seen = {name: value for name, value in values(metrics).items() if value and "build_info" not in name}
    assert seen == {
        "aws_requests_total{operation=SendMessageBatch,outcome=ok,service=sqs}": 1,
        "aws_requests_total{operation=other,outcome=ok,service=sqs}": 1,
        "aws_requests_total{operation=other,outcome=other,service=other}": 1,
        "tick_failures_total{kind=other,loop=other}": 1,
        "log_pages_total{}": 2,
        "log_lines_total{kind=fact,mode=BASIC}": 1,
        "facts_total{kind=other}": 1,
    }


def test_every_operation_that_a_worker_calls_has_a_label():
    adapters = Path(__file__).parents[2] / "service" / "adapters" / "aws"
    sources = [path.read_text() for path in adapters.glob("*.py") if path.name != "setup.py"]
    calls = {match for source in sources for match in re.findall(r'"(\w+)\.([A-Z]\w+)"', source)}
    assert calls == {tuple(operation.split(".")) for operation in RESOURCE_OF}


@pytest.mark.parametrize("accept", ["", "text/plain;version=0.0.4", "application/openmetrics-text; version=1.0.0,*/*"])
def test_both_formats_are_read_by_the_parsers_of_prometheus_and_have_help(accept: str):
    metrics = Metrics()
    metrics.record(phase_changed(Phase.PUBLISHING, Phase.PUBLISHED, publish_delay_s=1.0))
    text, content_type = metrics.render(accept)
    openmetrics = accept.startswith("application/openmetrics-text")
    assert content_type.startswith("application/openmetrics-text" if openmetrics else "text/plain")
    families = list((parse_openmetrics if openmetrics else parse_text)(text.decode()))
    assert len(families) > 20
    assert all(family.documentation for family in families)
    assert not any(sample.name.endswith("_created") for family in families for sample in family.samples)


def test_names_end_with_units_and_labels_are_words():
    for name, definition in {**COUNTERS, **GAUGES}.items():
        assert re.fullmatch(r"[a-z]+(_[a-z]+)*", name)
        assert definition.help.endswith(".")
        if re.search(r"\b[Tt]ime (since|of|from)\b", definition.help):
            assert name.endswith("_seconds")
        for series in definition.series:
            assert all(re.fullmatch(r"[\w.]+", value) for value in series)
