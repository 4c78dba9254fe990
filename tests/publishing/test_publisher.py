"""Publishing of a sealed execution: each file once, with a cursor that follows the acknowledged messages."""

import json
from dataclasses import dataclass, field

import pytest

from service.domain.errors import AccessDeniedError, NotFoundError, TransientError
from service.domain.execution import Outcome, SendProgress
from service.domain.messages import message_id
from service.domain.observations import PhaseChanged
from service.domain.options import OnError
from service.domain.phases import Phase, Reason
from service.domain.port_types import SendResult
from service.files.outcome_reader import OutcomeReader
from service.operations.commands import OperatorCommands
from tests.fakes.services import MemoryObjects, MemoryQueue
from tests.fakes.stores import MemoryExecutionStore
from tests.fakes.world import BUCKET, PREFIX, Worker, World

SEND = "sqs.SendMessageBatch"
PIT = {"verify_mode": "POINT_IN_TIME_CONSISTENT"}


@dataclass
class FlakyQueue(MemoryQueue):
    """A queue that raises `errors`, and does not accept some files yet. It takes two messages at a time."""

    errors: list[Exception] = field(default_factory=list)
    not_yet_accepted: set[str] = field(default_factory=set)
    batch_size: int = 2

    async def send(self, messages):
        if self.errors:
            raise self.errors.pop(0)
        later = {m.id for m in messages if json.loads(m.body)["fileName"] in self.not_yet_accepted}
        result = await super().send([m for m in messages if m.id not in later])
        return SendResult(result.sent, frozenset(later), result.rejected)


@dataclass
class FlakyObjects(MemoryObjects):
    errors: list[Exception] = field(default_factory=list)
    calls: int = 0

    async def list_page(self, bucket, *, prefix, after):
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return await super().list_page(bucket, prefix=prefix, after=after)


@dataclass
class FlakyExecutionStore(MemoryExecutionStore):
    """A table that loses the answers to some saves, and does not store some completions."""

    lost_answers: int = 0
    unstored_completions: int = 0

    async def save_owned(self, execution, lease, *, is_transition):
        if self.unstored_completions and execution.phase is Phase.PUBLISHED:
            self.unstored_completions -= 1
            raise TransientError("dynamodb.UpdateItem", "slow")
        await super().save_owned(execution, lease, is_transition=is_transition)
        if self.lost_answers and execution.progress.cursor:
            self.lost_answers -= 1
            raise TransientError("dynamodb.UpdateItem", "reset")


@pytest.fixture
def world():
    return World(queue=FlakyQueue(), objects=FlakyObjects({BUCKET: {}}), executions=FlakyExecutionStore())


def sealed(world, *paths, status="SUCCESS", **changes):
    """An execution that has transferred and verified these files, and ended."""
    arn = world.start(**changes)
    world.copy(arn, *paths)
    world.finish(arn, status)
    return arn


async def published(world, *, seconds=90.0, retrying=(), **options):
    worker = Worker(world, **options)
    await worker.work(seconds=seconds, retrying=retrying)
    return worker


async def test_each_file_is_sent_once_in_the_order_of_its_key(world):
    arn = sealed(world, "b", "a", "c/d", "c.e")
    await published(world)
    assert world.names() == ["/a", "/b", "/c.e", "/c/d"]
    execution = world.execution(arn)
    assert execution.file_counts() == {
        "transferred": 4,
        "verified": 4,
        "failed": 0,
        "published": 4,
        "unchanged": 0,
        "missing": 0,
        "superseded": 0,
    }
    assert execution.published_at_ms is not None


async def test_directories_and_datasync_metadata_are_not_sent(world):
    arn = world.start()
    world.log(arn, "[NOTICE] Verified directory /", "[NOTICE] Verified directory /dir")
    world.copy(arn, ".aws-datasync/x", "dir/a", "dir/.aws-datasync")
    world.finish(arn)
    await published(world)
    assert world.names() == ["/dir/.aws-datasync", "/dir/a"]
    assert world.execution(arn).file_counts()["unchanged"] == 1


@pytest.mark.parametrize("gone", [True, False])
async def test_file_missing_at_its_size_is_not_sent_and_is_reported(world, gone):
    arn = sealed(world, "a", "b")
    if gone:
        del world.objects.buckets[BUCKET][f"{PREFIX}a"]
    else:
        world.put("a", 99)
    worker = await published(world)
    assert world.names() == ["/b"]
    assert (world.execution(arn).reason, world.execution(arn).file_counts()["missing"]) == (Reason.FILES_MISSING, 1)
    assert [observation.outcomes for observation in worker.chunks()] == [{Outcome.PUBLISHED: 1, Outcome.MISSING: 1}]


