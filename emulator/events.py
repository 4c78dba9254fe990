"""Status changes on EventBridge."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from emulator.state import Execution

PutEvents = Callable[..., Awaitable[dict[str, Any]]]


class EventBridge:
    """Puts one event per status on the default bus; best effort, as DataSync's are: what fails is noted and let go."""

    def __init__(self, put_events: PutEvents) -> None:
        self._put_events = put_events

    async def announce(self, execution: Execution) -> None:
        """Sends the status that an execution has now, in the form of a real event."""
        entry = {
            "Source": "aws.datasync",
            "DetailType": "DataSync Task Execution State Change",
            "Resources": [execution.arn],
            "Detail": json.dumps({"State": execution.status}),
        }
        try:
            answer = await self._put_events(Entries=[entry])
        except (ClientError, BotoCoreError) as error:
            print(f"no event on {execution.arn}: {error}", flush=True)
            return
        if answer["FailedEntryCount"]:
            print(f"no event on {execution.arn}: {answer['Entries']}", flush=True)
