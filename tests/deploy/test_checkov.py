"""The findings of checkov about the template and the image. Each skipped check has a reason beside the resource."""

import json
import shutil
import subprocess

import pytest

from tests.deploy.conftest import ROOT

CHECKOV = shutil.which("checkov")


@pytest.mark.skipif(CHECKOV is None, reason="checkov is not installed: `pipx install checkov`")
@pytest.mark.parametrize(
    ("framework", "path"), [("cloudformation", "deploy/ecs/template.yaml"), ("dockerfile", "Dockerfile")]
)
def test_checkov_finds_nothing(framework, path):
    command = [CHECKOV, "--file", path, "--framework", framework, "--skip-download", "--output", "json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    found = json.loads(done.stdout)["results"]
    assert [f"{check['check_id']} {check['resource']}" for check in found["failed_checks"]] == []
    assert found["passed_checks"]
    assert all(check["check_result"]["suppress_comment"] for check in found["skipped_checks"])
