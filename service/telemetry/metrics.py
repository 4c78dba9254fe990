"""The metrics of a worker, derived from its observations. `metric_definitions.py` defines them.

Every label has a closed set of values. Each series starts at 0, so the first event already has a rate. A value outside
the set counts as `other`, so no path, ARN or id can become a label.
"""

from collections.abc import Sequence
from functools import singledispatchmethod
from time import time
from typing import TypeVar

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.openmetrics import exposition as openmetrics

from service import __version__
from service.domain import observations
from service.domain.phases import Phase
from service.telemetry.metric_definitions import COUNTERS, GAUGES, PUBLISH_DELAY_BUCKETS_S, Definition

MetricT = TypeVar("MetricT", bound=Counter | Gauge)

NAMESPACE = "datasync_trigger"
OTHER = "other"


class Metrics:
    """The metrics of one worker, on a separate registry."""

    def __init__(self) -> None:
        # For the whole process. Otherwise each counter has a second series with its time of creation.
        disable_created_metrics()  # type: ignore[no-untyped-call]  # the library leaves it untyped
        self._registry = CollectorRegistry()
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self._registry)
        self._counters = {name: self._create(Counter, name, each) for name, each in COUNTERS.items()}
        self._gauges = {name: self._create(Gauge, name, each) for name, each in GAUGES.items()}
        self._publish_delay = Histogram(
            "publish_delay_seconds",
            "Time from DataSync's end of an execution to the acknowledgement of its last message.",
            namespace=NAMESPACE,
            registry=self._registry,
            buckets=PUBLISH_DELAY_BUCKETS_S,
        )
        self._set("build_info", 1, __version__)

    def _create(self, kind: type[MetricT], name: str, definition: Definition) -> MetricT:
        metric = kind(name, definition.help, definition.labels, namespace=NAMESPACE, registry=self._registry)
        for values in definition.series:
            metric.labels(*values)
        return metric

    def render(self, accept: str) -> tuple[bytes, str]:
        """Return all metrics and their content type: OpenMetrics if the Accept header names it, else plain text."""
        if "application/openmetrics-text" in accept:
            return openmetrics.generate_latest(self._registry), openmetrics.CONTENT_TYPE_LATEST  # type: ignore[no-untyped-call]  # the library leaves it untyped
        return generate_latest(self._registry), CONTENT_TYPE_PLAIN_0_0_4

    def request(self, service: str, operation: str, outcome: str) -> None:
        """Count an attempt at a request to AWS."""
        self._add("aws_requests", 1, service, operation, outcome)

    @singledispatchmethod
    def record(self, observation: observations.Observation) -> None:
        """Count an observation."""
        raise NotImplementedError(f"no metric is defined for {type(observation).__name__}")

    @record.register
    def _discovery_pass(self, observation: observations.DiscoveryPass) -> None:
        self._set("tasks", observation.tasks)
        self._set("last_discovery_timestamp_seconds", time())
        self._add("executions_registered", len(observation.registered))

    @record.register
    def _claim_pass(self, observation: observations.ClaimPass) -> None:
        for phase in Phase:
            self._set("executions", observation.phases.get(phase, 0), phase)
        self._set("oldest_unpublished_age_seconds", observation.oldest_unpublished_age_s)
        self._set("leases_held", observation.leases_held)

    @record.register
    def _log_read(self, observation: observations.LogRead) -> None:
        self._add("log_pages", observation.pages)
        for kind, lines in observation.lines.items():
            self._add("log_lines", lines, observation.task_mode, kind)
        for fact, lines in observation.facts.items():
            self._add("facts", lines, fact)
        for reason, lines in observation.unparsed.items():
            self._add("log_lines_unparsed", lines, reason)

    @record.register
    def _phase_changed(self, observation: observations.PhaseChanged) -> None:
        self._add("phase_transitions", 1, observation.phase)
        if observation.phase is Phase.HELD:
            self._add("executions_held", 1, observation.reason or OTHER)
        if observation.previous_phase is Phase.SEALING and observation.reconciled is False:
            self._add("reconciliation_mismatches", 1)
        if observation.previous_phase is Phase.PUBLISHING and observation.publish_delay_s is not None:
            self._publish_delay.observe(observation.publish_delay_s)

    @record.register
    def _chunk_sent(self, observation: observations.ChunkSent) -> None:
        self._add("messages_sent", observation.messages)
        self._add("files", observation.failed_files, "failed")
        for outcome, files in observation.outcomes.items():
            self._add("files", files, outcome)

    @record.register
    def _retention_extended(self, _: observations.RetentionExtended) -> None:
        self._add("retention_extensions", 1)

    @record.register
    def _notification_sent(self, observation: observations.NotificationSent) -> None:
        self._add("notifications_sent", 1, observation.phase)

    @record.register
    def _unknown_status(self, _: observations.UnknownStatusSeen) -> None:
        self._add("unknown_statuses", 1)

    @record.register
    def _tick_failed(self, observation: observations.TickFailed) -> None:
        self._add("tick_failures", 1, observation.loop, observation.kind)

    @record.register
    def _lease_lost(self, _: observations.LeaseLost) -> None:
        self._add("leases_lost", 1)

    def _add(self, name: str, amount: float, *values: str) -> None:
        counter, labels = self._counters[name], _bounded_labels(COUNTERS[name], values)
        (counter.labels(*labels) if labels else counter).inc(amount)

    def _set(self, name: str, value: float, *values: str) -> None:
        gauge, labels = self._gauges[name], _bounded_labels(GAUGES[name], values)
        (gauge.labels(*labels) if labels else gauge).set(value)


def _bounded_labels(definition: Definition, values: Sequence[str]) -> list[str]:
    """Return the label values; each that is not in its closed set becomes `other`."""
    return [value if value in known else OTHER for value, known in zip(values, definition.known, strict=True)]
