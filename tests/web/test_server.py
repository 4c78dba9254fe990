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
from service.domain.observations import LeaseLost
from service.domain.phases import Phase, Reason
from service.domain.views import CursorError, ExecutionFile, FilePage, FileState
from service.telemetry import logging
from service.telemetry.loop_health import LoopHealth
from service.telemetry.metrics import Metrics
from service.web import health, server
from service.web.health import ReadinessProbe
from service.web.server import WebContext, serve
from tests.domain.examples import an_execution

IDS = parse_execution_arn("arn:aws:datasync:eu-west-1:111122223333:task/task-0a/execution/exec-0b")
EXECUTION = an_execution(
    ids=IDS,
    location=S3Location("bucket", ""),
    started_at_ms=1_767_323_045_000,
    ended_at_ms=None,
    phase=Phase.FOLLOWING,
)
FILE = ExecutionFile("dir/ä\n.csv", FileState.PUBLISHED, 20, 1_767_323_045_000)


class FakeInspector:
    """An inspector with one execution. It records the calls, and raises `error` if that is set."""

    def __init__(self) -> None:
        self.calls: list[object] = []
        self.error: Exception | None = None
        self.newest, self.known = replace(EXECUTION, status="ERROR"), EXECUTION

    async def latest(self, limit):
        self._record(limit)
        return [self.newest, self.known][:limit]

    async def execution(self, execution_id):
        self._record(execution_id)
        return self.known if execution_id == IDS.execution_id else None

    async def files(self, execution_id, *, state, prefix, limit, cursor):
        self._record((execution_id, state, prefix, limit, cursor))
        return FilePage([FILE], "next") if execution_id == IDS.execution_id else None

    def _record(self, call: object) -> None:
        self.calls.append(call)
        if self.error:
            raise self.error


class Check:
    """A check that returns or raises `answer`, or never ends, and counts its calls."""

    def __init__(self, answer: str | Exception = "table t") -> None:
        self.answer, self.calls = answer, 0

    async def check(self) -> str:
        self.calls += 1
        await asyncio.Event().wait() if self.answer == "never" else None
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


class Site:
    """A server and its parts."""

    def __init__(self) -> None:
        self.inspector, self.metrics, self.health = FakeInspector(), Metrics(), LoopHealth()
        self.checks, self.has_discovered = {"table": Check(), "queue": Check("queue q")}, True

    @asynccontextmanager
    async def client(self) -> AsyncIterator[aiohttp.ClientSession]:
        context = WebContext(
            self.inspector, self.metrics, self.health, ReadinessProbe(self.checks, lambda: self.has_discovered)
        )
        async with (
            serve(context, host="127.0.0.1", port=0) as port,
            aiohttp.ClientSession(f"http://127.0.0.1:{port}") as client,
        ):
            yield client

    async def get(self, path: str | URL, status: int = 200) -> dict:
        async with self.client() as client, client.get(path) as response:
            assert response.status == status
            assert response.content_type == "application/json"
            return await response.json()


async def test_executions_are_listed_newest_first_up_to_a_limit():
    site = Site()
    shown = await site.get("/api/executions")
    assert [each["datasync_status"] for each in shown["executions"]] == ["ERROR", "SUCCESS"]
    assert len((await site.get("/api/executions?limit=1"))["executions"]) == 1
    await site.get("/api/executions?limit=1000")
    assert site.inspector.calls == [100, 1, 1000]


async def test_execution_is_shown_by_id():
    shown = await Site().get("/api/executions/exec-0b")
    assert (shown["execution_arn"], shown["files"]["published"]) == (IDS.arn, 0)


async def test_held_execution_is_shown_with_its_detail():
    site = Site()
    detail = "no access to the bucket landing: AccessDenied; allow s3:ListBucket"
    held = replace(EXECUTION, phase=Phase.HELD, reason=Reason.ACCESS_DENIED, reason_detail=detail)
    site.inspector.newest = site.inspector.known = held
    assert (await site.get("/api/executions/exec-0b"))["reason_detail"] == detail
    shown = await site.get("/api/executions?limit=1")
    assert [(each["reason"], each["reason_detail"]) for each in shown["executions"]] == [("access_denied", detail)]


async def test_execution_without_a_detail_shows_null():
    assert (await Site().get("/api/executions/exec-0b"))["reason_detail"] is None


