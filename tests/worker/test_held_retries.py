"""Refusals of a task's resources in each phase, with the real steps: shown, held, retried, and over."""

from dataclasses import replace

import pytest

from service.domain.errors import AccessDeniedError, AwsCallError, CredentialsError, NotFoundError
from service.domain.observations import PhaseChanged
from service.domain.phases import Phase, Reason
from service.operations.commands import OperatorCommands
from tests.fakes.world import Worker, World

DEADLINE_S = 900.0
MAX_RETRY_PAUSE_S = 900.0

REFUSALS = {
    (Phase.FOLLOWING, "datasync", "describe_execution"): "datasync.DescribeTaskExecution",
    (Phase.FOLLOWING, "logs", "list_streams"): "logs.DescribeLogStreams",
    (Phase.FOLLOWING, "logs", "read_page"): "logs.GetLogEvents",
    (Phase.SEALING, "datasync", "describe_execution"): "datasync.DescribeTaskExecution",
    (Phase.SEALING, "logs", "list_streams"): "logs.DescribeLogStreams",
    (Phase.SEALING, "logs", "read_page"): "logs.GetLogEvents",
    (Phase.PUBLISHING, "objects", "list_page"): "s3.ListObjectsV2",
    (Phase.PUBLISHING, "objects", "head"): "s3.HeadObject",
}


class Scene:
    """A world and its worker. A port's method can be made to fail."""

    def __init__(self):
        self.world = World()
        self.worker = Worker(self.world)
        self.arn = self.world.start()
        self.calls = 0

    def refuse(self, port, method, error):
        """Let each call of a port's method raise from now on."""

        async def raise_error(*_, **__):
            self.calls += 1
            raise error.with_traceback(None)

        setattr(getattr(self.world, port), method, raise_error)

    def allow(self, port, method):
        """Let the method work again."""
        delattr(getattr(self.world, port), method)

    async def work(self, seconds, *, until=lambda: False):
        await self.worker.work(seconds=seconds, until=until, retrying=(AwsCallError,))

    async def work_until(self, phase):
        await self.work(300, until=lambda: self.execution.phase is phase)
        assert self.execution.phase is phase

    @property
    def execution(self):
        return self.world.execution(self.arn)

    @property
    def shown(self):
        return self.execution.phase, self.execution.reason, self.execution.reason_detail

    async def bring_to(self, phase):
        """Bring the execution into the phase. One of its two files has no object, so that S3 is asked by its name."""
        await self.work(30)
        self.world.copy(self.arn, "a.csv", "b.csv")
        del self.world.objects.buckets["bucket"]["in/b.csv"]
        await self.work(30)
        if phase is not Phase.FOLLOWING:
            self.world.finish(self.arn)
            await self.work_until(phase)
        assert self.execution.phase is phase

    def holds(self):
        """Return the transitions to HELD."""
        changes = [o for o in self.worker.observations if isinstance(o, PhaseChanged)]
        return [(o.previous_phase, o.reason, o.reason_detail) for o in changes if o.phase is Phase.HELD]


def denied(operation):
    return AccessDeniedError(operation, f"no access; allow {operation} to the role")


@pytest.mark.parametrize(("phase", "port", "method"), REFUSALS)
async def test_refusal_is_shown_then_held_then_retried_until_access_is_there(phase, port, method):
    scene = Scene()
    await scene.bring_to(phase)
    error = denied(REFUSALS[phase, port, method])
    scene.refuse(port, method, error)

    await scene.work(60, until=lambda: scene.calls > 0)
    assert scene.shown == (phase, None, error.detail)
    await scene.work(DEADLINE_S - 30)
    assert scene.shown == (phase, None, error.detail)
    await scene.work(60)
    assert scene.shown == (Phase.HELD, Reason.ACCESS_DENIED, error.detail)
    assert scene.worker.leases.execution_ids == set()

    calls = scene.calls
    await scene.work(4 * 3600)
    assert scene.shown == (Phase.HELD, Reason.ACCESS_DENIED, error.detail)
    assert scene.holds() == [(phase, Reason.ACCESS_DENIED, error.detail)]
    assert 4 * 3600 / MAX_RETRY_PAUSE_S - 2 <= scene.calls - calls <= 30

    scene.allow(port, method)
    await scene.work(MAX_RETRY_PAUSE_S + 30, until=lambda: scene.execution.phase is not Phase.HELD)
    assert scene.execution.phase is not Phase.HELD
    if phase is Phase.FOLLOWING:
        assert scene.shown == (Phase.FOLLOWING, None, None)
        scene.world.finish(scene.arn)
    await scene.work_until(Phase.PUBLISHED)
    assert scene.execution.reason is Reason.FILES_MISSING
    assert error.detail not in scene.execution.reason_detail
    assert (scene.execution.blocked_since_ms, scene.execution.retry_at_ms) == (None, None)
    assert scene.world.names() == ["/a.csv"]
    assert len(scene.holds()) == 1


