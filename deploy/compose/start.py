"""The start of an execution of the task `inbox`. It prints the execution's ARN."""

import boto3

datasync = boto3.client("datasync")
arn = next(task["TaskArn"] for task in datasync.list_tasks()["Tasks"] if task.get("Name") == "inbox")
print(datasync.start_task_execution(TaskArn=arn)["TaskExecutionArn"])
