"""The HTTP paths of the contract, section 4. Read-only: nothing here changes anything."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import orjson
import structlog
from aiohttp import hdrs, web

from service import __version__
from service.domain.errors import Trouble
from service.domain.execution import Execution
from service.domain.names import ExecutionId, execution_id
from service.domain.reports import Health
from service.domain.views import CursorError, FilePage, FileState, execution_view, file_view
from service.observability.health import Finding, ReadinessProbe, liveness
from service.observability.metrics import Metrics

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


class Inspection(Protocol):
    """Where executions and files are looked up. All raise Trouble while the table does not answer."""

    async def latest(self, limit: int) -> Sequence[Execution]:
        """The executions that started last, newest first."""

    async def execution(self, execution_id: ExecutionId) -> Execution | None:
        """One execution, or None."""

    async def files(
        self, execution_id: ExecutionId, *, state: FileState | None, prefix: str, limit: int, cursor: str | None
    ) -> FilePage | None:
        """Some files of one execution, or None. Raises CursorError."""


@dataclass(frozen=True, slots=True)
class Site:
    """What is shown."""

    inspection: Inspection
    metrics: Metrics
    health: Health
    readiness: ReadinessProbe


@asynccontextmanager
async def serving(site: Site, *, host: str, port: int) -> AsyncIterator[int]:
    """Serve while the context is open; yields the port, for port 0 any free one. Raises OSError where it is taken."""
    paths = _Paths(site)
    app = web.Application(middlewares=[_errors_as_json])
    app.on_response_prepare.append(_add_headers)
    app.add_routes(
        [
            web.get("/", paths.signpost),
            web.get("/healthz", paths.healthz),
            web.get("/readyz", paths.readyz),
            web.get("/metrics", paths.metrics),
            web.get("/api/executions", paths.executions),
            web.get("/api/executions/{execution}", paths.execution),
            web.get("/api/executions/{execution}/files", paths.files),
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


class _Paths:
    """One method per path."""

    def __init__(self, site: Site) -> None:
        self._site = site

    async def signpost(self, _: web.Request) -> web.Response:
        paths = "/api/executions\n/api/executions/{exec-id}\n/api/executions/{exec-id}/files\n"
        return web.Response(text=f"datasync-trigger {__version__}\n\n{paths}/metrics\n/healthz\n/readyz\n")

    async def healthz(self, _: web.Request) -> web.Response:
        return _found(liveness(self._site.health, asyncio.get_running_loop().time()))

    async def readyz(self, _: web.Request) -> web.Response:
        return _found(await self._site.readiness.findings())

    async def metrics(self, request: web.Request) -> web.Response:
        body, content_type = self._site.metrics.render(request.headers.get(hdrs.ACCEPT, ""))
        return web.Response(body=body, headers={hdrs.CONTENT_TYPE: content_type})

    async def executions(self, request: web.Request) -> web.Response:
        latest = await self._site.inspection.latest(_limit(request))
        return _json({"executions": [execution_view(execution) for execution in latest]})

    async def execution(self, request: web.Request) -> web.Response:
        execution = await self._site.inspection.execution(_execution_id(request))
        if execution is None:
            raise _error(web.HTTPNotFound, "there is no such execution")
        return _json(execution_view(execution))

    async def files(self, request: web.Request) -> web.Response:
        query = request.query
        try:
            page = await self._site.inspection.files(
                _execution_id(request),
                state=_state(request),
                prefix=query.get("prefix", ""),
                limit=_limit(request),
                cursor=query.get("cursor") or None,
            )
        except CursorError:
            raise _error(web.HTTPBadRequest, "cursor: not one that this path has given") from None
        if page is None:
            raise _error(web.HTTPNotFound, "there is no such execution")
        return _json({"files": [file_view(file) for file in page.files], "next_cursor": page.cursor})


def _execution_id(request: web.Request) -> ExecutionId:
    try:
        return execution_id(request.match_info["execution"])
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


def _found(findings: Mapping[str, Finding]) -> web.Response:
    ok = all(finding.ok for finding in findings.values())
    checks = {name: finding._asdict() for name, finding in findings.items()}
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
        if error.content_type != "application/json":  # The router's own, for a path or method that is not there.
            error.text = orjson.dumps({"error": f"{error.reason}: {request.method} {request.path}"}).decode()
            error.content_type = "application/json"
        raise
    except Trouble as trouble:
        raise _error(web.HTTPServiceUnavailable, trouble.detail) from trouble
    except TimeoutError as error:
        raise _error(web.HTTPServiceUnavailable, f"no answer within {ANSWER_TIMEOUT_S:.0f} s") from error
    except Exception as error:
        structlog.get_logger("service").exception("http_failed", path=request.path)
        raise _error(web.HTTPInternalServerError, "a fault of this service; its log says more") from error


async def _add_headers(_: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(HEADERS)