@pytest.mark.parametrize(("phase", "port", "method"), REFUSALS)
async def test_refusal_that_is_over_before_the_deadline_is_no_longer_shown(phase, port, method):
    scene = Scene()
    await scene.bring_to(phase)
    error = denied(REFUSALS[phase, port, method])
    scene.refuse(port, method, error)
    await scene.work(DEADLINE_S - 60)
    assert scene.shown == (phase, None, error.detail)
    scene.allow(port, method)
    await scene.worker.round()
    assert scene.execution.reason_detail is None or error.detail not in scene.execution.reason_detail
    assert scene.execution.blocked_since_ms is None
    scene.world.finish(scene.arn)
    await scene.work_until(Phase.PUBLISHED)
    assert (scene.world.names(), scene.holds()) == (["/a.csv"], [])


@pytest.mark.parametrize(("phase", "port", "method"), REFUSALS)
async def test_credentials_that_have_expired_never_hold_an_execution(phase, port, method):
    scene = Scene()
    await scene.bring_to(phase)
    error = CredentialsError(REFUSALS[phase, port, method], "the credentials have expired")
    scene.refuse(port, method, error)
    await scene.work(1.5 * DEADLINE_S)
    assert scene.shown == (phase, None, "the credentials have expired")
    assert scene.holds() == []


async def test_access_that_is_denied_after_the_credentials_had_expired_for_long_does_not_hold_at_once():
    scene = Scene()
    await scene.bring_to(Phase.SEALING)
    scene.refuse("logs", "list_streams", CredentialsError("logs.DescribeLogStreams", "the credentials have expired"))
    await scene.work(20 * 60)
    assert scene.shown == (Phase.SEALING, None, "the credentials have expired")
    error = denied("logs.DescribeLogStreams")
    scene.refuse("logs", "list_streams", error)
    await scene.work(DEADLINE_S - 60)
    assert scene.shown == (Phase.SEALING, None, error.detail)
    await scene.work(120)
    assert scene.shown == (Phase.HELD, Reason.ACCESS_DENIED, error.detail)


async def test_execution_with_an_incomplete_log_that_goes_on_after_a_refusal_is_published_as_such():
    scene = Scene()
    await scene.work(30)
    scene.world.copy(scene.arn, "a.csv")
    scene.world.finish(scene.arn, files_verified=9)
    error = denied("s3.ListObjectsV2")
    scene.refuse("objects", "list_page", error)
    await scene.work(3 * DEADLINE_S, until=lambda: scene.execution.phase is Phase.HELD)
    assert scene.shown == (Phase.HELD, Reason.ACCESS_DENIED, error.detail)
    scene.allow("objects", "list_page")
    await scene.work(MAX_RETRY_PAUSE_S + 30, until=lambda: scene.execution.phase is Phase.PUBLISHED)
    changes = [o for o in scene.worker.observations if isinstance(o, PhaseChanged)]
    assert [(o.phase, o.reason) for o in changes[-4:]] == [
        (Phase.PUBLISHING, Reason.LOG_INCOMPLETE),
        (Phase.HELD, Reason.ACCESS_DENIED),
        (Phase.PUBLISHING, Reason.LOG_INCOMPLETE),
        (Phase.PUBLISHED, Reason.LOG_INCOMPLETE),
    ]
    assert scene.world.names() == ["/a.csv"]


