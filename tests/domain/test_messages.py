import json
from dataclasses import replace
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain.execution import S3Location
from service.domain.messages import StoredObject, file_message, message_id, utc
from tests.domain.examples import START_MS, TASK, an_execution, verified

IDS = an_execution(1).ids
LOCATION = S3Location("bucket", "prefix/")
FACT = verified("dir/a.csv", 20, START_MS + 1500)
STORED = StoredObject("prefix/dir/a.csv", 20, "0123abcd", START_MS + 1000)
PATHS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60)


def body(fact=FACT, stored=STORED, *, location=LOCATION, transferred=True):
    return json.loads(file_message(IDS, location, fact, stored, transferred=transferred).body)


def test_message_has_every_documented_field():
    assert body() == {
        "log_stream": "task-0123456789abcdef0-exec-00000000000000001",
        "fileName": "/dir/a.csv",
        "s3uri": "s3://bucket/prefix/dir/a.csv",
        "state": {"transferred_state": "true", "verified_state": "true", "completed_state": "true"},
        "id": sha256(f"{TASK}/execution/exec-00000000000000001\0/dir/a.csv".encode()).hexdigest(),
        "version": 1,
        "task_arn": TASK,
        "execution_arn": f"{TASK}/execution/exec-00000000000000001",
        "bucket": "bucket",
        "key": "prefix/dir/a.csv",
        "size": 20,
        "etag": "0123abcd",
        "last_modified": "2026-01-02T03:04:06Z",
        "verified_at": "2026-01-02T03:04:06.500Z",
    }


def test_file_that_was_only_verified_again_is_marked_as_not_transferred():
    assert body(transferred=False)["state"] == {
        "transferred_state": "false",
        "verified_state": "true",
        "completed_state": "true",
    }


def test_fields_of_s3_are_left_out_if_s3_was_not_asked():
    assert body().keys() - body(stored=None).keys() == {"etag", "last_modified"}
    assert body(stored=None)["size"] == 20


def test_unknown_size_is_left_out():
    assert body(FACT._replace(size_bytes=None), None).keys() == body().keys() - {"etag", "last_modified", "size"}


def test_size_is_that_of_s3_if_the_log_has_none():
    assert body(FACT._replace(size_bytes=None))["size"] == 20


def test_key_has_no_leading_slash_if_the_location_is_the_root_of_its_bucket():
    message = body(location=S3Location("bucket", ""))
    assert (message["key"], message["s3uri"]) == ("dir/a.csv", "s3://bucket/dir/a.csv")


def test_names_are_not_percent_encoded():
    message = body(verified("ä b+%2F&?#.csv"))
    assert message["key"] == "prefix/ä b+%2F&?#.csv"
    assert message["s3uri"] == "s3://bucket/prefix/ä b+%2F&?#.csv"


@given(PATHS)
def test_any_path_is_preserved(path):
    message = body(verified(path))
    assert (message["fileName"], message["key"], message["id"]) == (
        f"/{path}",
        f"prefix/{path}",
        message_id(IDS.arn, path),
    )


@given(PATHS)
def test_body_has_only_characters_that_sqs_accepts(path):
    def is_accepted(code):
        return code in (0x9, 0xA, 0xD) or 0x20 <= code <= 0xD7FF or 0xE000 <= code <= 0xFFFD or code >= 0x10000

    assert all(
        is_accepted(ord(character))
        for character in file_message(IDS, LOCATION, verified(path), None, transferred=True).body
    )


@pytest.mark.parametrize(
    "character", ["\ufffe", "\uffff", "\0", "\x0b", "\x1f", "\x7f", "\n", '"', "\\", "\U0001f600", "\U0010ffff"]
)
def test_unusual_character_is_preserved(character):
    path = f"a{character}b"
    message = file_message(IDS, LOCATION, verified(path), None, transferred=True)
    assert json.loads(message.body)["fileName"] == f"/{path}"
    assert not set(message.body) & {"\ufffe", "\uffff", "\0", "\x0b", "\x1f", "\n"}


def test_id_is_the_same_for_every_sending_and_the_deduplication_id_is_new_for_each_replay():
    sent = [file_message(IDS, LOCATION, FACT, STORED, transferred=True, replay_count=number) for number in range(3)]
    assert {message.id for message in sent} == {message_id(IDS.arn, "dir/a.csv")}
    assert {message.body for message in sent} == {sent[0].body}
    assert [message.deduplication_id for message in sent] == [sent[0].id, f"{sent[0].id}-1", f"{sent[0].id}-2"]


def test_deduplication_id_is_accepted_by_sqs():
    message = file_message(IDS, LOCATION, FACT, STORED, transferred=True, replay_count=10**9)
    assert len(message.deduplication_id) <= 128
    assert message.deduplication_id.replace("-", "").isalnum()


def test_other_files_and_executions_have_other_ids():
    other = an_execution(2).ids
    assert len({message_id(IDS.arn, "a"), message_id(IDS.arn, "b"), message_id(other.arn, "a")}) == 3


def test_message_has_the_ids_of_its_task_and_execution():
    message = file_message(IDS, LOCATION, FACT, STORED, transferred=True)
    assert (message.task_id, message.execution_id) == ("task-0123456789abcdef0", "exec-00000000000000001")


def test_two_messages_of_one_file_are_equal():
    assert file_message(IDS, LOCATION, FACT, replace(STORED), transferred=True) == file_message(
        IDS, LOCATION, FACT, STORED, transferred=True
    )


@pytest.mark.parametrize(
    ("at_ms", "text"),
    [
        (0, "1970-01-01T00:00:00Z"),
        (START_MS, "2026-01-02T03:04:05Z"),
        (START_MS + 1, "2026-01-02T03:04:05.001Z"),
        (START_MS + 100, "2026-01-02T03:04:05.100Z"),
        (951_782_400_000, "2000-02-29T00:00:00Z"),
    ],
)
def test_times_are_utc_with_milliseconds_only_if_there_are_any(at_ms, text):
    assert utc(at_ms) == text
