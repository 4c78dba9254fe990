"""Executions over files that do not exist."""

import json
from itertools import islice

import pytest

from emulator.logs.basic import BasicFormatter
from emulator.logs.enhanced import EnhancedFormatter
from emulator.logs.templates import Templates
from emulator.synthetic.generated_log import generate_log
from emulator.synthetic.shares import SyntheticShare, SyntheticShares

EXECUTION = "arn:aws:datasync:us-east-1:123456789012:task/task-0123456789abcdef0/execution/exec-0fedcba9876543210"
SHARE = SyntheticShare("nas/big", files=7, folders=2, size_bytes=10)


def messages(log):
    return [log.event(position).message for position in range(log.length)]


def test_generated_basic_log_has_every_line_of_an_execution():
    log = generate_log(SHARE, BasicFormatter(EXECUTION, Templates()), 0, "TRANSFER", "ONLY_FILES_TRANSFERRED")
    lines = messages(log)

    assert lines[0].endswith("started.")
    assert lines[-1].endswith("finished with status Success.")
    assert sum(line.startswith("[NOTICE] Transferred file /folder-") for line in lines) == 7
    assert lines[9:12] == [f"[NOTICE] Verified directory {path}" for path in ("/", "/folder-000000", "/folder-000001")]
    assert sum(line.startswith("[NOTICE] Verified file /folder-") for line in lines) == 7
    assert log.length == 2 + 7 + 3 + 7 + 1


def test_generated_enhanced_log_has_two_records_for_each_file():
    formatter = EnhancedFormatter(EXECUTION, ("loc-1", "loc-2"), Templates())
    records = [
        json.loads(line) for line in messages(generate_log(SHARE, formatter, 0, "TRANSFER", "ONLY_FILES_TRANSFERRED"))
    ]

    assert [record["Action"] for record in records] == ["TRANSFER"] * 7 + ["VERIFY"] * 7


@pytest.mark.parametrize(
    ("level", "mode", "length"), [("OFF", "NONE", 0), ("BASIC", "NONE", 0), ("TRANSFER", "NONE", 2 + 7 + 1)]
)
def test_log_level_and_verify_mode_determine_the_length_of_the_generated_log(level, mode, length):
    assert generate_log(SHARE, BasicFormatter(EXECUTION, Templates()), 0, level, mode).length == length


def test_names_and_sizes_are_reproducible_and_names_are_unique():
    share = SyntheticShare("nas/big", files=5000, folders=7, size_bytes=10)
    first = [share.file(number) for number in range(5000)]

    assert first == [share.file(number) for number in range(5000)]
    assert len({item.path for item in first}) == 5000
    assert {item.size_bytes for item in first} == set(range(21))


@pytest.mark.parametrize(
    "definition",
    [
        {},
        {"share": "a"},
        {"share": "a", "files": -1},
        {"share": "a", "files": "1"},
        {"share": "a", "files": 1, "x": 1},
        {"share": "a", "files": 1, "folders": 0},
    ],
)
def test_invalid_share_is_rejected(definition):
    with pytest.raises(ValueError, match="synthetic share"):
        SyntheticShares().add(definition)


@pytest.mark.parametrize("mode", ["BASIC", "ENHANCED"])
def test_execution_of_a_million_files_ends_quickly_and_its_log_is_readable(own, mode):
    setup = own.setup(mode=mode, options={"VerifyMode": "ONLY_FILES_TRANSFERRED"})
    own.control("POST", "synthetic", {"share": f"nas/{setup.name}", "files": 1_000_000, "folders": 1000})

    described = setup.run()

    folders = 1001 if mode == "BASIC" else 0
    assert (described["Status"], described["FilesVerified"]) == ("SUCCESS", 1_000_000 + folders)
    assert described["FilesTransferred"] == described["EstimatedFilesToTransfer"] == 1_000_000 + folders
    task_id, execution_id = setup.execution_arn.split("/")[1::2]
    stream = {"logGroupName": setup.log_group, "logStreamName": f"{task_id}-{execution_id}"}
    token, pages = {}, []
    for _ in range(2):
        response = own.logs.get_log_events(**stream, startFromHead=True, **token)
        token = {"nextToken": response["nextForwardToken"]}
        pages.append([event["message"] for event in response["events"]])
    last = own.logs.get_log_events(**stream, limit=1)["events"][-1]["message"]
    assert all(len(page) > 1000 for page in pages)
    assert len(set(islice(pages[0], 1000)) & set(pages[1])) == 0
    if mode == "BASIC":
        assert last.endswith("finished with status Success.")
    else:
        assert json.loads(last)["Action"] == "VERIFY"


def test_synthetic_share_without_own_logs_ends_in_error(aws):
    setup = aws.setup()
    aws.control("POST", "synthetic", {"share": f"nas/{setup.name}", "files": 1})

    assert "own logs" in setup.run()["Result"]["ErrorDetail"]
