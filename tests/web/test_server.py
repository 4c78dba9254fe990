import asyncio
import io
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import aiohttp
import pytest
from yarl import URL

from service.domain.errors import AccessDeniedError, NotFoundError, TransientError
from service.domain.execution import S3Location
from service.domain.names import parse_execution_arn
from service.domain.observations import LeaseLost, LoopHealth
from service.domain.phases import Phase
from service.domain.views import CursorError, ExecutionFile, FilePage, FileState
from service.observability import health, http, logging
from service.telemetry.metrics import Metrics
from service.web.health import ReadinessProbe
from service.web.server import WebContext, serving
from tests.domain.examples import an_execution

NAME = parse_execution_arn("arn:aws:datasync:eu-west-1:111122223333:task/task-0a/execution/exec-0b")
EXECUTION = an_execution(
    name=NAME,
    target=S3Location("bucket", ""),
    started_at_ms=1_767_323_045_000,
    ended_at_ms=None,
    phase=Phase.FOLLOWING,
)
FILE = ExecutionFile("dir/ä\n.csv", FileState.PUBLISHED, 20, 1_767_323_045_000)


class Inspection:
    """Shows one execution, notes what it is asked, and fails when it is told to."""

    def __init__(self) -> None:
        self.asked: list[object] = []
        self.error: Exception | None = None

    async def latest(self, limit):
        self._note(limit)
        return [replace(EXECUTION, status="ERROR"), EXECUTION][:limit]

    async def execution(self, execution_id):
        self._note(execution_id)
        return EXECUTION if execution_id == NAME.execution_id else None

    async def files(self, execution_id, *, state, prefix, limit, cursor):
        self._note((execution_id, state, prefix, limit, cursor))
        return FilePage([FILE], "next") if execution_id == NAME.execution_id else None

    def _note(self, asked: object) -> None:
        self.asked.append(asked)
        if self.error:
            raise self.error


class Check:
    """Answers, or does not, and counts how often it is asked."""

    def __init__(self, answer: str | Exception = "table t") -> None:
        self.answer, self.asked = answer, 0

    async def check(self) -> str:
        self.asked += 1
        await asyncio.Event().wait() if self.answer == "never" else None
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


class World:
    """A site whose parts are at hand."""

    def __init__(self) -> None:
        self.inspection, self.metrics, self.health = Inspection(), Metrics(), LoopHealth()
        self.checks, self.swept = {"table": Check(), "queue": Check("queue q")}, True

    @asynccontextmanager
    async def client(self) -> AsyncIterator[aiohttp.ClientSession]:
        site = WebContext(self.inspection, self.metrics, self.health, ReadinessProbe(self.checks, lambda: self.swept))
        async with (
            serving(site, host="127.0.0.1", port=0) as port,
            aiohttp.ClientSession(f"http://127.0.0.1:{port}") as client,
        ):
            yield client

    async def get(self, path: str | URL, status: int = 200) -> dict:
        async with self.client() as client, client.get(path) as response:
            assert response.status == status
            assert response.content_type == "application/json"
            return await response.json()


async def test_executions_are_shown_newest_first_and_a_hundred_unless_asked():
    world = World()
    shown = await world.get("/api/executions")
    assert [each["datasync_status"] for each in shown["executions"]] == ["ERROR", "SUCCESS"]
    assert len((await world.get("/api/executions?limit=1"))["executions"]) == 1
    await world.get("/api/executions?limit=1000")
    assert world.inspection.asked == [100, 1, 1000]


async def test_one_execution_is_shown_by_its_id():
    shown = await World().get("/api/executions/exec-0b")
    assert (shown["execution_arn"], shown["files"]["published"]) == (NAME.arn, 0)


async def test_one_execution_is_shown_by_its_arn_too():
    world = World()
    path = URL(f"/api/executions/{NAME.arn.replace('/', '%2F')}", encoded=True)
    assert (await world.get(path))["execution_id"] == "exec-0b"


@pytest.mark.parametrize("name", ["exec-0c", "nonsense", "exec-0b%0a", "%FF", "exec-0b/files/x"])
@pytest.mark.parametrize("more", ["", "/files"])
async def test_what_is_not_there_is_a_404_in_json(name: str, more: str):
    assert set(await World().get(f"/api/executions/{name}{more}", 404)) == {"error"}


