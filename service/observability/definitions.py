"""The definitions of all metrics: names, units, labels and meaning, in two tables and a histogram.

Every label has a closed set of values.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from types import MappingProxyType

from service import __version__
from service.domain import reports
from service.domain.execution import Outcome
from service.domain.facts import FactKind, Unknown
from service.domain.names import TaskMode
from service.domain.phases import OPEN, Phase, Reason

OPERATIONS: Mapping[str, Sequence[str]] = MappingProxyType(
    {
        service: operations.split()
        for service, operations in {
            "datasync": """
                ListTasks ListTagsForResource DescribeTask DescribeLocationS3 ListTaskExecutions DescribeTaskExecution
            """,
            "logs": "DescribeLogStreams GetLogEvents",
            "dynamodb": """
                BatchGetItem BatchWriteItem DeleteItem DescribeTable GetItem PutItem Query TransactWriteItems
                UpdateItem
            """,
            "sqs": "DeleteMessageBatch GetQueueAttributes ReceiveMessage SendMessageBatch",
            "s3": "HeadBucket HeadObject ListObjectsV2",
            "sns": "Publish",
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
        "notifications_sent": Definition(
            "Notifications that the topic has taken, by the phase that they announced.",
            ("phase",),
            [(phase,) for phase in Phase if phase not in OPEN],
        ),
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
