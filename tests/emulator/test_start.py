"""Start and end of an emulator: scenario, state, events, signals."""

import json
import signal
import subprocess
import sys

import pytest

from emulator.persistence import load, save
from emulator.scenario import Scenario, read_scenario
from emulator.state import State


def command(*options):
    return [sys.executable, "-m", "emulator", *options]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nonsense: 1", "may only have templates, faults and synthetic"),
        ("- a", "may only have templates, faults and synthetic"),
        ("faults: [{kind: earthquake}]", "is not a kind of fault"),
        ("templates: {stream: 7}", "template stream cannot be 7"),
        ("synthetic: [{share: a}]", "a synthetic share needs share and files"),
        ("a: [", "cannot be read"),
    ],
)
def test_invalid_scenario_is_rejected(tmp_path, text, message):
    path = tmp_path / "scenario.yaml"
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        read_scenario(path)


def test_empty_scenario_equals_the_default(tmp_path):
    path = tmp_path / "scenario.yaml"
    path.write_text("")
    assert read_scenario(path) == Scenario()


def test_unreadable_scenario_ends_the_command_with_one_sentence(tmp_path):
    done = subprocess.run(
        command("--scenario", str(tmp_path / "none.yaml")), capture_output=True, text=True, check=False, timeout=30
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"the scenario {tmp_path}/none.yaml cannot be read")
    assert len(done.stderr.splitlines()) == 1


def test_port_in_use_ends_the_command_with_one_sentence(aws):
    port = aws.url.rpartition(":")[2]
    done = subprocess.run(command("--port", port), capture_output=True, text=True, check=False, timeout=30)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"the emulator cannot listen on 127.0.0.1:{port}: ")
    assert len(done.stderr.splitlines()) == 1


def test_scenario_sets_faults_and_templates_and_state_survives_a_restart(moto_url, tmp_path, emulators):
    scenario = tmp_path / "scenario.yaml"
    scenario.write_text(
        "faults: [{kind: unreadable, path: /secret}]\n"
        "templates: {basic_transferred_file: null, basic_status_of_error: Failure}\n"
        "synthetic: [{share: nas/big, files: 10}]\n"
    )
    options = ("--scenario", str(scenario), "--state", str(tmp_path / "state"))
    with emulators(*options) as first:
        setup = first.setup(Tags=[{"Key": "a", "Value": "b"}])
        setup.write(secret=b"x", a=b"y")
        described = setup.run()
        log = setup.log()
        with first.fault(kind="hold", status="LAUNCHING"):
            running = setup.start()
            setup.until(running, lambda described: described["Status"] == "LAUNCHING")
            first.stop()

    assert described["Status"] == "ERROR"
    assert not any("Transferred" in line for line in log)
    assert log[-1].endswith("finished with status Failure.")
    with emulators(*options) as second:
        again = second.datasync.describe_task_execution(TaskExecutionArn=setup.execution_arn)
        assert {**again, "ResponseMetadata": 0} == {**described, "ResponseMetadata": 0}
        assert second.datasync.list_tags_for_resource(ResourceArn=setup.task_arn)["Tags"] == [
            {"Key": "a", "Value": "b"}
        ]
        interrupted = second.datasync.describe_task_execution(TaskExecutionArn=running)
        assert (interrupted["Status"], interrupted["Result"]["ErrorCode"]) == ("ERROR", "Interrupted")


def test_state_is_empty_without_a_file_and_loads_as_saved(tmp_path):
    assert load(tmp_path) == State()
    state = State(tags={"arn": {"a": "b"}})
    save(state, tmp_path / "deep/folder")
    assert load(tmp_path / "deep/folder") == state


def test_sigterm_ends_the_command_with_0_while_an_execution_runs(aws, moto_url, emulators):
    with emulators() as emulator:
        setup = emulator.setup()
        with emulator.fault(kind="hold", status="LAUNCHING"):
            setup.until(setup.start(), lambda described: described["Status"] == "LAUNCHING")
            assert emulator.stop(signal.SIGTERM) == 0


def test_status_changes_are_sent_to_eventbridge(moto_url, emulators, eventually):
    with emulators("--events") as emulator:
        setup = emulator.setup()
        events = emulator.session.client("events", endpoint_url=moto_url)
        logs = emulator.session.client("logs", endpoint_url=moto_url)
        group = f"/aws/events/{setup.name}"
        logs.create_log_group(logGroupName=group)
        events.put_rule(
            Name=setup.name,
            EventPattern=json.dumps(
                {
                    "source": ["aws.datasync"],
                    "resources": [{"prefix": setup.task_arn}],
                    "detail-type": ["DataSync Task Execution State Change"],
                }
            ),
        )
        arn = f"arn:aws:logs:us-east-1:123456789012:log-group:{group}"
        events.put_targets(Rule=setup.name, Targets=[{"Id": "logs", "Arn": arn}])

        setup.run()

        def status_events():
            found = logs.filter_log_events(logGroupName=group)["events"]
            return [json.loads(event["message"]) for event in found]

        states = ("QUEUED", "LAUNCHING", "PREPARING", "TRANSFERRING", "VERIFYING", "SUCCESS")
        assert eventually(status_events, lambda found: len(found) >= len(states)) == [
            {
                **event,
                "resources": [setup.execution_arn],
                "detail": {"State": state},
                "source": "aws.datasync",
            }
            for event, state in zip(status_events(), states, strict=True)
        ]
        events.close()
        logs.close()