async def test_execution_is_shown_by_arn():
    site = Site()
    path = URL(f"/api/executions/{IDS.arn.replace('/', '%2F')}", encoded=True)
    assert (await site.get(path))["execution_id"] == "exec-0b"


@pytest.mark.parametrize("name", ["exec-0c", "nonsense", "exec-0b%0a", "%FF", "exec-0b/files/x"])
@pytest.mark.parametrize("more", ["", "/files"])
async def test_unknown_execution_is_a_404_in_json(name: str, more: str):
    assert set(await Site().get(f"/api/executions/{name}{more}", 404)) == {"error"}


async def test_files_are_listed_with_a_cursor_to_the_next_page():
    site = Site()
    assert await site.get("/api/executions/exec-0b/files") == {
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
    await site.get("/api/executions/exec-0b/files?state=missing&prefix=/dir%20x/&limit=7&cursor=abc")
    await site.get("/api/executions/exec-0b/files?state=&prefix=&limit=&cursor=")
    assert site.inspector.calls == [
        ("exec-0b", None, "", 100, None),
        ("exec-0b", FileState.MISSING, "/dir x/", 7, "abc"),
        ("exec-0b", None, "", 100, None),
    ]


@pytest.mark.parametrize("path", ["/api/executions?", "/api/executions/exec-0b/files?"])
@pytest.mark.parametrize("limit", ["0", "1001", "-1", "ten", "1.5", "1e2", "٣", "9" * 5000])
async def test_wrong_limit_is_refused_by_name(path: str, limit: str):
    site = Site()
    assert await site.get(f"{path}limit={limit}", 400) == {"error": "limit: a whole number from 1 to 1000"}
    assert site.inspector.calls == []


async def test_wrong_state_or_cursor_is_refused_by_name():
    site = Site()
    answer = await site.get("/api/executions/exec-0b/files?state=lost", 400)
    assert answer["error"].startswith("state: one of transferred, verified, failed, published,")
    site.inspector.error = CursorError()
    answer = await site.get("/api/executions/exec-0b/files?cursor=x", 400)
    assert answer == {"error": "cursor: not one that this path has returned"}


@pytest.mark.parametrize(
    "error", [NotFoundError("c", "there is no table t: create it"), TransientError("c", "try again")]
)
@pytest.mark.parametrize("path", ["", "/exec-0b", "/exec-0b/files"])
async def test_error_of_the_table_is_shown_as_its_sentence(error, path):
    site = Site()
    site.inspector.error = error
    assert await site.get(f"/api/executions{path}", 503) == {"error": error.detail}


async def test_slow_answer_times_out(monkeypatch):
    monkeypatch.setattr(server, "ANSWER_TIMEOUT_S", 0.01)
    site = Site()
    site.inspector.latest = lambda _: asyncio.Event().wait()
    assert await site.get("/api/executions", 503) == {"error": "no answer within 0 s"}


async def test_internal_error_is_a_500_without_details():
    stream = io.StringIO()
    logging.configure(level="info", as_json=True, stream=stream)
    site = Site()
    site.inspector.error = KeyError("secret")
    assert await site.get("/api/executions", 500) == {"error": "internal error; the log has the traceback"}
    (line,) = map(json.loads, stream.getvalue().splitlines())
    assert (line["event"], line["exception"][0]["exc_type"]) == ("http_failed", "KeyError")


async def test_unknown_paths_and_methods_are_errors_in_json():
    site = Site()
    assert await site.get("/nowhere%FF", 404) == {"error": "Not Found: GET /nowhere%FF"}
    async with site.client() as client:
        for method in ("POST", "PUT", "DELETE", "OPTIONS"):
            async with client.request(method, "/api/executions") as response:
                assert response.status == 405
                assert response.headers["Allow"] == "GET,HEAD"
                assert await response.json() == {"error": f"Method Not Allowed: {method} /api/executions"}


@pytest.mark.parametrize(
    "path", ["/", "/healthz", "/readyz", "/metrics", "/api/executions", "/api/executions/exec-0b", "/nowhere"]
)
async def test_head_answers_like_get_and_no_answer_may_be_cached(path: str):
    async with Site().client() as client, client.get(path) as get, client.head(path) as head:
        assert (get.status, get.headers["Content-Type"]) == (head.status, head.headers["Content-Type"])
        assert await get.read()
        assert await head.read() == b""
        for response in (get, head):
            assert response.headers["Cache-Control"] == "no-store"
            assert response.headers["X-Content-Type-Options"] == "nosniff"
            assert response.headers["Server"] == "datasync-trigger"
            assert "default-src 'none'" in response.headers["Content-Security-Policy"]


async def test_index_names_every_path():
    async with Site().client() as client, client.get("/") as response:
        assert response.content_type == "text/plain"
        text = await response.text()
    assert all(path in text for path in ("/api/executions", "/metrics", "/healthz", "/readyz"))


async def test_health_names_the_late_loop():
    site = Site()
    assert await site.get("/healthz") == {"ok": True, "checks": {}}
    now_s = asyncio.get_running_loop().time()
    site.health.last_ticks["discover"] = (now_s, 60.0)
    assert (await site.get("/healthz"))["checks"]["discover"]["ok"] is True
    site.health.last_ticks["claim"] = (now_s - 61.0, 60.0)
    answer = await site.get("/healthz", 503)
    assert answer["ok"] is False
    assert answer["checks"]["discover"] == {"ok": True, "detail": "last tick 0 s ago"}
    assert answer["checks"]["claim"] == {"ok": False, "detail": "late: last tick 61 s ago"}


async def test_worker_is_ready_with_table_queue_and_first_discovery():
    site = Site()
    assert await site.get("/readyz") == {
        "ok": True,
        "checks": {
            "table": {"ok": True, "detail": "table t"},
            "queue": {"ok": True, "detail": "queue q"},
            "first_discovery": {"ok": True, "detail": "done"},
        },
    }
    site.has_discovered = False
    answer = await site.get("/readyz", 503)
    assert answer["checks"]["first_discovery"] == {"ok": False, "detail": "not done yet"}


async def test_failed_check_shows_its_sentence():
    site = Site()
    site.checks["queue"].answer = AccessDeniedError("sqs.GetQueueAttributes", "no access to the queue; allow it")
    answer = await site.get("/readyz", 503)
    assert answer["checks"]["queue"] == {"ok": False, "detail": "no access to the queue; allow it"}
    assert answer["checks"]["table"]["ok"] is True


async def test_check_that_does_not_answer_times_out(monkeypatch):
    monkeypatch.setattr(health, "CHECK_TIMEOUT_S", 0.01)
    site = Site()
    site.checks["table"].answer = "never"
    answer = await site.get("/readyz", 503)
    assert answer["checks"]["table"]["ok"] is False
    assert answer["checks"]["queue"]["ok"] is True


async def test_concurrent_readiness_requests_share_one_check():
    site = Site()
    async with site.client() as client:
        for response in await asyncio.gather(*(client.get("/readyz") for _ in range(20))):
            assert response.status == 200
            response.release()
    assert site.checks["table"].calls == 1


async def test_readiness_is_checked_again_after_the_cache_time(monkeypatch):
    monkeypatch.setattr(health, "CACHED_S", 0.0)
    site = Site()
    async with site.client() as client:
        for detail in ("table t", "table u"):
            site.checks["table"].answer = detail
            async with client.get("/readyz") as response:
                assert (await response.json())["checks"]["table"]["detail"] == detail


async def test_metrics_are_text_or_openmetrics():
    site = Site()
    site.metrics.record(LeaseLost("discover"))
    async with site.client() as client:
        async with client.get("/metrics") as response:
            assert response.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
            assert "datasync_trigger_leases_lost_total 1.0" in await response.text()
        async with client.get("/metrics", headers={"Accept": "application/openmetrics-text;version=1.0.0"}) as response:
            assert response.content_type == "application/openmetrics-text"
            assert (await response.text()).endswith("# EOF\n")


async def test_taken_port_is_an_error_and_leaves_nothing_open():
    site = Site()
    context = WebContext(site.inspector, site.metrics, site.health, ReadinessProbe({}, lambda: True))
    async with serve(context, host="127.0.0.1", port=0) as port:
        with pytest.raises(OSError, match="address already in use"):
            await serve(context, host="127.0.0.1", port=port).__aenter__()
    async with serve(context, host="127.0.0.1", port=port) as again:
        assert again == port


async def test_idle_connection_does_not_delay_the_end():
    site = Site()
    async with asyncio.timeout(5):
        async with site.client() as client:
            response = await client.get("/")
            await response.read()