async def test_held_execution_is_retried_by_another_worker():
    scene = Scene()
    await scene.bring_to(Phase.SEALING)
    scene.refuse("logs", "list_streams", denied("logs.DescribeLogStreams"))
    await scene.work(2 * DEADLINE_S)
    assert scene.execution.phase is Phase.HELD
    await scene.worker.leases.release_all()
    scene.allow("logs", "list_streams")
    scene.worker = Worker(scene.world, owner="worker-2")
    await scene.work(MAX_RETRY_PAUSE_S + 60, until=lambda: scene.execution.phase is Phase.PUBLISHED)
    assert scene.execution.phase is Phase.PUBLISHED
    assert scene.world.names() == ["/a.csv"]


async def test_held_execution_does_not_keep_a_later_one_from_being_published():
    scene = Scene()
    await scene.bring_to(Phase.PUBLISHING)
    scene.refuse("objects", "list_page", denied("s3.ListObjectsV2"))
    later = scene.world.start()
    scene.world.copy(later, "c.csv")
    scene.world.finish(later)
    await scene.work(DEADLINE_S + 60)
    assert (scene.execution.phase, scene.world.names()) == (Phase.HELD, [])
    scene.allow("objects", "list_page")
    await scene.work(DEADLINE_S + 60)
    assert scene.world.execution(later).phase is Phase.PUBLISHED
    assert scene.execution.phase is Phase.PUBLISHED
    assert sorted(scene.world.names()) == ["/a.csv", "/c.csv"]


async def test_execution_that_goes_on_after_a_later_one_publishes_no_file_that_the_later_one_has_facts_about():
    scene = Scene()
    await scene.work(30)
    scene.world.copy(scene.arn, "changed.csv", "failed.csv", "old.csv")
    scene.world.finish(scene.arn)
    scene.refuse("objects", "list_page", denied("s3.ListObjectsV2"))
    await scene.work(2 * DEADLINE_S, until=lambda: scene.execution.phase is Phase.HELD)
    first_retry_ms = scene.execution.retry_at_ms
    await scene.work(MAX_RETRY_PAUSE_S, until=lambda: scene.execution.retry_at_ms != first_retry_ms)
    later = scene.world.start()
    scene.world.copy(later, "changed.csv", size_bytes=9)
    scene.world.log(later, "[ERROR] Verification failed <> /failed.csv")
    scene.world.finish(later)
    scene.allow("objects", "list_page")
    await scene.work(300, until=lambda: scene.world.names() != [])
    await scene.work(MAX_RETRY_PAUSE_S + 60)
    assert scene.execution.phase is Phase.PUBLISHED
    assert scene.world.names() == ["/changed.csv", "/old.csv"]
    assert scene.execution.file_counts()["superseded"] == 2


async def test_retry_of_a_growing_execution_stores_no_transition_until_it_succeeds():
    scene = Scene()
    await scene.bring_to(Phase.FOLLOWING)
    scene.refuse("logs", "read_page", denied("logs.GetLogEvents"))
    for number in range(5):
        await scene.work(DEADLINE_S + 60)
        running = scene.world.datasync.described[scene.arn]
        scene.world.datasync.described[scene.arn] = replace(running, files_verified=number)
    assert len(scene.holds()) == 1


async def test_released_execution_that_still_runs_publishes_nothing_before_its_success():
    scene = Scene()
    await scene.bring_to(Phase.FOLLOWING)
    scene.refuse("logs", "read_page", denied("logs.GetLogEvents"))
    await scene.work(DEADLINE_S + 60)
    assert scene.execution.phase is Phase.HELD
    await OperatorCommands(scene.world.executions, scene.world.facts).release(scene.execution.id)
    scene.allow("logs", "read_page")
    await scene.work(600)
    assert (scene.execution.phase, scene.world.names()) == (Phase.FOLLOWING, [])
    scene.world.finish(scene.arn)
    await scene.work_until(Phase.PUBLISHED)
    assert scene.world.names() == ["/a.csv"]


# The queue is the deployment's own.

QUEUE_ERRORS = [
    denied("sqs.SendMessageBatch"),
    NotFoundError("sqs.SendMessageBatch", "there is no queue"),
    CredentialsError("sqs.SendMessageBatch", "the credentials have expired"),
]


