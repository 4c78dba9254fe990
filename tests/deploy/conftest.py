"""The template, and its stacks on a moto server, which leaves out what it does not implement."""

import ast
from pathlib import Path

import boto3
import pytest
import yaml

from tests.contracts.servers import ENVIRONMENT

ROOT = Path(__file__).parents[2]
TEMPLATE = ROOT / "deploy" / "ecs" / "template.yaml"
README = TEMPLATE.parent / "README.md"
ACCOUNT = "123456789012"
TASKS = [f"arn:aws:datasync:eu-central-1:{ACCOUNT}:task/task-0123456789abcdef{n}" for n in "01"]
BUCKETS = ["arn:aws:s3:::landing", "arn:aws:s3:::archive"]
KEY = f"arn:aws:kms:eu-central-1:{ACCOUNT}:key/1234"


class Stack:
    """A stack on a moto server."""

    def __init__(self, url, name, **parameters):
        self.url = url
        network = self.client("ec2")
        given = {
            "VpcId": network.describe_vpcs()["Vpcs"][0]["VpcId"],
            "SubnetIds": ",".join(subnet["SubnetId"] for subnet in network.describe_subnets()["Subnets"]),
            "DestinationBucketArns": ",".join(BUCKETS),
            "ImageTag": "1.2.3",
            **parameters,
        }
        formation = self.client("cloudformation")
        formation.create_stack(
            StackName=name,
            TemplateBody=TEMPLATE.read_text(),
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in given.items()],
            Capabilities=["CAPABILITY_IAM"],
        )
        (stack,) = formation.describe_stacks(StackName=name)["Stacks"]
        assert stack["StackStatus"] == "CREATE_COMPLETE"
        self.outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
        resources = formation.list_stack_resources(StackName=name)["StackResourceSummaries"]
        self.resources = {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in resources}

    def client(self, service):
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=ENVIRONMENT["AWS_REGION"],
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )

    @property
    def container(self):
        described = self.client("ecs").describe_task_definition(taskDefinition=self.outputs["TaskDefinition"])
        (container,) = described["taskDefinition"]["containerDefinitions"]
        return container

    @property
    def environment(self):
        return {variable["name"]: variable["value"] for variable in self.container["environment"]}

    def statements(self, role, policy):
        """Return the statements of a role's policy, with Action and Resource as lists."""
        found = self.client("iam").get_role_policy(RoleName=self.resources[role], PolicyName=policy)
        # moto returns a document as Python's repr, with None for a statement that CloudFormation leaves out.
        statements = filter(None, ast.literal_eval(found["PolicyDocument"])["Statement"])
        return [{**each, "Action": _list(each["Action"]), "Resource": _list(each["Resource"])} for each in statements]


def _list(value):
    return [value] if isinstance(value, str) else value


@pytest.fixture(scope="session")
def stack(moto_url):
    """Return a stack for two tasks."""
    return Stack(moto_url, "trigger", TaskArns=",".join(TASKS))


@pytest.fixture(scope="session")
def other_stack(moto_url, stack):
    """Return a stack for all tasks, with every option on, in an existing cluster."""
    stack.client("ecs").create_cluster(clusterName="theirs")
    return Stack(moto_url, "everything", Fifo="true", Notifications="true", KmsKeyArn=KEY, ClusterName="theirs")


@pytest.fixture(scope="session")
def resources():
    """Return the template's resources, with functions as `{"!Ref": "Queue"}`."""
    return template()["Resources"]


def template():
    """Return the template as it is written."""
    return yaml.load(TEMPLATE.read_text(), _Loader)


class _Loader(yaml.SafeLoader):
    """A loader that accepts CloudFormation's short forms."""


def _function(loader, suffix, node):
    construct = {"scalar": loader.construct_scalar, "sequence": loader.construct_sequence}.get(node.id)
    return {f"!{suffix}": construct(node, *([True] if node.id == "sequence" else []))}


_Loader.add_multi_constructor("!", _function)
