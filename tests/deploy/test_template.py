"""The CloudFormation template: what CloudFormation makes of it is what the service needs."""

import asyncio
import json
import re
import urllib.error
import urllib.request

import pytest
from cfnlint.api import lint_all

from service.adapters.aws.setup import create_queue, create_table
from service.config import load
from service.worker.supervisor import RELEASE_TIMEOUT_S
from tests.contracts.servers import a_process, an_emulator, clients_of
from tests.deploy.conftest import KEY, TASKS, TEMPLATE


def test_cfn_lint_finds_nothing():
    found = [match for match in lint_all(TEMPLATE.read_text()) if match.rule.severity != "informational"]
    assert [f"{match.rule.id} line {match.linenumber}: {match.message}" for match in found] == []


async def test_the_table_is_the_one_that_init_makes(stack, resources):
    async with clients_of(stack.url) as aws:
        await create_table(aws.dynamodb, "made-by-init")
        assert await _table(aws.dynamodb, stack.outputs["TableName"]) == await _table(aws.dynamodb, "made-by-init")
        ttl = (await aws.dynamodb.describe_time_to_live(TableName="made-by-init"))["TimeToLiveDescription"]
    # moto makes tables without these two.
    table = resources["Table"]["Properties"]
    assert table["TimeToLiveSpecification"] == {"AttributeName": ttl["AttributeName"], "Enabled": True}
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}


async def _table(client, name):
    about = (await client.describe_table(TableName=name))["Table"]
    return {
        "keys": about["KeySchema"],
        "attributes": sorted(map(str, about["AttributeDefinitions"])),
        "billing": about["BillingModeSummary"]["BillingMode"],
        "indexes": [
            (index["IndexName"], index["KeySchema"], index["Projection"]) for index in about["GlobalSecondaryIndexes"]
        ],
    }


@pytest.mark.parametrize("suffix", ["", ".fifo"])
async def test_the_queues_are_those_that_init_makes(stack, other_stack, suffix):
    made = other_stack if suffix else stack
    async with clients_of(stack.url) as aws:
        await create_queue(aws.sqs, f"init{suffix}")
        for output, name in [("QueueUrl", f"init{suffix}"), ("DeadLetterQueueUrl", f"init-dead-letters{suffix}")]:
            url = (await aws.sqs.get_queue_url(QueueName=name))["QueueUrl"]
            assert await _queue(aws.sqs, made.outputs[output]) == await _queue(aws.sqs, url)


async def _queue(client, url):
    attributes = (await client.get_queue_attributes(QueueUrl=url, AttributeNames=["All"]))["Attributes"]
    redrive = json.loads(attributes.get("RedrivePolicy", "{}"))
    return {
        "kept_s": attributes["MessageRetentionPeriod"],
        "fifo": attributes.get("FifoQueue"),
        "receives": redrive.get("maxReceiveCount"),
        "dead_letters": redrive.get("deadLetterTargetArn", "").rpartition("-")[2],
    }


@pytest.mark.parametrize("output", ["QueueUrl", "DeadLetterQueueUrl"])
def test_queues_are_encrypted_by_sqs_itself_or_with_the_key_that_is_given(stack, other_stack, output):
    assert _attributes(stack, output)["SqsManagedSseEnabled"] == "true"
    assert "KmsMasterKeyId" not in _attributes(stack, output)
    assert _attributes(other_stack, output)["KmsMasterKeyId"] == KEY


def _attributes(stack, output):
    answer = stack.client("sqs").get_queue_attributes(QueueUrl=stack.outputs[output], AttributeNames=["All"])
    return answer["Attributes"]


@pytest.mark.parametrize("queue", ["Queue", "DeadLetterQueue", "WakeQueue"])
def test_no_queue_takes_messages_without_tls(resources, queue):
    properties = resources[f"{queue}Policy"]["Properties"]
    statement, *_ = properties["PolicyDocument"]["Statement"]
    assert properties["Queues"] == [{"!Ref": queue}]
    assert statement["Resource"] == {"!GetAtt": f"{queue}.Arn"}
    assert (statement["Effect"], statement["Principal"], statement["Action"]) == ("Deny", "*", "sqs:*")
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_the_rule_alone_may_send_wake_ups(resources):
    _, statement = resources["WakeQueuePolicy"]["Properties"]["PolicyDocument"]["Statement"]
    assert statement == {
        "Sid": "TheRule",
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": {"!GetAtt": "WakeQueue.Arn"},
        "Condition": {"ArnEquals": {"aws:SourceArn": {"!GetAtt": "StateChanges.Arn"}}},
    }


def test_the_wake_queue_keeps_what_is_no_secret_for_a_few_minutes(stack, other_stack):
    for each in (stack, other_stack):
        answer = each.client("sqs").get_queue_attributes(QueueUrl=_wake_queue(each), AttributeNames=["All"])
        assert answer["Attributes"]["SqsManagedSseEnabled"] == "true"
        assert "KmsMasterKeyId" not in answer["Attributes"]
        assert answer["Attributes"]["MessageRetentionPeriod"] == "300"


def _wake_queue(stack):
    return stack.environment["TRIGGER_WAKE_QUEUE_URL"]


