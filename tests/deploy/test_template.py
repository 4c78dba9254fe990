"""The CloudFormation template: its stack is what the service needs."""

import asyncio
import json
import re
import urllib.error
import urllib.request

import pytest
from cfnlint.api import lint_all

from service.adapters.aws.items import BY_PHASE, BY_START, INDEXED_ATTRIBUTES
from service.adapters.aws.setup import create_queue, create_table
from service.config import LogLevel, Settings, load
from service.domain.options import OnError, OnIncomplete
from service.worker.supervisor import RELEASE_TIMEOUT_S
from tests.contracts.servers import a_process, an_emulator, clients_of
from tests.deploy.conftest import KEY, README, TASKS, TEMPLATE, template


def test_cfn_lint_finds_nothing():
    found = [match for match in lint_all(TEMPLATE.read_text()) if match.rule.severity != "informational"]
    assert [f"{match.rule.id} line {match.linenumber}: {match.message}" for match in found] == []


async def test_table_equals_the_table_of_init(stack, resources):
    async with clients_of(stack.url) as aws:
        await create_table(aws.dynamodb, "created-by-init")
        assert await _table(aws.dynamodb, stack.outputs["TableName"]) == await _table(aws.dynamodb, "created-by-init")
        ttl = (await aws.dynamodb.describe_time_to_live(TableName="created-by-init"))["TimeToLiveDescription"]
    # moto creates tables without these two.
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
async def test_queues_equal_the_queues_of_init(stack, other_stack, suffix):
    created = other_stack if suffix else stack
    async with clients_of(stack.url) as aws:
        await create_queue(aws.sqs, f"init{suffix}")
        for output, name in [("QueueUrl", f"init{suffix}"), ("DeadLetterQueueUrl", f"init-dead-letters{suffix}")]:
            url = (await aws.sqs.get_queue_url(QueueName=name))["QueueUrl"]
            assert await _queue(aws.sqs, created.outputs[output]) == await _queue(aws.sqs, url)


async def _queue(client, url):
    attributes = (await client.get_queue_attributes(QueueUrl=url, AttributeNames=["All"]))["Attributes"]
    redrive = json.loads(attributes.get("RedrivePolicy", "{}"))
    return {
        "retention_s": attributes["MessageRetentionPeriod"],
        "fifo": attributes.get("FifoQueue"),
        "receives": redrive.get("maxReceiveCount"),
        "dead_letters": redrive.get("deadLetterTargetArn", "").rpartition("-")[2],
    }


@pytest.mark.parametrize("output", ["QueueUrl", "DeadLetterQueueUrl"])
def test_queues_are_encrypted_by_sqs_or_with_the_given_key(stack, other_stack, output):
    assert _attributes(stack, output)["SqsManagedSseEnabled"] == "true"
    assert "KmsMasterKeyId" not in _attributes(stack, output)
    assert _attributes(other_stack, output)["KmsMasterKeyId"] == KEY


def _attributes(stack, output):
    answer = stack.client("sqs").get_queue_attributes(QueueUrl=stack.outputs[output], AttributeNames=["All"])
    return answer["Attributes"]


@pytest.mark.parametrize("queue", ["Queue", "DeadLetterQueue", "WakeQueue"])
def test_queues_reject_messages_without_tls(resources, queue):
    properties = resources[f"{queue}Policy"]["Properties"]
    statement, *_ = properties["PolicyDocument"]["Statement"]
    assert properties["Queues"] == [{"!Ref": queue}]
    assert statement["Resource"] == {"!GetAtt": f"{queue}.Arn"}
    assert (statement["Effect"], statement["Principal"], statement["Action"]) == ("Deny", "*", "sqs:*")
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_only_the_rule_can_send_wake_ups(resources):
    _, statement = resources["WakeQueuePolicy"]["Properties"]["PolicyDocument"]["Statement"]
    assert statement == {
        "Sid": "EventBridgeRule",
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": {"!GetAtt": "WakeQueue.Arn"},
        "Condition": {"ArnEquals": {"aws:SourceArn": {"!GetAtt": "StateChanges.Arn"}}},
    }


def test_wake_queue_keeps_messages_for_five_minutes_encrypted_by_sqs(stack, other_stack):
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


def test_topic_exists_only_with_notifications(stack, other_stack):
    topic = other_stack.outputs["NotificationTopicArn"]
    assert load(other_stack.environment).notification_topic_arn == topic
    assert topic == other_stack.resources["NotificationTopic"]
    assert load(stack.environment).notification_topic_arn is None
    assert not {"NotificationTopic", "NotificationTopicPolicy"} & stack.resources.keys()
    assert "NotificationTopicArn" not in stack.outputs


def test_topic_is_encrypted_by_sns_or_with_the_given_key(other_stack, resources):
    topic = other_stack.outputs["NotificationTopicArn"]
    attributes = other_stack.client("sns").get_topic_attributes(TopicArn=topic)["Attributes"]
    assert attributes["KmsMasterKeyId"] == KEY
    key = resources["NotificationTopic"]["Properties"]["KmsMasterKeyId"]
    assert key == {"!If": ["HasKey", {"!Ref": "KmsKeyArn"}, "alias/aws/sns"]}


