"""The operations by name, and those of DataSync, CloudWatch Logs and SQS."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import orjson

from benchmarks import workload
from benchmarks.stub.bucket import list_objects_v2
from benchmarks.stub.http import Request
from benchmarks.stub.table import Table
from benchmarks.workload import Workload

Payload = dict[str, Any]
Operation = Callable[[Payload], Payload]

_RECEIPT = {"MessageId": "0" * 36, "MD5OfMessageBody": "0" * 32, "MD5OfMessageAttributes": "0" * 32}
"""An answer as long as SQS's. The SDKs do not check the digests."""


class Aws:
    """One ended execution, its log and its bucket, an empty table and an empty queue."""

    def __init__(self, load: Workload) -> None:
        self._load = load
        self._table = Table()
        self._requests: Counter[str] = Counter()
        self._messages = 0
        self._operations: dict[str, Operation] = {
            "FmrsService.DescribeTaskExecution": self._describe_task_execution,
            "Logs_20140328.DescribeLogStreams": lambda _: {"logStreams": [{"logStreamName": workload.LOG_STREAM}]},
            "Logs_20140328.GetLogEvents": self._get_log_events,
            "DynamoDB_20120810.BatchWriteItem": self._table.batch_write_item,
            "DynamoDB_20120810.GetItem": self._table.get_item,
            "DynamoDB_20120810.PutItem": self._table.put_item,
            "DynamoDB_20120810.Query": self._table.query,
            "DynamoDB_20120810.TransactWriteItems": self._table.transact_write_items,
            "DynamoDB_20120810.UpdateItem": self._table.update_item,
            "AmazonSQS.GetQueueAttributes": lambda _: {"Attributes": {"MaximumMessageSize": "1048576"}},
            "AmazonSQS.SendMessage": self._send_message,
            "AmazonSQS.SendMessageBatch": self._send_message_batch,
        }

    def answer(self, request: Request) -> bytes:
        """Answer an operation; answer `GET /account` with the counts so far."""
        if request.operation == "GET /account":
            return orjson.dumps(
                {"requests": self._requests, "messages": self._messages, "write_units": self._table.write_units}
            )
        if request.operation == f"GET /{workload.BUCKET}":
            self._requests["ListObjectsV2"] += 1
            return list_objects_v2(self._load.files, request.query)
        self._requests[request.operation.rpartition(".")[2]] += 1
        return orjson.dumps(self._operations[request.operation](orjson.loads(request.body)))

    def _describe_task_execution(self, _: Payload) -> Payload:
        return {
            "TaskExecutionArn": workload.EXECUTION_ARN,
            "Status": "SUCCESS",
            "TaskMode": self._load.form,
            "Options": {"VerifyMode": "ONLY_FILES_TRANSFERRED", "LogLevel": "TRANSFER"},
            "StartTime": workload.STARTED_S,
            "EndTime": workload.STARTED_S + 3600,
            "EstimatedFilesToTransfer": self._load.files,
            "FilesTransferred": self._load.files,
            "FilesVerified": self._load.files,
        }

    def _get_log_events(self, payload: Payload) -> Payload:
        """Return a page. The token holds the number of the next line; at the end it is the same again."""
        start = int(payload.get("nextToken", "f/0").removeprefix("f/"))
        page = [{"timestamp": at, "message": line, "ingestionTime": at} for at, line in self._load.page(start)]
        return {
            "events": page,
            "nextForwardToken": f"f/{start + len(page):056d}",
            "nextBackwardToken": f"b/{start:056d}",
        }

    def _send_message(self, _: Payload) -> Payload:
        self._messages += 1
        return _RECEIPT

    def _send_message_batch(self, payload: Payload) -> Payload:
        self._messages += len(payload["Entries"])
        return {"Successful": [{"Id": entry["Id"], **_RECEIPT} for entry in payload["Entries"]]}
