import json
from dataclasses import replace
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain.execution import Target
from service.domain.messages import StoredObject, file_message, message_id, utc
from tests.domain.examples import START_MS, TASK, an_execution, verified

NAME = an_execution(1).name
TARGET = Target("bucket", "prefix/")
FACT = verified("dir/a.csv", 20, START_MS + 1500)
FOUND = StoredObject("prefix/dir/a.csv", 20, "0123abcd", START_MS + 1000)
PATHS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60)


def body(fact=FACT, found=FOUND, *, target=TARGET, transferred=True):
    return json.loads(file_message(NAME, target, fact, found, transferred=transferred).body)


def test_the_message_is_the_contract_s():
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


def test_what_is_only_verified_again_was_not_transferred():
    assert body(transferred=False)["state"] == {
        "transferred_state": "false",
        "verified_state": "true",
        "completed_state": "true",
    }


def test_where_s3_was_not_asked_its_fields_are_left_out():
    assert body().keys() - body(found=None).keys() == {"etag", "last_modified"}
    assert body(found=None)["size"] == 20


def test_a_size_that_neither_s3_nor_the_log_tells_is_left_out():
    assert body(FACT._replace(size_bytes=None), None).keys() == body().keys() - {"etag", "last_modified", "size"}


def test_the_size_is_s3_s_where_the_log_tells_none():
    assert body(FACT._replace(size_bytes=None))["size"] == 20


def test_a_location_at_the_root_of_its_bucket_has_keys_without_a_leading_slash():
    told = body(target=Target("bucket", ""))
    assert (told["key"], told["s3uri"]) == ("dir/a.csv", "s3://bucket/dir/a.csv")


def test_names_are_not_percent_encoded():
    told = body(verified("ä b+%2F&?#.csv"))
    assert told["key"] == "prefix/ä b+%2F&?#.csv"
    assert told["s3uri"] == "s3://bucket/prefix/ä b+%2F&?#.csv"


@given(PATHS)
def test_any_path_arrives_as_it_is(path):
    told = body(verified(path))
    assert (told["fileName"], told["key"], told["id"]) == (f"/{path}", f"prefix/{path}", message_id(NAME.arn, path))


@given(PATHS)
def test_no_character_that_sqs_refuses_is_in_a_body(path):
    def is_taken(code):
        return code in (0x9, 0xA, 0xD) or 0x20 <= code <= 0xD7FF or 0xE000 <= code <= 0xFFFD or code >= 0x10000

    assert all(
        is_taken(ord(character))
        for character in file_message(NAME, TARGET, verified(path), None, transferred=True).body
    )


@pytest.mark.parametrize(
    "character", ["\ufffe", "\uffff", "\0", "\x0b", "\x1f", "\x7f", "\n", '"', "\\", "\U0001f600", "\U0010ffff"]
)
def test_an_awkward_character_arrives_as_it_is(character):
    path = f"a{character}b"
    message = file_message(NAME, TARGET, verified(path), None, transferred=True)
    assert json.loads(message.body)["fileName"] == f"/{path}"
    assert not set(message.body) & {"\ufffe", "\uffff", "\0", "\x0b", "\x1f", "\n"}


def test_the_id_is_the_same_for_every_sending_and_the_deduplication_id_is_new_for_each_replay():
    sent = [file_message(NAME, TARGET, FACT, FOUND, transferred=True, resend=number) for number in range(3)]
    assert {message.id for message in sent} == {message_id(NAME.arn, "dir/a.csv")}
    assert {message.body for message in sent} == {sent[0].body}
    assert [message.deduplication_id for message in sent] == [sent[0].id, f"{sent[0].id}-1", f"{sent[0].id}-2"]


def test_a_deduplication_id_is_one_that_sqs_takes():
    message = file_message(NAME, TARGET, FACT, FOUND, transferred=True, resend=10**9)
    assert len(message.deduplication_id) <= 128
    assert message.deduplication_id.replace("-", "").isalnum()


def test_another_file_or_another_execution_has_another_id():
    other = an_execution(2).name
    assert len({message_id(NAME.arn, "a"), message_id(NAME.arn, "b"), message_id(other.arn, "a")}) == 3


def test_the_ids_of_its_attributes_go_with_the_message():
    message = file_message(NAME, TARGET, FACT, FOUND, transferred=True)
    assert (message.task_id, message.execution_id) == ("task-0123456789abcdef0", "exec-00000000000000001")


def test_two_messages_of_one_file_differ_in_nothing():
    assert file_message(NAME, TARGET, FACT, replace(FOUND), transferred=True) == file_message(
        NAME, TARGET, FACT, FOUND, transferred=True
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
def test_times_are_utc_with_milliseconds_where_there_are_any(at_ms, text):
    assert utc(at_ms) == text
