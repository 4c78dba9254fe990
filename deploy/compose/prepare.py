"""The resources that DataSync needs: a bucket, a log group, two locations and the task `inbox`. Safe to repeat."""

import boto3

ACCOUNT = "000000000000"
BUCKET, PREFIX = "landing", "incoming"
LOG_GROUP = "/aws/datasync/inbox"
TASK = "inbox"

s3, logs, datasync = map(boto3.client, ("s3", "logs", "datasync"))
region = s3.meta.region_name

if BUCKET not in {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]}:
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": region})
if not logs.describe_log_groups(logGroupNamePrefix=LOG_GROUP)["logGroups"]:
    logs.create_log_group(logGroupName=LOG_GROUP)
if TASK not in {task.get("Name") for task in datasync.list_tasks()["Tasks"]}:
    source = datasync.create_location_nfs(
        ServerHostname="nas",  # the emulator's /shares/nas/inbox is ./inbox
        Subdirectory="/inbox",
        OnPremConfig={"AgentArns": [f"arn:aws:datasync:{region}:{ACCOUNT}:agent/agent-0123456789abcdef0"]},
    )
    destination = datasync.create_location_s3(
        S3BucketArn=f"arn:aws:s3:::{BUCKET}",
        Subdirectory=f"/{PREFIX}",
        S3Config={"BucketAccessRoleArn": f"arn:aws:iam::{ACCOUNT}:role/datasync"},
    )
    datasync.create_task(
        Name=TASK,
        SourceLocationArn=source["LocationArn"],
        DestinationLocationArn=destination["LocationArn"],
        CloudWatchLogGroupArn=f"arn:aws:logs:{region}:{ACCOUNT}:log-group:{LOG_GROUP}:*",
        Options={"LogLevel": "TRANSFER", "VerifyMode": "ONLY_FILES_TRANSFERRED"},
        Excludes=[{"FilterType": "SIMPLE_PATTERN", "Value": "/.gitignore"}],
    )
print(f"task {TASK}: inbox/ to s3://{BUCKET}/{PREFIX}/, log in {LOG_GROUP}")
