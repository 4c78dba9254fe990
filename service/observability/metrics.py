"""All metrics: their names, units, labels and meaning stand in the two tables and the histogram below.

Every label has a closed set of values, each of which is there from the start as 0, so that the first event is a rate.
What is not in the set counts as `other`: no path, ARN or id can become a label.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, singledispatchmethod
from itertools import product
from time import time
from types import MappingProxyType
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
from service.domain.execution import Outcome
from service.domain.facts import FactKind, Unknown
from service.domain.names import TaskMode
from service.domain.phases import Phase, Reason

MetricT = TypeVar("MetricT", bound=Counter | Gauge)

NAMESPACE = "datasync_trigger"
OTHER = "other"

OPERATIONS: Mapping[str, Sequence[str]] = MappingProxyType(
    {
        service: operations.split()
        for service, operations in {
            "datasync": """
                ListTasks ListTagsForResource DescribeTask DescribeLocationS3 ListTaskExecutions DescribeTaskExecution
            """,
            "logs": "DescribeLogStreams GetLogEvents",
            "dynamodb": """
                BatchGetItem BatchWriteItem DescribeTable GetItem PutItem Query TransactWriteItems UpdateItem
            """,
            "sqs": "GetQueueAttributes SendMessageBatch",
            "s3": "HeadBucket HeadObject ListObjectsV2",
        }.items()
    },
)
"""What a worker calls in AWS."""

REQUEST_OUTCOMES = ("ok", "throttled", "client_error", "server_error", "connection_error")
SETBACK_KINDS = ("transient", "conflict", "absent", "denied", "rejected", "bug")
LINE_KINDS = ("fact", "known", "unknown")


@dataclass(frozen=True)
class Definition:
    """What a metric means, its labels, and the values that they take together."""

    help: str
    labels: tuple[str, ...] = ()
    series: Sequence[tuple[str, ...]] = ()

    @cached_property
    def known(self) -> Sequence[frozenset[str]]:
        """The values of each label."""
        return [frozenset(values) for values in zip(*self.series, strict=True)]


COUNTERS: Mapping[str, Definition] = MappingProxyType(
    {
        "log_lines": Definition(
            "Lines of DataSync's logs that were read, again for each pass.",
            ("mode", "kind"),
            list(product(TaskMode, LINE_KINDS)),
        ),
        "log_lines_unknown": Definition("Lines that were not understood, by why.", ("kind",), list(product(Unknown))),
        "log_pages": Definition("Pages of DataSync's logs that were read, empty ones too."),
        "facts": Definition("Facts that log lines stated, again for each pass.", ("kind",), list(product(FactKind))),
        "files": Definition(
            "Files that were decided on when their execution was published.",
            ("outcome",),
            list(product([*Outcome, "failed"])),
        ),
        "messages_sent": Definition("Messages that the queue has acknowledged, repetitions included."),
        "executions_registered": Definition("Executions that were seen for the first time and taken on."),
        "executions_moved": Definition(
            "Transitions of executions, by the phase they led to.", ("phase",), list(product(Phase))
        ),
        "executions_held": Definition(
            "Executions that were set aside for a person.", ("reason",), list(product(Reason))
        ),
        "executions_kept": Definition(
            "Executions that have waited for half of their retention and were given the whole of it once more."
        ),
        "reconciliation_mismatches": Definition("Executions whose log did not add up to DataSync's counters."),
        "unknown_statuses": Definition("Statuses of executions that DataSync's API model does not list."),
        "setbacks": Definition(
            "Rounds of a loop that did not work out, by kind of trouble; bug is a fault of this service.",
            ("loop", "kind"),
            list(product(reports.LOOPS, SETBACK_KINDS)),
        ),
        "leases_lost": Definition("Leases that this worker lost before it had given them back."),
        "aws_requests": Definition(
            "Attempts at requests to AWS, retries included.",
            ("service", "operation", "outcome"),
            [
                (service, operation, outcome)
                for service, operations in OPERATIONS.items()
                for operation in operations
                for outcome in REQUEST_OUTCOMES
            ],
        ),
    },
)
"""Their names as exposed end in `_total`."""

GAUGES: Mapping[str, Definition] = MappingProxyType(
    {
        "build_info": Definition("1 for the version that runs.", ("version",), [(__version__,)]),
        "executions": Definition("Executions in the table, by phase.", ("phase",), list(product(Phase))),
        "tasks": Definition(
            "Tasks that the service looks after, as of this worker's last sweep; 0 if it does not sweep."
        ),
        "leases_held": Definition("Leases that this worker holds: one per execution, and one if it sweeps."),
        "oldest_unpublished_age_seconds": Definition(
            "Time since the end of the execution that has waited longest for its messages; 0 if none waits."
        ),
        "last_sweep_timestamp_seconds": Definition(
            "Unix time of this worker's last look over all tasks; 0 if another worker sweeps."
        ),
    },
)

PUBLISH_DELAY_BUCKETS_S = (1, 2, 5, 10, 15, 20, 30, 45, 60, 90, 120, 300, 600, 900, 1800, 3600)


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
