"""A consumer of the queue: print each message's body as a line, delete it, and end when none arrives for a while.

A message may arrive twice, with the same `id`, and this consumer prints it once. A real consumer stores the ids of
processed messages together with its results, and deletes a message after that.
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
