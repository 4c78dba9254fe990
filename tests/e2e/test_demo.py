"""Use of `python -m emulator.demo --keep`: read its output, paste its commands, stop it by Ctrl-C."""

import html
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

PICTURE = Path(__file__).parents[2] / "docs/images/demo.svg"
CHARACTER_WIDTH = 12.2


def masked(line):
    """Return a line with a mask for ids and seconds, which differ from run to run."""
    return re.sub(r"…\w{4}|exec-\w{17}|\(\d+ s\)", "*", line).rstrip()


def lines_until(process, pattern):
    """Return the next lines of the process's output, up to the first that matches the pattern."""
    lines = []
    for line in process.stdout:
        lines.append(line.rstrip("\n"))
        if re.search(pattern, line):
            return lines
    raise AssertionError(f"the demo ended: {lines}")


def masked_lines_of_the_picture():
    """Return the masked lines that the picture shows."""
    lines = {}
    for x, y, text in re.findall(r'<text class="demo-r\d+" x="(\S+)" y="(\S+)"[^>]*>(.+?)</text>', PICTURE.read_text()):
        column = round(float(x) / CHARACTER_WIDTH)
        lines[y] = lines.get(y, "").ljust(column) + html.unescape(text).replace("\xa0", " ")
    return {masked(line) for line in lines.values()}


@pytest.fixture
def demo(tmp_path):
    environment = os.environ | {"TMPDIR": str(tmp_path), "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "emulator.demo", "--keep"]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as demo:
        yield demo
        demo.kill()


@pytest.mark.timeout(240)
def test_demo_shows_three_executions_and_its_commands_work_in_any_folder_and_any_shell(demo, tmp_path):
    def paste(command):
        done = subprocess.run(
            ["/bin/sh", "-c", command],
            cwd="/",
            env={"PATH": os.defpath, "HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    shown = lines_until(demo, "HTTP API")
    status, files, new_file = [line for line in shown if line.startswith(("env ", "date "))]

    assert not [line for line in shown if "\x1b" in line or line.startswith("Wrong:")]
    [end] = [number for number, line in enumerate(shown) if line.startswith("Everything is still running")]
    assert {masked(line) for line in shown[:end] if line} <= masked_lines_of_the_picture(), "run `make demo-recording`"
    phases = [line.split()[1:5] for line in paste(status).splitlines()[1:]]
    assert phases == [
        ["PUBLISHED", "-", "SUCCESS", "1"],
        ["PUBLISHED", "carried", "ERROR", "2"],
        ["PUBLISHED", "-", "SUCCESS", "5"],
    ]
    assert re.findall(r"^(\w+) .* (/\S+)", paste(files), re.MULTILINE) == [
        ("failed", "/growing.csv"),
        ("published", "/late/one.csv"),
        ("published", "/late/two.csv"),
    ]
    execution_id = paste(new_file).strip().rpartition("/")[2]
    new_lines = lines_until(demo, rf"…{execution_id[-4:]}  PUBLISHED ")
    assert ["message", f"…{execution_id[-4:]}", "/today.txt"] in [line.split()[:3] for line in new_lines]
    assert '  "s3uri": "s3://landing/incoming/today.txt",' in new_lines

    demo.send_signal(signal.SIGINT)
    assert demo.stdout.read() == "\nStopping.\n"
    assert demo.wait() == 0
    assert list(tmp_path.glob("datasync-trigger-demo-*")) == []


def test_picture_refers_to_no_other_server():
    assert re.findall(r"[a-z]+://[^\"]+", PICTURE.read_text()) == ["http://www.w3.org/2000/svg"]
