"""The news of the service and of the queue, printed as it comes."""

import asyncio
import time

from emulator.demo.environment import Environment
from emulator.demo.output import Output

LOOK_INTERVAL_S = 0.2

QUIET_S = 1.0
"""How long the queue must stay empty until a scenario's messages are counted."""


class Watcher:
    """Asks the service and the queue, and prints the news."""

    def __init__(self, environment: Environment, output: Output) -> None:
        self._environment = environment
        self._output = output
        self._received = 0

    async def look(self, *, whole_messages: bool = False) -> None:
        """Ask both once. Messages are deleted from the queue."""
        messages = await self._receive(wait_s=0)
        async with self._environment.http.get(f"{self._environment.worker_url}/api/executions") as response:
            executions = list(reversed((await response.json())["executions"]))
        published = [execution for execution in executions if execution["phase"] == "PUBLISHED"]
        for execution in executions:
            if execution not in published:
                self._output.print_execution(execution)
        # Each message is printed after PUBLISHING and before PUBLISHED, the order in which the service works.
        for message in [*messages, *(await self._receive(wait_s=0))]:
            self._output.print_message(message, whole=whole_messages)
        for execution in published:
            self._output.print_execution(execution)

    async def watch(self) -> None:
        """Look until cancelled, and print whole messages."""
        while True:
            await self.look(whole_messages=True)
            await asyncio.sleep(LOOK_INTERVAL_S)

    async def look_until_quiet(self) -> int:
        """Receive until the queue stays empty, and return how many messages came since the last call."""
        deadline_s = time.monotonic() + QUIET_S
        while time.monotonic() < deadline_s:
            for message in await self._receive(wait_s=1):
                self._output.print_message(message)
                deadline_s = time.monotonic() + QUIET_S
        received, self._received = self._received, 0
        return received

    async def _receive(self, *, wait_s: int) -> list[str]:
        url, sqs = self._environment.queue_url, self._environment.sqs
        response = await sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=wait_s)
        messages = response.get("Messages", [])
        for message in messages:
            await sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        self._received += len(messages)
        return [str(message["Body"]) for message in messages]