@pytest.mark.parametrize(
    ("kind", "resource", "wakes"),
    [
        ("DataSync Task Execution State Change", f"{TASKS[0]}/execution/exec-0123456789abcdef0", True),
        ("DataSync Task State Change", TASKS[0], False),
    ],
)
def test_state_changes_of_executions_wake_the_workers(stack, kind, resource, wakes):
    event = {"Source": "aws.datasync", "DetailType": kind, "Resources": [resource], "Detail": '{"State": "SUCCESS"}'}
    stack.client("events").put_events(Entries=[event])
    assert bool(_received(stack)) == wakes


def _received(stack):
    sqs, url = stack.client("sqs"), _wake_queue(stack)
    messages = sqs.receive_message(QueueUrl=url).get("Messages", [])
    for message in messages:
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return messages


def test_there_is_a_topic_where_notifications_are_wanted_and_none_elsewhere(stack, other_stack):
    topic = other_stack.outputs["NotificationTopicArn"]
    assert load(other_stack.environment).notification_topic_arn == topic
    assert topic == other_stack.resources["NotificationTopic"]
    assert load(stack.environment).notification_topic_arn is None
    assert not {"NotificationTopic", "NotificationTopicPolicy"} & stack.resources.keys()
    assert "NotificationTopicArn" not in stack.outputs


def test_the_topic_is_encrypted_by_sns_itself_or_with_the_key_that_is_given(other_stack, resources):
    topic = other_stack.outputs["NotificationTopicArn"]
    attributes = other_stack.client("sns").get_topic_attributes(TopicArn=topic)["Attributes"]
    assert attributes["KmsMasterKeyId"] == KEY
    key = resources["NotificationTopic"]["Properties"]["KmsMasterKeyId"]
    assert key == {"!If": ["HasKey", {"!Ref": "KmsKeyArn"}, "alias/aws/sns"]}


def test_the_topic_takes_nothing_without_tls(resources):
    properties = resources["NotificationTopicPolicy"]["Properties"]
    (statement,) = properties["PolicyDocument"]["Statement"]
    assert properties["Topics"] == [{"!Ref": "NotificationTopic"}]
    assert statement["Resource"] == {"!Ref": "NotificationTopic"}
    assert (statement["Effect"], statement["Principal"], statement["Action"]) == ("Deny", "*", "sns:Publish")
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


async def test_a_worker_is_ready_with_what_the_stack_gives_it(stack, tmp_path):
    with an_emulator(tmp_path, stack.url) as datasync:
        environment = {
            **stack.environment,
            "AWS_ENDPOINT_URL": stack.url,
            "AWS_ENDPOINT_URL_DATASYNC": datasync,
            "TRIGGER_HTTP_HOST": "127.0.0.1",
            "TRIGGER_HTTP_PORT": "0",
            "TRIGGER_POLL_INTERVAL_S": "0.2",
        }
        with a_process(["service", "run"], "stdout", r'"http_started".*"port":(\d+)', **environment) as port:
            assert await asyncio.to_thread(_ready, f"http://127.0.0.1:{port}/readyz")


def _ready(url):
    """Ask a real process, a bounded number of times, each of which takes the time of an answer."""
    for _ in range(2000):
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                return answer.status == 200
        except urllib.error.HTTPError as error:
            error.close()
    return False


def test_the_container_s_settings_are_settings_with_the_contract_s_defaults(stack, other_stack):
    settings = load(stack.environment)
    assert list(settings.task_arns) == TASKS
    everywhere = load(other_stack.environment)
    assert everywhere.task_arns == ()
    assert everywhere.queue_url.endswith(".fifo")
    chosen = {"queue_url", "wake_queue_url", "table_name", "notification_topic_arn"}
    defaults = load({"TRIGGER_QUEUE_URL": everywhere.queue_url})
    assert everywhere.model_dump(exclude=chosen) == defaults.model_dump(exclude=chosen)


def test_ecs_waits_longer_for_the_end_than_the_worker_takes(stack):
    assert stack.container["stopTimeout"] > load(stack.environment).drain_s + RELEASE_TIMEOUT_S
    assert stack.container["stopTimeout"] <= 120, "Fargate waits no longer"


def test_the_container_is_confined(stack):
    assert stack.container["readonlyRootFilesystem"]
    assert stack.container["user"] == "10001:10001"
    assert stack.container["linuxParameters"]["capabilities"] == {"drop": ["ALL"]}


def test_an_existing_cluster_is_used_and_none_is_made(stack, other_stack):
    assert other_stack.outputs["Cluster"] == "theirs"
    assert "Cluster" in stack.resources
    assert "Cluster" not in other_stack.resources


def test_what_the_readme_names_is_in_the_template():
    readme = (TEMPLATE.parent / "README.md").read_text()
    parameters, resources, outputs = (
        TEMPLATE.read_text().partition(f"\n{part}:\n")[2] for part in ("Parameters", "Resources", "Outputs")
    )
    named = {
        parameters: re.findall(r"\b((?!AWS|TRIGGER)[A-Z][a-z]\w+)=(?!=)", readme),
        resources: re.findall(r"\w+Alarm\b", readme),
        outputs: re.findall(r"\$\(output (\w+)\)", readme),
    }
    for text, names in named.items():
        assert names
        assert not [name for name in names if f"  {name}:\n" not in text]
