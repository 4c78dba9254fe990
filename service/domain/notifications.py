"""The SNS notification of a transition to a phase in which no worker has anything to do."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from service.domain.execution import Execution
from service.domain.names import TaskId
from service.domain.views import execution_view

MAX_SUBJECT = 99
"""The limit of a subject, in characters: https://docs.aws.amazon.com/sns/latest/api/API_Publish.html"""


@dataclass(frozen=True, slots=True)
class Notification:
    """A notification that is ready to be published. Subscriptions can filter by its `attributes`."""

    id: str
    task_id: TaskId
    subject: str
    body: str
    attributes: Mapping[str, str]


def notification(outbox_id: str, execution: Execution) -> Notification:
    """Return the notification of a transition, from the execution as it was right after it.

    Every sending of the notification has the transition's `outbox_id`, and no other notification has it.
    """
    phase, reason = execution.phase.value, execution.reason
    subject = f"{execution.id} is {phase}" + (f" ({reason.value})" if reason else "")
    attributes = {"id": outbox_id, "task_id": execution.task_id, "execution_id": execution.id, "phase": phase}
    return Notification(
        id=outbox_id,
        task_id=execution.task_id,
        subject=subject[:MAX_SUBJECT],
        # ASCII, which every kind of subscription accepts.
        body=json.dumps(execution_view(execution)),
        attributes=attributes | ({"reason": reason.value} if reason else {}),
    )
