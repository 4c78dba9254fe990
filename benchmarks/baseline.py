"""The baseline: one UpdateItem and one SendMessage for each file, with plain boto3.

AWS's sample of this kind does that in a function that receives log lines. The baseline does not read the log, does
not look files up in S3, and does nothing to be complete.
"""

import json

import boto3

from benchmarks import workload
from benchmarks.stopwatch import Stopwatch
from benchmarks.workload import Workload


def measure(load: Workload, watch: Stopwatch) -> None:
    dynamodb, sqs = boto3.client("dynamodb"), boto3.client("sqs")
    queue_url = workload.queue_url(dynamodb.meta.endpoint_url)
    with watch.phase("baseline"):
        for file in range(load.files):
            path = workload.path(file)
            dynamodb.update_item(
                TableName=workload.TABLE,
                Key={"pk": {"S": workload.EXECUTION_ID}, "sk": {"S": path}},
                UpdateExpression="SET transferred_state = :true, verified_state = :true",
                ExpressionAttributeValues={":true": {"S": "true"}},
            )
            body = {
                "log_stream": workload.LOG_STREAM,
                "fileName": f"/{path}",
                "s3uri": f"s3://{workload.BUCKET}/{workload.PREFIX}{path}",
                "state": {"transferred_state": "true", "verified_state": "true", "completed_state": "true"},
            }
            sqs.send_message(QueueUrl=queue_url, MessageBody=json.dumps(body))