async def test_file_that_was_only_verified_again_is_not_sent_again(world):
    sealed(world, "a", **PIT)
    await published(world)
    world.clock.advance(100)
    second = world.start(**PIT)
    world.log(second, "[NOTICE] Verified file /a, 3 bytes")
    world.copy(second, "b")
    world.finish(second)
    await published(world, owner="worker-2")
    assert world.names() == ["/a", "/b"]
    assert world.execution(second).file_counts()["unchanged"] == 1


async def test_publish_unchanged_sends_a_file_that_was_only_verified_again(world):
    sealed(world, "a", **PIT)
    await published(world, publish_unchanged=True)
    world.clock.advance(100)
    second = world.start(**PIT)
    world.log(second, "[NOTICE] Verified file /a, 3 bytes")
    world.finish(second)
    await published(world, owner="worker-2", publish_unchanged=True)
    states = [json.loads(message.body)["state"]["transferred_state"] for message in world.queue.messages]
    assert (world.names(), states) == (["/a", "/a"], ["true", "false"])


async def test_s3_is_not_asked_without_check_s3(world):
    sealed(world, "a")
    world.objects.buckets.clear()
    await published(world, check_s3=False)
    assert (world.names(), world.objects.calls) == (["/a"], 0)
    assert "etag" not in json.loads(world.queue.messages[0].body)


async def test_execution_whose_log_does_not_show_new_files_is_held_without_s3_and_can_be_released(world):
    arn = sealed(world, "a", **PIT)
    worker = await published(world, check_s3=False)
    assert (world.execution(arn).phase, world.execution(arn).reason) == (Phase.HELD, Reason.FRESHNESS_UNKNOWN)
    await OperatorCommands(world.executions, world.facts).release(world.execution(arn).id)
    await worker.work(seconds=60)
    assert (world.execution(arn).phase, world.names()) == (Phase.PUBLISHED, ["/a"])


async def test_on_error_publish_sends_the_good_files_at_once(world):
    arn = world.start()
    world.copy(arn, "bad", "good")
    world.log(arn, "[NOTICE] Verification failed <> /bad")
    world.finish(arn, "ERROR", files_verified=2)
    worker = await published(world, on_error=OnError.PUBLISH)
    assert world.names() == ["/good"]
    assert sum(observation.failed_files for observation in worker.chunks()) == 1


# The queue.


async def test_only_the_message_that_the_queue_did_not_accept_is_sent_again(world):
    sealed(world, *"abcdef")
    world.queue.not_yet_accepted = {"/c"}
    worker = Worker(world)
    with pytest.raises(TransientError):
        await worker.work(seconds=90)
    assert sorted(world.names()) == ["/a", "/b", "/d", "/e", "/f"]
    world.queue.not_yet_accepted = set()
    await worker.work(seconds=60)
    assert sorted(world.names()) == ["/a", "/b", "/c", "/d", "/e", "/f"]


async def test_cursor_stays_before_the_first_message_that_was_not_accepted(world):
    arn = sealed(world, *"abcdef")
    world.queue.not_yet_accepted = {"/c"}
    worker = Worker(world)
    with pytest.raises(TransientError):
        await worker.work(seconds=90)
    execution = world.execution(arn)
    assert execution.progress == SendProgress("b", tuple(message_id(arn, path) for path in "def"))
    assert execution.file_counts()["published"] == 2
    assert [chunk.cursor for chunk in worker.chunks()] == ["b"]


async def test_another_worker_continues_after_the_cursor_and_sends_nothing_twice(world):
    arn = sealed(world, *"abcdef")
    world.queue.not_yet_accepted = {"/c"}
    worker = Worker(world)
    with pytest.raises(TransientError):
        await worker.work(seconds=90)
    await worker.leases.release_all()
    world.queue.not_yet_accepted = set()
    await published(world, owner="worker-2")
    assert sorted(world.names()) == ["/a", "/b", "/c", "/d", "/e", "/f"]
    assert world.execution(arn).file_counts()["published"] == 6


async def test_unavailable_queue_is_retried_and_holds_nothing(world):
    sealed(world, *"abc")
    world.queue.errors = [
        TransientError(SEND, "away"),
        NotFoundError(SEND, "no queue"),
        AccessDeniedError(SEND, "no"),
    ] * 3
    await published(world, retrying=(TransientError, NotFoundError, AccessDeniedError))
    assert sorted(world.names()) == ["/a", "/b", "/c"]


async def test_rejected_message_holds_its_execution_and_no_other(world):
    bad, good = sealed(world, *"abc"), sealed(world, "d")
    world.queue.refuses = {message_id(bad, "b"): "too large"}
    worker = await published(world)
    assert (world.execution(bad).phase, world.execution(bad).reason) == (Phase.HELD, Reason.MESSAGE_REJECTED)
    assert sorted(world.names()) == ["/a", "/c", "/d"]
    assert world.execution(good).phase is Phase.PUBLISHED
    world.queue.refuses = {}
    await OperatorCommands(world.executions, world.facts).release(world.execution(bad).id)
    await worker.work(seconds=60)
    assert sorted(world.names()) == ["/a", "/b", "/c", "/d"]
    assert world.execution(bad).file_counts()["published"] == 3