async def test_files_are_shown_with_a_cursor_to_those_that_follow():
    world = World()
    assert await world.get("/api/executions/exec-0b/files") == {
        "files": [
            {
                "path": "/dir/ä\n.csv",
                "state": "published",
                "size": 20,
                "verified_at": "2026-01-02T03:04:05Z",
                "reason": None,
            },
        ],
        "next_cursor": "next",
    }
    await world.get("/api/executions/exec-0b/files?state=missing&prefix=/dir%20x/&limit=7&cursor=abc")
    await world.get("/api/executions/exec-0b/files?state=&prefix=&limit=&cursor=")
    assert world.inspection.asked == [
        ("exec-0b", None, "", 100, None),
        ("exec-0b", FileState.MISSING, "/dir x/", 7, "abc"),
        ("exec-0b", None, "", 100, None),
    ]


@pytest.mark.parametrize("path", ["/api/executions?", "/api/executions/exec-0b/files?"])
@pytest.mark.parametrize("limit", ["0", "1001", "-1", "ten", "1.5", "1e2", "٣", "9" * 5000])
async def test_a_wrong_limit_is_refused_by_name(path: str, limit: str):
    world = World()
    assert await world.get(f"{path}limit={limit}", 400) == {"error": "limit: a whole number from 1 to 1000"}
    assert world.inspection.asked == []


async def test_a_wrong_state_or_cursor_is_refused_by_name():
    world = World()
    answer = await world.get("/api/executions/exec-0b/files?state=lost", 400)
    assert answer["error"].startswith("state: one of transferred, verified, failed, published,")
    world.inspection.error = CursorError()
    answer = await world.get("/api/executions/exec-0b/files?cursor=x", 400)
    assert answer == {"error": "cursor: not one that this path has given"}


@pytest.mark.parametrize(
    "error", [NotFoundError("c", "there is no table t: make it"), TransientError("c", "try again")]
)
@pytest.mark.parametrize("path", ["", "/exec-0b", "/exec-0b/files"])
async def test_while_the_table_does_not_answer_the_sentence_is_shown(error, path):
    world = World()
    world.inspection.error = error
    assert await world.get(f"/api/executions{path}", 503) == {"error": error.detail}


async def test_an_answer_that_takes_too_long_is_given_up(monkeypatch):
    monkeypatch.setattr(http, "ANSWER_TIMEOUT_S", 0.01)
    world = World()
    world.inspection.latest = lambda _: asyncio.Event().wait()
    assert await world.get("/api/executions", 503) == {"error": "no answer within 0 s"}


async def test_a_fault_of_ours_is_a_500_that_tells_nothing_of_itself():
    stream = io.StringIO()
    logging.configure(level="info", as_json=True, stream=stream)
    world = World()
    world.inspection.error = KeyError("secret")
    assert await world.get("/api/executions", 500) == {"error": "a fault of this service; its log says more"}
    (line,) = map(json.loads, stream.getvalue().splitlines())
    assert (line["event"], line["exception"][0]["exc_type"]) == ("http_failed", "KeyError")


async def test_unknown_paths_and_methods_are_errors_in_json():
    world = World()
    assert await world.get("/nowhere%FF", 404) == {"error": "Not Found: GET /nowhere%FF"}
    async with world.client() as client:
        for method in ("POST", "PUT", "DELETE", "OPTIONS"):
            async with client.request(method, "/api/executions") as response:
                assert response.status == 405
                assert response.headers["Allow"] == "GET,HEAD"
                assert await response.json() == {"error": f"Method Not Allowed: {method} /api/executions"}


@pytest.mark.parametrize(
    "path", ["/", "/healthz", "/readyz", "/metrics", "/api/executions", "/api/executions/exec-0b", "/nowhere"]
)
async def test_head_answers_like_get_without_a_body_and_nothing_may_be_stored(path: str):
    async with World().client() as client, client.get(path) as get, client.head(path) as head:
        assert (get.status, get.headers["Content-Type"]) == (head.status, head.headers["Content-Type"])
        assert await get.read()
        assert await head.read() == b""
        for response in (get, head):
            assert response.headers["Cache-Control"] == "no-store"
            assert response.headers["X-Content-Type-Options"] == "nosniff"
            assert response.headers["Server"] == "datasync-trigger"
            assert "default-src 'none'" in response.headers["Content-Security-Policy"]


