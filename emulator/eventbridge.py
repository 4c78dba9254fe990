"""Status changes of executions on EventBridge."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from emulator.state import Execution

PutEvents = Callable[..., Awaitable[dict[str, Any]]]


class EventBridge:
    """The default event bus, which receives one event per status.

    Delivery is best effort, as with DataSync itself: a failure is printed and otherwise ignored.
    """

    def __init__(self, put_events: PutEvents) -> None:
        self._put_events = put_events

    async def publish_status(self, execution: Execution) -> None:
        """Send the current status of an execution, in the format of a real event."""
        entry = {
            "Source": "aws.datasync",
            "DetailType": "DataSync Task Execution State Change",
            "Resources": [execution.arn],
            "Detail": json.dumps({"State": execution.status}),
        }
        try:
            response = await self._put_events(Entries=[entry])
        except (ClientError, BotoCoreError) as error:
            print(f"the status event of {execution.arn} was not sent: {error}", flush=True)
            return
        if response["FailedEntryCount"]:
            print(f"the status event of {execution.arn} was not sent: {response['Entries']}", flush=True)