async def test_nothing_is_sent_once_the_lease_is_lost(world):
    arn = sealed(world, "a")
    worker = Worker(world)
    await worker.work(until=lambda: bool(world.executions.records) and world.execution(arn).plan is not None)
    world.clock.advance(23)  # After this silence another worker may own it.
    assert await worker.runners[world.execution(arn).id].tick() is None
    assert (world.execution(arn).progress.cursor, world.sent()) == ("", [])


# S3.


async def test_execution_without_access_to_its_bucket_is_held_after_the_deadline_and_continues_automatically(world):
    arn = sealed(world, "a")
    denied = AccessDeniedError("s3.ListObjectsV2", "no access to the bucket; allow s3:ListBucket")
    world.objects.errors = [denied] * 10_000
    worker = await published(world, retrying=(AccessDeniedError,))
    execution = world.execution(arn)
    assert (execution.phase, execution.reason, execution.reason_detail) == (Phase.PUBLISHING, None, denied.detail)
    await worker.work(seconds=900, retrying=(AccessDeniedError,))
    execution = world.execution(arn)
    assert (execution.phase, execution.reason) == (Phase.HELD, Reason.ACCESS_DENIED)
    assert (execution.reason_detail, world.sent()) == (denied.detail, [])
    world.objects.errors = []
    await worker.work(seconds=900)
    execution = world.execution(arn)
    assert (execution.phase, execution.reason, execution.reason_detail) == (Phase.PUBLISHED, None, None)
    assert world.names() == ["/a"]


async def test_execution_whose_bucket_does_not_exist_is_held_at_once_and_can_be_released(world):
    arn = sealed(world, "a")
    world.objects.errors = [NotFoundError("s3.ListObjectsV2", "there is no bucket landing")]
    worker = await published(world)
    execution = world.execution(arn)
    assert (execution.phase, execution.reason) == (Phase.HELD, Reason.BUCKET_NOT_FOUND)
    assert (execution.reason_detail, world.sent()) == ("there is no bucket landing", [])
    await OperatorCommands(world.executions, world.facts).release(execution.id)
    await worker.work(seconds=60)
    assert world.names() == ["/a"]


async def test_unavailable_s3_is_retried(world):
    sealed(world, "a")
    world.objects.errors = [TransientError("s3.ListObjectsV2", "slow")] * 3
    await published(world, retrying=(TransientError,))
    assert world.names() == ["/a"]


# The table.


async def test_lost_answer_to_a_save_sends_nothing_twice(world):
    arn = sealed(world, *"abcd")
    world.executions.lost_answers = 2
    await published(world, retrying=(TransientError,))
    assert sorted(world.names()) == ["/a", "/b", "/c", "/d"]
    assert world.execution(arn).file_counts()["published"] == 4


async def test_files_of_several_chunks_are_all_published(world):
    arn = world.start()
    paths = [f"{n:05}" for n in range(2500)]
    world.copy(arn, *paths)
    world.finish(arn)
    worker = await published(world)
    assert sorted(world.names()) == [f"/{path}" for path in paths]
    assert [observation.cursor for observation in worker.chunks()] == ["00999", "01999", "02499"]
    assert world.execution(arn).file_counts()["published"] == 2500


async def test_completion_that_could_not_be_stored_is_repeated(world):
    first = sealed(world, "a", status="ERROR")
    world.clock.advance(1)
    second = sealed(world, "b")
    world.executions.unstored_completions = 2
    await published(world, retrying=(TransientError,))
    assert sorted(world.names()) == ["/a", "/b"]
    assert (world.execution(first).reason, world.execution(second).phase) == (Reason.CARRIED, Phase.PUBLISHED)


async def test_outcome_of_each_file_is_stored(world):
    arn = sealed(world, *"abc")
    del world.objects.buckets[BUCKET][f"{PREFIX}b"]
    await published(world)
    reader = OutcomeReader(world.outcomes, world.execution(arn).id)
    assert [await reader.outcome_of(path) for path in "abc"] == ["published", "missing", "published"]


async def test_publish_delay_is_reported_once(world):
    arn = sealed(world, "a")
    worker = await published(world)
    await OperatorCommands(world.executions, world.facts).replay(world.execution(arn).id)
    await worker.work(seconds=30)
    delays = [o.publish_delay_s for o in worker.observations if isinstance(o, PhaseChanged) and o.publish_delay_s]
    assert len(delays) == 1
    assert 10 <= delays[0] <= 30