@pytest.mark.parametrize("error", QUEUE_ERRORS)
async def test_error_of_the_queue_is_shown_from_the_first_refusal_on_and_holds_nothing(error):
    scene = Scene()
    scene.refuse("queue", "send", error)
    await scene.bring_to(Phase.PUBLISHING)
    await scene.work(60, until=lambda: scene.calls > 0)
    assert scene.shown == (Phase.PUBLISHING, None, error.detail)
    await scene.work(1.5 * DEADLINE_S)
    assert scene.shown == (Phase.PUBLISHING, None, error.detail)
    scene.allow("queue", "send")
    await scene.worker.round()
    assert scene.world.names() == ["/a.csv"]
    assert scene.shown == (Phase.PUBLISHING, None, None)
    await scene.work_until(Phase.PUBLISHED)
    assert (scene.world.names(), scene.holds()) == (["/a.csv"], [])


async def test_message_that_the_queue_rejects_holds_its_execution_at_once_with_the_reason_of_sqs():
    scene = Scene()
    sent = []

    async def look(messages):
        sent.extend(message.id for message in messages)
        raise denied("sqs.SendMessageBatch")

    scene.world.queue.send = look
    await scene.bring_to(Phase.PUBLISHING)
    await scene.work(30)
    scene.allow("queue", "send")
    scene.world.queue.refuses = {sent[0]: "InvalidMessageContents: #x1 is not allowed"}
    await scene.worker.round()
    detail = "the message for '/a.csv' is rejected: InvalidMessageContents: #x1 is not allowed"
    assert scene.shown == (Phase.HELD, Reason.MESSAGE_REJECTED, detail)
    await scene.work(2 * 3600)
    assert scene.shown == (Phase.HELD, Reason.MESSAGE_REJECTED, detail)
    assert len(scene.holds()) == 1


# Resources that do not exist.


async def test_execution_that_datasync_does_not_know_is_held_after_five_minutes_and_goes_on_when_it_is_found():
    scene = Scene()
    await scene.bring_to(Phase.FOLLOWING)
    error = NotFoundError("datasync.DescribeTaskExecution", "there is no such execution")
    scene.refuse("datasync", "describe_execution", error)
    await scene.work(270)
    assert scene.shown == (Phase.FOLLOWING, None, "there is no such execution")
    await scene.work(60)
    assert scene.shown == (Phase.HELD, Reason.EXECUTION_NOT_FOUND, "there is no such execution")
    await scene.work(3600)
    assert scene.holds() == [(Phase.FOLLOWING, Reason.EXECUTION_NOT_FOUND, "there is no such execution")]
    scene.allow("datasync", "describe_execution")
    scene.world.finish(scene.arn)
    await scene.work(MAX_RETRY_PAUSE_S + 30, until=lambda: scene.execution.phase is not Phase.HELD)
    await scene.work_until(Phase.PUBLISHED)
    assert scene.world.names() == ["/a.csv"]


async def test_ended_execution_that_datasync_has_forgotten_is_sealed_with_what_is_known():
    scene = Scene()
    await scene.bring_to(Phase.SEALING)
    scene.refuse("datasync", "describe_execution", NotFoundError("datasync.DescribeTaskExecution", "gone"))
    await scene.work_until(Phase.PUBLISHED)
    assert (scene.world.names(), scene.holds()) == (["/a.csv"], [])


async def test_bucket_that_does_not_exist_holds_at_once_and_is_not_retried():
    scene = Scene()
    await scene.bring_to(Phase.SEALING)
    objects = scene.world.objects.buckets.pop("bucket")
    await scene.work_until(Phase.HELD)
    assert scene.shown == (Phase.HELD, Reason.BUCKET_NOT_FOUND, "there is no bucket bucket")
    scene.world.objects.buckets["bucket"] = objects
    await scene.work(2 * 3600)
    assert scene.execution.phase is Phase.HELD
    assert scene.world.names() == []


async def test_task_of_a_held_execution_is_still_discovered():
    scene = Scene()
    await scene.bring_to(Phase.FOLLOWING)
    scene.refuse("logs", "list_streams", denied("logs.DescribeLogStreams"))
    await scene.work(DEADLINE_S + 60)
    assert scene.execution.phase is Phase.HELD
    later = scene.world.start()
    await scene.work(30)
    assert scene.world.execution(later).phase is Phase.FOLLOWING