def test_topic_rejects_messages_without_tls(resources):
    properties = resources["NotificationTopicPolicy"]["Properties"]
    (statement,) = properties["PolicyDocument"]["Statement"]
    assert properties["Topics"] == [{"!Ref": "NotificationTopic"}]
    assert statement["Resource"] == {"!Ref": "NotificationTopic"}
    assert (statement["Effect"], statement["Principal"], statement["Action"]) == ("Deny", "*", "sns:Publish")
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


async def test_worker_is_ready_with_the_environment_of_the_stack(stack, tmp_path):
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
    """Ask a real process, a bounded number of times, without pauses."""
    for _ in range(2000):
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                return answer.status == 200
        except urllib.error.HTTPError as error:
            error.close()
    return False


def test_environment_of_the_container_has_the_default_settings(stack, other_stack):
    settings = load(stack.environment)
    assert list(settings.task_arns) == TASKS
    all_tasks = load(other_stack.environment)
    assert all_tasks.task_arns == ()
    assert all_tasks.queue_url.endswith(".fifo")
    chosen = {"queue_url", "wake_queue_url", "table_name", "notification_topic_arn"}
    defaults = load({"TRIGGER_QUEUE_URL": all_tasks.queue_url})
    assert all_tasks.model_dump(exclude=chosen) == defaults.model_dump(exclude=chosen)


def test_every_variable_of_the_template_is_a_setting(resources):
    variables = {variable["Name"] for variable in _variables(resources)} - {"AWS_REGION"}
    assert len(variables) > 10
    assert variables <= {f"TRIGGER_{field.upper()}" for field in Settings.model_fields}


def test_every_parameter_that_mirrors_a_setting_has_its_default(resources):
    defaults = load({"TRIGGER_QUEUE_URL": "https://sqs.eu-central-1.amazonaws.com/123456789012/files"})
    parameters = template()["Parameters"]
    mirrored = {
        variable["Name"].removeprefix("TRIGGER_").lower(): parameters[variable["Value"]["!Ref"]]["Default"]
        for variable in _variables(resources)
        if isinstance(variable["Value"], dict) and variable["Value"].get("!Ref") in parameters
    }
    assert mirrored.keys() >= {"on_error", "on_incomplete", "publish_unchanged", "lookback_s", "retention_days"}
    given = {f"TRIGGER_{field.upper()}": str(default) for field, default in mirrored.items()}
    assert load({"TRIGGER_QUEUE_URL": defaults.queue_url, **given}) == defaults


def test_defaults_that_descriptions_and_comments_name_are_those_of_the_settings():
    defaults = load({"TRIGGER_QUEUE_URL": "https://sqs.eu-central-1.amazonaws.com/123456789012/files"})
    named = re.findall(r"TRIGGER_(\w+)`? \((\d+)(?: s)?\)", TEMPLATE.read_text() + README.read_text())
    assert {name for name, _ in named} >= {"SEAL_DEADLINE_S", "DRAIN_S", "SETTLE_S", "POLL_INTERVAL_S"}
    for name, value in named:
        assert getattr(defaults, name.lower()) == float(value)


def test_allowed_values_of_a_parameter_are_those_of_its_setting():
    parameters = template()["Parameters"]
    assert parameters["OnError"]["AllowedValues"] == list(OnError)
    assert parameters["OnIncomplete"]["AllowedValues"] == list(OnIncomplete)
    assert parameters["LogLevel"]["AllowedValues"] == list(LogLevel)


def _variables(resources):
    (container,) = resources["TaskDefinition"]["Properties"]["ContainerDefinitions"]
    return container["Environment"]


def test_index_of_the_template_projects_the_indexed_attributes(resources):
    by_phase, by_start = resources["Table"]["Properties"]["GlobalSecondaryIndexes"]
    assert (by_phase["IndexName"], by_start["IndexName"]) == (BY_PHASE, BY_START)
    assert by_phase["Projection"]["NonKeyAttributes"] == list(INDEXED_ATTRIBUTES)
    assert by_start["Projection"] == {"ProjectionType": "ALL"}


def test_stop_timeout_is_longer_than_drain_and_release(stack):
    assert stack.container["stopTimeout"] > load(stack.environment).drain_s + RELEASE_TIMEOUT_S
    assert stack.container["stopTimeout"] <= 120, "Fargate waits no longer"


def test_container_is_confined(stack):
    assert stack.container["readonlyRootFilesystem"]
    assert stack.container["user"] == "10001:10001"
    assert stack.container["linuxParameters"]["capabilities"] == {"drop": ["ALL"]}


def test_existing_cluster_is_used_and_none_is_created(stack, other_stack):
    assert other_stack.outputs["Cluster"] == "theirs"
    assert "Cluster" in stack.resources
    assert "Cluster" not in other_stack.resources


def test_names_in_the_readme_exist_in_the_template():
    readme = README.read_text()
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
