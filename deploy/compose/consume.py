"""A consumer of the queue: prints each message's body as a line, deletes it, and ends once none has come for a while.

A message may come twice, with the same `id`. This one prints what it has not seen; a real one keeps the ids of what it
has done beside its work, and deletes a message only after that.
"""

import argparse
import json

import boto3

options = argparse.ArgumentParser(description=__doc__)
options.add_argument("--wait-s", type=int, default=10, help="how long to wait for a message, up to 20")
wait_s = options.parse_args().wait_s

sqs = boto3.client("sqs")
url = sqs.get_queue_url(QueueName="inbox-files")["QueueUrl"]
seen = set()
while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=wait_s).get("Messages"):
    for message in messages:
        body = json.loads(message["Body"])
        if body["id"] not in seen:
            seen.add(body["id"])
            print(message["Body"], flush=True)
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
