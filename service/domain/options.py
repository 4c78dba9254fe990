"""The operator's choices for a worker, each with its default, its unit and the reason for the default.

`config.Settings` reads them from the environment under the same names; no default of these stands anywhere else.
"""

from dataclasses import dataclass
from enum import StrEnum

DAY_S = 86_400


class CompletenessCheck(StrEnum):
    """The rule by which a log counts as complete."""

    COUNTERS = "counters"
    LOG = "log"


class OnError(StrEnum):
    """The treatment of the verified files of an execution that ended in ERROR."""

    CARRY = "carry"
    PUBLISH = "publish"
    DROP = "drop"


class OnIncomplete(StrEnum):
    """The treatment of an execution whose log never became complete."""

    PUBLISH = "publish"
    HOLD = "hold"


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerOptions:
    """The operator's choices for a worker. Durations are seconds."""

    poll_interval_s: float = 15.0
    """Pause between two discovery passes, and two reads of a running execution's log. A status lasts minutes."""

    lookback_s: float = float(DAY_S)
    """Age, by its start, up to which an execution is processed when its task is first seen. A day bridges a night."""

    settle_s: float = 10.0
    """Time for which a finished execution's log must not grow. CloudWatch Logs shows most lines within seconds."""

    seal_deadline_s: float = 900.0
    """Longest wait for a log that is not complete, and for access that is refused. Late lines came within minutes."""

    reconcile: CompletenessCheck = CompletenessCheck.COUNTERS
    """The rule by which a log counts as complete. DataSync's counters prove more than the log alone."""

    on_error: OnError = OnError.CARRY
    """The treatment of an ERROR's verified files. DataSync does not transfer them again, so they must not be lost."""

    on_incomplete: OnIncomplete = OnIncomplete.PUBLISH
    """The treatment of a log that never became complete. Its verified files are good, and a pipeline waits for them."""

    publish_unchanged: bool = False
    """Whether files that were verified and not transferred are published too. Most pipelines want new files only."""

    check_s3: bool = True
    """Whether each file is looked up in S3 before it is published. Without it nothing proves that the file is there."""

    log_stream_prefix: str = "{task_id}-{execution_id}"
    """Prefix of an execution's log streams. DataSync names them so."""

    retention_days: float = 30
    """Days after which DynamoDB removes a finished execution's items. DataSync itself lists executions for 30 days."""

    max_executions: int = 10
    """Executions that one worker processes at a time. GetLogEvents is paced for the whole process."""

    lease_s: float = 30.0
    """Time after which the execution of a silent worker is taken over. Three missed renewals."""

    drain_s: float = 20.0
    """Time for which work may go on after SIGTERM. ECS sends SIGKILL after 30 s by default."""

    tasks_named: bool = False
    """Whether the operator named the tasks, so that one that cannot work is shown and not ignored."""

    @property
    def retention_s(self) -> int:
        """The retention in seconds."""
        return round(self.retention_days * DAY_S)