async def test_the_root_points_to_everything():
    async with World().client() as client, client.get("/") as response:
        assert response.content_type == "text/plain"
        text = await response.text()
    assert all(path in text for path in ("/api/executions", "/metrics", "/healthz", "/readyz"))


async def test_health_says_which_loop_is_late():
    world = World()
    assert await world.get("/healthz") == {"ok": True, "checks": {}}
    now_s = asyncio.get_running_loop().time()
    world.health.rounds["sweep"] = (now_s, 60.0)
    assert (await world.get("/healthz"))["checks"]["sweep"]["ok"] is True
    world.health.rounds["survey"] = (now_s - 61.0, 60.0)
    answer = await world.get("/healthz", 503)
    assert answer["ok"] is False
    assert answer["checks"]["sweep"] == {"ok": True, "detail": "last round 0 s ago"}
    assert answer["checks"]["survey"] == {"ok": False, "detail": "late: last round 61 s ago"}


async def test_ready_is_who_has_table_queue_and_a_first_sweep():
    world = World()
    assert await world.get("/readyz") == {
        "ok": True,
        "checks": {
            "table": {"ok": True, "detail": "table t"},
            "queue": {"ok": True, "detail": "queue q"},
            "first_sweep": {"ok": True, "detail": "done"},
        },
    }
    world.swept = False
    answer = await world.get("/readyz", 503)
    assert answer["checks"]["first_sweep"] == {"ok": False, "detail": "not done yet"}


async def test_what_is_missing_says_what_to_do():
    world = World()
    world.checks["queue"].answer = AccessDeniedError("sqs.GetQueueAttributes", "no access to the queue; allow it")
    answer = await world.get("/readyz", 503)
    assert answer["checks"]["queue"] == {"ok": False, "detail": "no access to the queue; allow it"}
    assert answer["checks"]["table"]["ok"] is True


async def test_a_check_that_does_not_answer_is_given_up(monkeypatch):
    monkeypatch.setattr(health, "CHECK_TIMEOUT_S", 0.01)
    world = World()
    world.checks["table"].answer = "never"
    answer = await world.get("/readyz", 503)
    assert answer["checks"]["table"]["ok"] is False
    assert answer["checks"]["queue"]["ok"] is True


async def test_however_often_readiness_is_asked_aws_is_asked_once_a_second():
    world = World()
    async with world.client() as client:
        for response in await asyncio.gather(*(client.get("/readyz") for _ in range(20))):
            assert response.status == 200
            response.release()
    assert world.checks["table"].asked == 1


async def test_readiness_is_asked_again_after_a_second(monkeypatch):
    monkeypatch.setattr(health, "KEPT_S", 0.0)
    world = World()
    async with world.client() as client:
        for detail in ("table t", "table u"):
            world.checks["table"].answer = detail
            async with client.get("/readyz") as response:
                assert (await response.json())["checks"]["table"]["detail"] == detail


async def test_metrics_are_text_and_openmetrics_when_asked_for():
    world = World()
    world.metrics.record(LeaseLost("sweep"))
    async with world.client() as client:
        async with client.get("/metrics") as response:
            assert response.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
            assert "datasync_trigger_leases_lost_total 1.0" in await response.text()
        async with client.get("/metrics", headers={"Accept": "application/openmetrics-text;version=1.0.0"}) as response:
            assert response.content_type == "application/openmetrics-text"
            assert (await response.text()).endswith("# EOF\n")


async def test_a_port_that_is_taken_is_an_error_and_leaves_nothing_behind():
    world = World()
    site = WebContext(world.inspection, world.metrics, world.health, ReadinessProbe({}, lambda: True))
    async with serving(site, host="127.0.0.1", port=0) as port:
        with pytest.raises(OSError, match="address already in use"):
            await serving(site, host="127.0.0.1", port=port).__aenter__()
    async with serving(site, host="127.0.0.1", port=port) as again:
        assert again == port


async def test_an_idle_connection_does_not_hold_up_the_end():
    world = World()
    async with asyncio.timeout(5):
        async with world.client() as client:
            response = await client.get("/")
            await response.read()
