"""Replacement for the AWS CLI, through botocore, for the README's session on machines without the CLI."""

import sys

import boto3
import jmespath
from botocore import xform_name

service, command, *rest = sys.argv[1:]
operation = command.replace("-", "_")
arguments = dict(zip((name.removeprefix("--") for name in rest[::2]), rest[1::2], strict=True))
query = arguments.pop("query", "@")
arguments.pop("output", None)
client = boto3.client({"s3api": "s3"}.get(service, service))
shape = client.meta.service_model.operation_model(client.meta.method_to_api_mapping[operation]).input_shape


def value(shape, text):
    """Parse a value in the CLI's shorthand: plain, or members as Name=value,Name=value."""
    if shape.type_name == "structure":
        pairs = dict(pair.split("=", 1) for pair in text.split(","))
        return {name: value(shape.members[name], inner) for name, inner in pairs.items()}
    if shape.type_name == "list":
        return [value(shape.member, text)]
    return int(text) if shape.type_name in {"integer", "long"} else text


members = {xform_name(name, "-"): name for name in shape.members}
request = {members[name]: value(shape.members[members[name]], text) for name, text in arguments.items()}
found = jmespath.search(query, getattr(client, operation)(**request))
client.close()
match found:
    case str():
        lines = [found]
    case [list(), *_]:
        lines = ["\t".join(map(str, row)) for row in found]
    case list():
        lines = ["\t".join(map(str, found))]
    case _:
        lines = []
sys.stdout.write("".join(f"{line}\n" for line in lines))
