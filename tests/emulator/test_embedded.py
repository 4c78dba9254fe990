import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from emulator.embedded import SerializedDynamoDb

TOGETHER = 2


class Application:
    """An application in which each request waits for another; counts the requests that met one."""

    def __init__(self):
        self.meeting = threading.Barrier(TOGETHER)
        self.met = 0

    def __call__(self, _environ, _start_response):
        try:
            self.meeting.wait(0.2)
        except threading.BrokenBarrierError:
            return []
        self.met += 1
        return []


@pytest.mark.parametrize(
    ("target", "met"), [("DynamoDB_20120810.UpdateItem", 0), ("AmazonSQS.ReceiveMessage", TOGETHER)]
)
def test_only_requests_to_dynamodb_are_handled_one_at_a_time(target, met):
    application = Application()
    served = SerializedDynamoDb(application)
    with ThreadPoolExecutor() as clients:
        list(clients.map(lambda _: served({"HTTP_X_AMZ_TARGET": target}, None), range(TOGETHER)))
    assert application.met == met
