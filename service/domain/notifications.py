"""The notification that goes out when an execution comes to rest: contract, section 3."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from service.domain.execution import Execution
from service.domain.names import TaskId
from service.domain.views import execution_view

MAX_SUBJECT = 99
"""In characters, https://docs.aws.amazon.com/sns/latest/api/API_Publish.html"""


@dataclass(frozen=True, slots=True)
class Notification:
    """One notification, ready to be published. `attributes` are what subscriptions can filter by."""

    id: str
    task_id: TaskId
    subject: str
    body: str
    attributes: Mapping[str, str]


def notification(announcement: str, execution: Execution) -> Notification:
    """Make the notification of a transition, from the execution as it was right after it.

    `announcement` is the transition's id: every sending of the notification bears it, and no other one does.
    """
    name, phase, reason = execution.name, execution.phase.value, execution.reason
    subject = f"{name.execution_id} is {phase}" + (f" ({reason.value})" if reason else "")
    attributes = {"id": announcement, "task_id": name.task_id, "execution_id": name.execution_id, "phase": phase}
    return Notification(
        id=announcement,
        task_id=name.task_id,
        subject=subject[:MAX_SUBJECT],
        # In ASCII, which every kind of subscription takes.
        body=json.dumps(execution_view(execution)),
        attributes=attributes | ({"reason": reason.value} if reason else {}),
    )
