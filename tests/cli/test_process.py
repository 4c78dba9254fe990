import os
import signal
import socket
import subprocess
import sys

SETTINGS = {
    "TRIGGER_QUEUE_URL": "https://sqs.eu-west-1.amazonaws.com/111122223333/files",
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_REGION": "eu-west-1",
}


def command(*arguments: str, **environment: str) -> subprocess.Popen[bytes]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("TRIGGER_", "AWS_"))}
    return subprocess.Popen(
        [sys.executable, "-m", "service", *arguments],
        env={**clean, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def test_wrong_settings_end_a_worker_with_2_at_once():
    with command("run", TRIGGER_POLL_INTERVAL_S="often", TRIGGER_QUEUE_URI="x") as process:
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (2, b"")
    assert err.decode().splitlines() == [
        "TRIGGER_POLL_INTERVAL_S: 'often' is not a number above 0 and at most 86400",
        "TRIGGER_QUEUE_URI: is not a setting; did you mean TRIGGER_QUEUE_URL?",
        "TRIGGER_QUEUE_URL: is not set; give the queue's URL, as `datasync-trigger init --queue NAME` prints it",
    ]


def test_worker_without_a_region_ends_with_2_and_names_the_variable():
    with command("run", **{**SETTINGS, "AWS_REGION": "", "TRIGGER_HTTP_PORT": "0"}) as process:
        _, err = process.communicate(timeout=60)
    assert process.returncode == 2
    assert err.decode().splitlines() == ["no AWS Region is set: set AWS_REGION"]


def test_closed_stdout_ends_quietly():
    with command("--help") as process:
        process.stdout.close()
        process.wait(60)
        assert process.stderr.read() == b""
    assert process.returncode == 1


def test_output_to_programs_is_utf_8_in_every_locale():
    with command("--help", PYTHONIOENCODING="ascii") as process:
        out, _ = process.communicate(timeout=60)
    assert "TRIGGER_…" in out.decode()


def test_ctrl_c_ends_quietly():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with command("status", **SETTINGS, AWS_ENDPOINT_URL=endpoint) as process:
            silent.settimeout(60)
            connection, _ = silent.accept()
            assert connection.recv(1)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=60)
            connection.close()
    assert (process.returncode, out, err) == (130, b"", b"")


def test_slow_imports_are_not_loaded_at_the_start():
    heavy = {"aioboto3", "aiobotocore", "botocore", "aiohttp", "structlog", "prometheus_client", "rich"}
    source = f"import sys, service.cli; print(sorted({heavy} & sys.modules.keys()))"
    assert subprocess.check_output([sys.executable, "-c", source], text=True) == "[]\n"
