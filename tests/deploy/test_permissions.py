"""The roles: they allow exactly the calls that the service makes, on the stack's resources."""

import ast
from fnmatch import fnmatchcase

import pytest
from botocore import xform_name

from service.adapters.aws.items import OUTBOX
from service.domain.error_policy import RESOURCE_OF
from tests.deploy.conftest import ACCOUNT, BUCKETS, KEY, ROOT, TASKS

ADAPTERS = [path for path in (ROOT / "service/adapters/aws").glob("*.py") if path.name != "setup.py"]
"""The adapters of a worker. `init` (setup.py) is not used with a stack."""

ACTIONS = {
    "s3:HeadBucket": "s3:ListBucket",
    "s3:HeadObject": "s3:GetObject",
    "s3:ListObjectsV2": "s3:ListBucket",
    "sqs:DeleteMessageBatch": "sqs:DeleteMessage",
    "sqs:SendMessageBatch": "sqs:SendMessage",
}
"""The actions of calls that IAM names differently, https://docs.aws.amazon.com/service-authorization/latest/reference/."""

WRITES = {"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem", "ConditionCheck": "ConditionCheckItem"}
"""The action of each write of a transaction."""

NOTIFYING = {"dynamodb:DeleteItem", "sns:Publish"}
"""The actions that only notifications need."""

TABLE = f"arn:aws:dynamodb:eu-central-1:{ACCOUNT}:table/{{TableName}}"
LOG = f"arn:aws:logs:eu-central-1:{ACCOUNT}:log-group:"
LOCATION = f"arn:aws:datasync:eu-central-1:{ACCOUNT}:location/loc-0123456789abcdef0"
OTHER_TASK = TASKS[0][:-1] + "7"
WAKE_QUEUE = f"arn:aws:sqs:eu-central-1:{ACCOUNT}:trigger-wake-ups"


def _trees():
    return [ast.parse(path.read_text()) for path in ADAPTERS]


def _called():
    """Return the operations that the adapters call: methods of a client, and names of paginators and waiters."""
    names = set()
    for node in (node for tree in _trees() for node in ast.walk(tree)):
        match node:
            case ast.Call(func=ast.Attribute(attr="get_paginator" | "get_waiter"), args=[ast.Constant(value=name)]):
                names.add(name)
            case ast.Attribute(value=ast.Attribute(attr="_client"), attr=name):
                names.add(name)
    return names - {"get_paginator", "get_waiter"}


def _needed():
    """Return the IAM actions of all calls of a worker."""
    calls = {operation.replace(".", ":") for operation in RESOURCE_OF}
    calls.discard("dynamodb:TransactWriteItems")
    constants = {
        key.value
        for tree in _trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.Dict)
        for key in node.keys
        if isinstance(key, ast.Constant)
    }
    return {ACTIONS.get(call, call) for call in calls} | {
        f"dynamodb:{WRITES[each]}" for each in WRITES if each in constants
    }


def test_error_policy_covers_exactly_the_calls_of_the_adapters():
    assert {xform_name(operation.partition(".")[2]) for operation in RESOURCE_OF} == _called()


def test_worker_is_allowed_exactly_the_actions_that_it_calls(stack, other_stack):
    everything = _needed() | {"kms:Decrypt", "kms:GenerateDataKey"}
    for each, needed in [(stack, _needed() - NOTIFYING), (other_stack, everything)]:
        statements = each.statements("TaskRole", "worker")
        assert {action for statement in statements for action in statement["Action"]} == needed
        assert {statement["Effect"] for statement in statements} == {"Allow"}


