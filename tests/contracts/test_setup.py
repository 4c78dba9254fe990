"""The table and the queues that `init` creates: ready, and unchanged when it runs again."""

import json

import pytest

from service.adapters.aws.setup import create_queue, create_table
from service.adapters.aws.sqs import SqsQueue
from service.adapters.aws.table import Table
from service.domain.errors import NotFoundError


async def test_table_is_created_once_and_ready(aws, unique):
    assert await create_table(aws.dynamodb, unique)
    assert not await create_table(aws.dynamodb, unique)
    assert unique in await Table(aws.dynamodb, unique).check()
    ttl = await aws.dynamodb.describe_time_to_live(TableName=unique)
    assert ttl["TimeToLiveDescription"] == {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires_at"}
    backups = await aws.dynamodb.describe_continuous_backups(TableName=unique)
    recovery = backups["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]
    assert recovery["PointInTimeRecoveryStatus"] == "ENABLED"
    table = (await aws.dynamodb.describe_table(TableName=unique))["Table"]
    assert table["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"


async def test_missing_table_is_not_found_with_the_remedy(aws, unique):
    with pytest.raises(NotFoundError, match=f"no table {unique}.*`datasync-trigger init`.*TRIGGER_TABLE_NAME"):
        await Table(aws.dynamodb, unique).check()


async def test_table_of_another_layout_is_not_accepted(aws, unique):
    await aws.dynamodb.create_table(
        TableName=unique,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
    )
    with pytest.raises(NotFoundError, match=f"{unique} does not belong to this service"):
        await create_table(aws.dynamodb, unique)


@pytest.mark.parametrize("suffix", ["", ".fifo"])
async def test_queue_is_created_once_with_its_dead_letter_queue(aws, unique, suffix):
    url = await create_queue(aws.sqs, unique + suffix)
    assert await create_queue(aws.sqs, unique + suffix) == url
    assert url in await SqsQueue(aws.sqs, url).check()
    attributes = (await aws.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"]))["Attributes"]
    assert attributes["MessageRetentionPeriod"] == "1209600"
    assert attributes["SqsManagedSseEnabled"] == "true"
    assert attributes.get("FifoQueue") == ("true" if suffix else None)
    redrive = json.loads(attributes["RedrivePolicy"])
    assert redrive["maxReceiveCount"] == 5
    dead_letters = await aws.sqs.get_queue_url(QueueName=f"{unique}-dead-letters{suffix}")
    theirs = await aws.sqs.get_queue_attributes(QueueUrl=dead_letters["QueueUrl"], AttributeNames=["All"])
    assert theirs["Attributes"]["QueueArn"] == redrive["deadLetterTargetArn"]
    assert theirs["Attributes"]["MessageRetentionPeriod"] == "1209600"


async def test_existing_queue_is_not_changed(aws, unique):
    url = (await aws.sqs.create_queue(QueueName=unique, Attributes={"VisibilityTimeout": "7"}))["QueueUrl"]
    assert await create_queue(aws.sqs, unique) == url
    attributes = (await aws.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"]))["Attributes"]
    assert attributes["VisibilityTimeout"] == "7"
    assert "RedrivePolicy" not in attributes


async def test_existing_dead_letter_queue_is_used(aws, unique):
    await aws.sqs.create_queue(QueueName=f"{unique}-dead-letters")
    url = await create_queue(aws.sqs, unique)
    attributes = (await aws.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"]))["Attributes"]
    assert json.loads(attributes["RedrivePolicy"])["deadLetterTargetArn"].endswith(f"{unique}-dead-letters")
