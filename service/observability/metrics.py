"""The metrics of a worker, made from its reports. `definitions.py` says what there is.

Every label has a closed set of values, each of which is there from the start as 0, so that the first event is a rate.
What is not in the set counts as `other`: no path, ARN or id can become a label.
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
from service.domain import reports
from service.domain.phases import Phase
from service.observability.definitions import COUNTERS, GAUGES, PUBLISH_DELAY_BUCKETS_S, Definition

MetricT = TypeVar("MetricT", bound=Counter | Gauge)

NAMESPACE = "datasync_trigger"
OTHER = "other"


class Metrics:
    """The metrics of one worker, on a registry of their own."""

    def __init__(self) -> None:
        # For the whole process: or else each counter has a second series that says when it was made.
        disable_created_metrics()  # type: ignore[no-untyped-call] # because the library leaves it untyped
        self._registry = CollectorRegistry()
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self._registry)
        self._counters = {name: self._made(Counter, name, each) for name, each in COUNTERS.items()}
        self._gauges = {name: self._made(Gauge, name, each) for name, each in GAUGES.items()}
        self._publish_delay = Histogram(
            "publish_delay_seconds",
            "Time from DataSync's end of an execution to the acknowledgement of its last message.",
            namespace=NAMESPACE,
            registry=self._registry,
            buckets=PUBLISH_DELAY_BUCKETS_S,
        )
        self._set("build_info", 1, __version__)

    def _made(self, kind: type[MetricT], name: str, definition: Definition) -> MetricT:
        metric = kind(name, definition.help, definition.labels, namespace=NAMESPACE, registry=self._registry)
        for values in definition.series:
            metric.labels(*values)
        return metric

    def render(self, accept: str) -> tuple[bytes, str]:
        """Return all metrics and their content type: OpenMetrics where the Accept header names it, else the text."""
        if "application/openmetrics-text" in accept:
            return openmetrics.generate_latest(self._registry), openmetrics.CONTENT_TYPE_LATEST  # type: ignore[no-untyped-call] # because the library leaves it untyped
        return generate_latest(self._registry), CONTENT_TYPE_PLAIN_0_0_4

    def request(self, service: str, operation: str, outcome: str) -> None:
        """Count an attempt at a request to AWS."""
        self._add("aws_requests", 1, service, operation, outcome)

    @singledispatchmethod
    def record(self, report: reports.Report) -> None:
        """Count what a report says."""
        raise NotImplementedError(f"no metric is defined for {type(report).__name__}")

    @record.register
    def _swept(self, report: reports.Swept) -> None:
        self._set("tasks", report.tasks)
        self._set("last_sweep_timestamp_seconds", time())
        self._add("executions_registered", len(report.registered))

    @record.register
    def _surveyed(self, report: reports.Surveyed) -> None:
        for phase in Phase:
            self._set("executions", report.phases.get(phase, 0), phase)
        self._set("oldest_unpublished_age_seconds", report.oldest_unpublished_age_s)
        self._set("leases_held", report.leases_held)

    @record.register
    def _looked(self, report: reports.Looked) -> None:
        self._add("log_pages", report.pages)
        for kind, lines in report.lines.items():
            self._add("log_lines", lines, report.mode, kind)
        for fact, stated in report.facts.items():
            self._add("facts", stated, fact)
        for why, lines in report.unknown.items():
            self._add("log_lines_unknown", lines, why)

    @record.register
    def _moved(self, report: reports.Moved) -> None:
        self._add("executions_moved", 1, report.phase)
        if report.phase is Phase.HELD:
            self._add("executions_held", 1, report.reason or OTHER)
        if report.before is Phase.SEALING and report.reconciled is False:
            self._add("reconciliation_mismatches", 1)
        if report.before is Phase.PUBLISHING and report.delay_s is not None:
            self._publish_delay.observe(report.delay_s)

    @record.register
    def _sent(self, report: reports.Sent) -> None:
        self._add("messages_sent", report.messages)
        self._add("files", report.failed, "failed")
        for outcome, files in report.outcomes.items():
            self._add("files", files, outcome)

    @record.register
    def _kept(self, _: reports.Kept) -> None:
        self._add("executions_kept", 1)

    @record.register
    def _notified(self, report: reports.Notified) -> None:
        self._add("notifications_sent", 1, report.phase)

    @record.register
    def _unknown_status(self, _: reports.UnknownStatus) -> None:
        self._add("unknown_statuses", 1)

    @record.register
    def _setback(self, report: reports.Setback) -> None:
        self._add("setbacks", 1, report.loop, report.kind)

    @record.register
    def _lease_lost(self, _: reports.LeaseLost) -> None:
        self._add("leases_lost", 1)

    def _add(self, name: str, amount: float, *values: str) -> None:
        counter, labels = self._counters[name], _closed(COUNTERS[name], values)
        (counter.labels(*labels) if labels else counter).inc(amount)

    def _set(self, name: str, value: float, *values: str) -> None:
        gauge, labels = self._gauges[name], _closed(GAUGES[name], values)
        (gauge.labels(*labels) if labels else gauge).set(value)


def _closed(definition: Definition, values: Sequence[str]) -> list[str]:
    """Return the values as labels, each that is not in its closed set as `other`."""
    return [value if value in known else OTHER for value, known in zip(values, definition.known, strict=True)]