@pytest.mark.parametrize(
    ("action", "resource", "foreign"),
    [
        ("datasync:DescribeTask", TASKS[1], OTHER_TASK),
        ("datasync:ListTagsForResource", TASKS[0], OTHER_TASK),
        ("datasync:DescribeTaskExecution", f"{TASKS[0]}/execution/exec-1", f"{OTHER_TASK}/execution/exec-1"),
        ("datasync:DescribeTaskExecution", f"{TASKS[1]}/execution/exec-1", TASKS[1]),
        ("datasync:DescribeLocationS3", LOCATION, LOCATION.replace(ACCOUNT, "210987654321")),
        ("logs:DescribeLogStreams", f"{LOG}/aws/datasync:log-stream:", f"{LOG}/aws/lambda/x:log-stream:"),
        ("logs:GetLogEvents", f"{LOG}/aws/datasync:log-stream:a", f"{LOG}/aws/datasync-2:log-stream:a"),
        ("s3:ListBucket", BUCKETS[1], "arn:aws:s3:::landing-2"),
        ("s3:GetObject", f"{BUCKETS[0]}/a/b", "arn:aws:s3:::landing-2/a/b"),
        ("s3:GetObject", f"{BUCKETS[1]}/a/b", BUCKETS[1]),
        ("dynamodb:PutItem", TABLE, f"{TABLE}2"),
        ("dynamodb:Query", f"{TABLE}/index/by_phase", f"{TABLE}2/index/by_phase"),
        ("sqs:SendMessage", "{QueueArn}", "{QueueArn}-2"),
        ("sqs:SendMessage", "{QueueArn}", WAKE_QUEUE),
        ("sqs:ReceiveMessage", WAKE_QUEUE, "{QueueArn}"),
        ("sqs:DeleteMessage", WAKE_QUEUE, "{QueueArn}"),
    ],
)
def test_worker_is_allowed_on_its_own_resources_only(stack, action, resource, foreign):
    statements = stack.statements("TaskRole", "worker")
    patterns = [pattern for each in statements if action in each["Action"] for pattern in each["Resource"]]
    allowed = [
        any(fnmatchcase(arn.format(**stack.outputs), pattern) for pattern in patterns) for arn in (resource, foreign)
    ]
    assert allowed == [True, False]


def test_only_actions_without_a_resource_type_are_allowed_on_all_resources(stack):
    everywhere = {
        action
        for role, policy in [("TaskRole", "worker"), ("ExecutionRole", "start")]
        for statement in stack.statements(role, policy)
        if "*" in statement["Resource"]
        for action in statement["Action"]
    }
    assert everywhere == {"datasync:ListTasks", "datasync:ListTaskExecutions", "ecr:GetAuthorizationToken"}


def test_without_task_arns_all_tasks_of_the_account_and_region_can_be_read(other_stack):
    patterns = {
        pattern
        for statement in other_stack.statements("TaskRole", "worker")
        if statement["Sid"] in ("ReadTasks", "ReadExecutions")
        for pattern in statement["Resource"]
    }
    tasks = f"arn:aws:datasync:eu-central-1:{ACCOUNT}:task/*"
    assert patterns == {tasks, f"{tasks}/execution/*"}


def test_notifications_can_be_published_to_the_topic_and_deleted_from_the_outbox(other_stack):
    statements = {each["Sid"]: each for each in other_stack.statements("TaskRole", "worker")}
    assert statements["Notify"]["Resource"] == [other_stack.outputs["NotificationTopicArn"]]
    delete = statements["DeleteNotifications"]
    assert delete["Resource"] == [TABLE.format(**other_stack.outputs)]
    assert delete["Condition"] == {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": [OUTBOX]}}


def test_key_can_be_used_only_through_table_queue_and_topic(other_stack):
    (statement,) = [each for each in other_stack.statements("TaskRole", "worker") if each["Sid"] == "UseKey"]
    assert statement["Resource"] == [KEY]
    services = [f"{service}.eu-central-1.amazonaws.com" for service in ("dynamodb", "sqs", "sns")]
    assert statement["Condition"] == {"StringEquals": {"kms:ViaService": services}}


def test_ecs_can_only_pull_the_image_and_write_the_log(stack):
    allowed = {
        (action, resource)
        for statement in stack.statements("ExecutionRole", "start")
        for action in statement["Action"]
        for resource in statement["Resource"]
    }
    image = f"arn:aws:ecr:eu-central-1:{ACCOUNT}:repository/datasync-trigger"
    log = f"{LOG}/datasync-trigger/trigger"  # CloudFormation's GetAtt appends `:*`, moto's does not
    assert allowed == {
        ("ecr:GetAuthorizationToken", "*"),
        ("ecr:BatchCheckLayerAvailability", image),
        ("ecr:BatchGetImage", image),
        ("ecr:GetDownloadUrlForLayer", image),
        ("logs:CreateLogStream", log),
        ("logs:PutLogEvents", log),
    }


def test_every_statement_has_a_comment():
    lines = (ROOT / "deploy/ecs/template.yaml").read_text().splitlines()
    start = lines.index("  TaskRole:")
    end = lines.index("  # The cluster, the network, and the workers.")
    sids = [number for number in range(start, end) if "- Sid:" in lines[number]]
    assert len(sids) > 10
    for number in sids:
        wrapping = ("- !If", "- HasKey", "- Notifies")
        before = next(line.strip() for line in reversed(lines[start:number]) if line.strip() not in wrapping)
        assert before.startswith("#"), lines[number]
