"""Starts an execution of the task `inbox` and prints its ARN."""

import boto3

datasync = boto3.client("datasync")
arn = next(task["TaskArn"] for task in datasync.list_tasks()["Tasks"] if task.get("Name") == "inbox")
print(datasync.start_task_execution(TaskArn=arn)["TaskExecutionArn"])
