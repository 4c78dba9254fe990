"""The README: its session runs unchanged, its scenario is valid, its table of faults is complete."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import yaml

from emulator.faults import KINDS
from emulator.scenario import Scenario, read_scenario

README = (Path(__file__).parents[2] / "emulator/README.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", README, re.DOTALL | re.MULTILINE)


def test_session_with_the_aws_cli_runs_unchanged(moto_url, tmp_path, emulators):
    [session] = [text for language, text in BLOCKS if language == "sh" and "start-task-execution" in text]
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    if shutil.which("aws") is None:
        stand_in = bin_folder / "aws"
        stand_in.write_text(f'#!/bin/sh\nexec {sys.executable} {Path(__file__).with_name("aws_stand_in.py")} "$@"\n')
        stand_in.chmod(0o755)
    with emulators("--shares", str(tmp_path / "shares")) as emulator:
        environment = {
            "PATH": f"{bin_folder}:{os.environ['PATH']}",
            "HOME": os.environ.get("HOME", "/"),
            "AWS_ENDPOINT_URL": moto_url,
            "AWS_ENDPOINT_URL_DATASYNC": emulator.url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_PAGER": "",
        }
        done = subprocess.run(
            ["/bin/sh", "-e"],
            input=session,
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=90,
        )

    lines = done.stdout.splitlines()
    assert (done.returncode, done.stderr) == (0, "")
    assert "SUCCESS\t3\t3" in lines
    assert "[NOTICE] Verified file /2026/numbers.txt, 1092 bytes" in lines
    assert "in/2026/numbers.txt" in lines
    assert lines[-2] == "SUCCESS"
    assert lines[-1] in {"CANCELLING", "ERROR"}


def test_scenario_is_valid_and_table_of_faults_is_complete(tmp_path):
    [text] = [text for language, text in BLOCKS if language == "yaml"]
    path = tmp_path / "scenario.yaml"
    path.write_text(text)
    assert read_scenario(path) != Scenario()
    assert set(yaml.safe_load(text)) == {"faults", "templates", "synthetic"}
    rows = re.search(r"^\| kind \| parameters.*?\n\n", README, re.DOTALL | re.MULTILINE)[0].splitlines()
    assert {kind for row in rows[2:] if row for kind in re.findall(r"`(\w+)`", row.split("|")[1])} == set(KINDS)
