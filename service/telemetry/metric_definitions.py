"""The definitions of all metrics: names, units, labels and meaning, in two tables and a histogram.

Every label has a closed set of values.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from types import MappingProxyType

from service import __version__
from service.domain import observations
from service.domain.error_policy import RESOURCE_OF
from service.domain.errors import ERROR_KINDS
from service.domain.execution import Outcome
from service.domain.facts import FactKind, UnparsedReason
from service.domain.names import TaskMode
from service.domain.phases import ACTIVE_PHASES, Phase, Reason

REQUEST_OUTCOMES = ("ok", "throttled", "client_error", "server_error", "connection_error")
FAILURE_KINDS = (*ERROR_KINDS, "internal")
LINE_KINDS = ("fact", "known", "unknown")


@dataclass(frozen=True)
class Definition:
    """The meaning of a metric, its labels, and the combinations of their values."""

    help: str
    labels: tuple[str, ...] = ()
    series: Sequence[tuple[str, ...]] = ()

    @cached_property
    def known(self) -> Sequence[frozenset[str]]:
        """The closed set of values of each label."""
        return [frozenset(values) for values in zip(*self.series, strict=True)]


COUNTERS: Mapping[str, Definition] = MappingProxyType(
    {
        "log_lines": Definition(
            "Lines of DataSync's logs that were read, again for each pass.",
            ("mode", "kind"),
            list(product(TaskMode, LINE_KINDS)),
        ),
        "log_lines_unparsed": Definition(
            "Lines that could not be parsed, by reason.", ("reason",), list(product(UnparsedReason))
        ),
        "log_pages": Definition("Pages of DataSync's logs that were read, including empty ones."),
        "facts": Definition("Log lines that state a fact, again for each pass.", ("kind",), list(product(FactKind))),
        "files": Definition(
            "Files that were decided when their execution was published.",
            ("outcome",),
            list(product([*Outcome, "failed"])),
        ),
        "messages_sent": Definition("Messages that the queue has acknowledged, including repeated ones."),
        "notifications_sent": Definition(
            "Notifications that the topic has accepted, by the execution's phase.",
            ("phase",),
            [(phase,) for phase in Phase if phase not in ACTIVE_PHASES],
        ),
        "executions_registered": Definition("Executions that were seen for the first time and registered."),
        "phase_transitions": Definition(
            "Transitions of executions, by the phase that they led to.", ("phase",), list(product(Phase))
        ),
        "executions_held": Definition(
            "Transitions of executions to HELD, by reason.", ("reason",), list(product(Reason))
        ),
        "retention_extensions": Definition(
            "Extensions of an unfinished execution's retention, because half of it had passed."
        ),
        "reconciliation_mismatches": Definition("Executions whose log did not match DataSync's counters."),
        "unknown_statuses": Definition("Statuses of executions that DataSync's API model does not list."),
        "tick_failures": Definition(
            "Ticks of a loop that failed, by kind of error; internal is a bug of this service.",
            ("loop", "kind"),
            list(product(observations.LOOPS, FAILURE_KINDS)),
        ),
        "leases_lost": Definition("Leases that this worker lost before it had released them."),
        "aws_requests": Definition(
            "Attempts at requests to AWS, retries included.",
            ("service", "operation", "outcome"),
            [(*operation.split("."), outcome) for operation, outcome in product(RESOURCE_OF, REQUEST_OUTCOMES)],
        ),
    },
)
"""The counters. Their exposed names end in `_total`."""

GAUGES: Mapping[str, Definition] = MappingProxyType(
    {
        "build_info": Definition("1 for the version that runs.", ("version",), [(__version__,)]),
        "executions": Definition("Executions in the table, by phase.", ("phase",), list(product(Phase))),
        "tasks": Definition(
            "Tasks that the service processes, as of this worker's last discovery; 0 if it does not discover."
        ),
        "leases_held": Definition("Leases that this worker owns: one per execution, and one if it discovers."),
        "oldest_unpublished_age_seconds": Definition(
            "Time since the end of the execution that has waited longest for its messages; 0 if none waits."
        ),
        "last_discovery_timestamp_seconds": Definition(
            "Unix time of this worker's last discovery pass; 0 if another worker discovers."
        ),
    },
)
"""The gauges."""

PUBLISH_DELAY_BUCKETS_S = (1, 2, 5, 10, 15, 20, 30, 45, 60, 90, 120, 300, 600, 900, 1800, 3600)
