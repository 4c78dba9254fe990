"""The HTTP paths: health, readiness, metrics and executions as JSON. They are read-only."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import orjson
import structlog
from aiohttp import hdrs, web

from service import __version__
from service.domain.errors import AwsCallError
from service.domain.names import ExecutionId, parse_execution_id
from service.domain.views import CursorError, FileState, execution_view, file_view
from service.operations.inspect import Inspector
from service.telemetry.loop_health import LoopHealth
from service.telemetry.metrics import Metrics
from service.web.health import CheckResult, ReadinessProbe, liveness

DEFAULT_LIMIT = 100
MAX_LIMIT = 1000
ANSWER_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 1.0

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Server": "datasync-trigger",
    "X-Content-Type-Options": "nosniff",
}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class WebContext:
    """The sources of the answers."""

    inspector: Inspector
    metrics: Metrics
    health: LoopHealth
    readiness: ReadinessProbe


@asynccontextmanager
async def serve(context: WebContext, *, host: str, port: int) -> AsyncIterator[int]:
    """Serve while the context is open. Yield the port, for port 0 any free one. Raise OSError if it is taken."""
    handlers = _Handlers(context)
    app = web.Application(middlewares=[_errors_as_json])
    app.on_response_prepare.append(_add_headers)
    app.add_routes(
        [
            web.get("/", handlers.index),
            web.get("/healthz", handlers.healthz),
            web.get("/readyz", handlers.readyz),
            web.get("/metrics", handlers.metrics),
            web.get("/api/executions", handlers.executions),
            web.get("/api/executions/{execution}", handlers.execution),
            web.get("/api/executions/{execution}/files", handlers.files),
        ],
    )
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=STOP_TIMEOUT_S)
    await runner.setup()
    try:
        await _listen(runner, host, port)
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


async def _listen(runner: web.AppRunner, host: str, port: int) -> None:
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError as error:
        remedy = "give TRIGGER_HTTP_HOST and TRIGGER_HTTP_PORT that are free"
        raise OSError(error.errno, f"cannot listen on {host} port {port}: {error.strerror}; {remedy}") from error


class _Handlers:
    """The handlers, one per path."""

    def __init__(self, context: WebContext) -> None:
        self._context = context

    async def index(self, _: web.Request) -> web.Response:
        paths = "/api/executions\n/api/executions/{exec-id}\n/api/executions/{exec-id}/files\n"
        return web.Response(text=f"datasync-trigger {__version__}\n\n{paths}/metrics\n/healthz\n/readyz\n")

    async def healthz(self, _: web.Request) -> web.Response:
        return _checks(liveness(self._context.health, asyncio.get_running_loop().time()))

    async def readyz(self, _: web.Request) -> web.Response:
        return _checks(await self._context.readiness.check())

    async def metrics(self, request: web.Request) -> web.Response:
        body, content_type = self._context.metrics.render(request.headers.get(hdrs.ACCEPT, ""))
        return web.Response(body=body, headers={hdrs.CONTENT_TYPE: content_type})

    async def executions(self, request: web.Request) -> web.Response:
        latest = await self._context.inspector.latest(_limit(request))
        return _json({"executions": [execution_view(execution) for execution in latest]})

    async def execution(self, request: web.Request) -> web.Response:
        execution = await self._context.inspector.execution(_execution_id(request))
        if execution is None:
            raise _error(web.HTTPNotFound, "there is no such execution")
        return _json(execution_view(execution))

    async def files(self, request: web.Request) -> web.Response:
        query = request.query
        try:
            page = await self._context.inspector.files(
                _execution_id(request),
                state=_state(request),
                prefix=query.get("prefix", ""),
                limit=_limit(request),
                cursor=query.get("cursor") or None,
            )
        except CursorError:
            raise _error(web.HTTPBadRequest, "cursor: not one that this path has returned") from None
        if page is None:
            raise _error(web.HTTPNotFound, "there is no such execution")
        return _json({"files": [file_view(file) for file in page.files], "next_cursor": page.cursor})


def _execution_id(request: web.Request) -> ExecutionId:
    try:
        return parse_execution_id(request.match_info["execution"])
    except ValueError:
        raise _error(web.HTTPNotFound, "there is no such execution") from None


def _limit(request: web.Request) -> int:
    text = request.query.get("limit") or str(DEFAULT_LIMIT)
    if not (text.isascii() and text.isdigit() and len(text) <= 4 and 1 <= int(text) <= MAX_LIMIT):
        raise _error(web.HTTPBadRequest, f"limit: a whole number from 1 to {MAX_LIMIT}")
    return int(text)


def _state(request: web.Request) -> FileState | None:
    text = request.query.get("state")
    try:
        return FileState(text) if text else None
    except ValueError:
        raise _error(web.HTTPBadRequest, f"state: one of {', '.join(FileState)}") from None


def _checks(results: Mapping[str, CheckResult]) -> web.Response:
    ok = all(result.ok for result in results.values())
    checks = {name: result._asdict() for name, result in results.items()}
    return _json({"ok": ok, "checks": checks}, 200 if ok else 503)


def _json(document: Mapping[str, Any], status: int = 200) -> web.Response:
    return web.Response(body=orjson.dumps(document), status=status, content_type="application/json")


def _error(kind: type[web.HTTPException], sentence: str) -> web.HTTPException:
    return kind(text=orjson.dumps({"error": sentence}).decode(), content_type="application/json")


@web.middleware
async def _errors_as_json(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        async with asyncio.timeout(ANSWER_TIMEOUT_S):
            return await handler(request)
    except web.HTTPException as error:
        if error.content_type != "application/json":  # The router's own error for an unknown path or method.
            error.text = orjson.dumps({"error": f"{error.reason}: {request.method} {request.path}"}).decode()
            error.content_type = "application/json"
        raise
    except AwsCallError as error:
        raise _error(web.HTTPServiceUnavailable, error.detail) from error
    except TimeoutError as error:
        raise _error(web.HTTPServiceUnavailable, f"no answer within {ANSWER_TIMEOUT_S:.0f} s") from error
    except Exception as error:
        structlog.get_logger("service").exception("http_failed", path=request.path)
        raise _error(web.HTTPInternalServerError, "internal error; the log has the traceback") from error


async def _add_headers(_: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(HEADERS)
