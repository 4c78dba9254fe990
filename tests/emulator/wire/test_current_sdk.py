"""The newest botocore in a separate process, because aioboto3 pins an older one; with JSON and with CBOR.

Its DataSync model lists CBOR before JSON, but it chooses JSON if both are listed.
"""

import gzip
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SDK = Path(sys.prefix) / "current-sdk"

SESSION = """
import json, sys
import botocore, botocore.session
url, task_arn, models = sys.argv[1:]
session = botocore.session.get_session()
session.get_component("data_loader").search_paths.insert(0, models)
client = session.create_client("datasync", endpoint_url=url, region_name="us-east-1")
sent = []
client.meta.events.register("before-send", lambda request, **_: sent.append(request.url.removeprefix(url)))
arn = client.start_task_execution(TaskArn=task_arn)["TaskExecutionArn"]
while (described := client.describe_task_execution(TaskExecutionArn=arn))["Status"] not in ("SUCCESS", "ERROR"):
    pass
try:
    client.describe_task(TaskArn=task_arn[:-3] + "000")
except client.exceptions.InvalidRequestException as exception:
    error = exception.response["Error"]["Message"]
listed = [e["TaskExecutionArn"] for page in client.get_paginator("list_task_executions").paginate(TaskArn=task_arn)
          for e in page["TaskExecutions"]]
print(json.dumps({"version": botocore.__version__, "arn": arn, "status": described["Status"], "error": error,
                  "started": described["StartTime"].isoformat(), "files": described["FilesVerified"],
                  "listed": listed, "path": sent[0]}))
"""


@pytest.fixture(params=["json", "smithy-rpc-v2-cbor"])
def protocol(request, tmp_path):
    """A protocol; tmp_path holds the SDK's own model with this protocol only."""
    assert SDK.is_dir(), f"{SDK} is missing: `make` sets it up"
    model_folder = tmp_path / "datasync/2018-11-09"
    shutil.copytree(SDK / "botocore/data/datasync/2018-11-09", model_folder)
    packed = model_folder / "service-2.json.gz"
    model = json.loads(gzip.decompress(packed.read_bytes()))
    assert request.param in model["metadata"]["protocols"]
    model["metadata"] |= {"protocol": request.param, "protocols": [request.param]}
    packed.write_bytes(gzip.compress(json.dumps(model).encode()))
    return request.param


def test_newest_sdk_runs_an_execution(aws, protocol, tmp_path):
    setup = aws.setup()
    setup.write(a=b"one", b=b"two")
    result = subprocess.run(
        [sys.executable, "-c", SESSION, aws.url, setup.task_arn, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": str(SDK), "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"},
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    printed = json.loads(result.stdout)
    assert tuple(map(int, printed["version"].split(".")[:2])) >= (1, 44)
    assert printed["path"] == ("/" if protocol == "json" else "/service/FmrsService/operation/StartTaskExecution")
    assert (printed["status"], printed["files"], printed["listed"]) == ("SUCCESS", 3, [printed["arn"]])
    assert printed["started"] == setup.describe(printed["arn"])["StartTime"].isoformat()
    assert "not found" in printed["error"]
