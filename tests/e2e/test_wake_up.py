"""A worker that polls every ten minutes and receives a wake-up in between."""

import asyncio
import json

from service.worker.wake import MIN_INTERVAL_S
from tests.e2e.conftest import REGION, eventually

STOPS_WITHIN_S = 5.0
"""Much less than the long poll of the wake queue (20 s) and the drain time (20 s)."""


def state_change_event(execution_arn):
    """Return the event that EventBridge sends to the queue for a state change of DataSync."""
    return {
        "version": "0",
        "id": "f7c1ece4-518a-761b-edef-aef6c305b69a",
        "detail-type": "DataSync Task Execution State Change",
        "source": "aws.datasync",
        "account": "123456789012",
        "time": "2026-01-02T03:04:05Z",
        "region": REGION,
        "resources": [execution_arn],
        "detail": {"State": "SUCCESS"},
    }


async def test_wake_up_publishes_long_before_the_next_poll_and_does_not_delay_a_stop(deployment):
    sqs = deployment.clients["sqs"]
    url = (await sqs.create_queue(QueueName=f"wake-ups-{deployment.folder.name}"))["QueueUrl"]
    worker = await deployment.worker(TRIGGER_POLL_INTERVAL_S="600", TRIGGER_WAKE_QUEUE_URL=url)

    async def has_polled():
        return (await worker.get("/readyz"))[0] == 200

    await eventually(has_polled)
    deployment.write("a.csv", "b.csv")
    arn, _ = await deployment.execute()
    assert await worker.get("/api/executions") == (200, {"executions": []})
    await sqs.send_message(QueueUrl=url, MessageBody=json.dumps(state_change_event(arn)))
    await deployment.phase(worker, arn, "PUBLISHED")
    assert sorted(message["fileName"] for message in await deployment.receive(2)) == ["/a.csv", "/b.csv"]

    async def wakes_are_over():
        _, health = await worker.get("/healthz")
        _, _, ago_s, *_ = health["checks"]["wake"]["detail"].split()
        return int(ago_s) > MIN_INTERVAL_S

    await eventually(wakes_are_over)
    assert await asyncio.wait_for(worker.stop(), STOPS_WITHIN_S) == 0
