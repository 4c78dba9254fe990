"""The paths of the emulator's one port."""

import json
import secrets
from typing import Any

from aiohttp import web

from emulator.errors import ApiError
from emulator.faults import Fault, Faults
from emulator.wire import cbor, json11
from emulator.wire.service import Service

_MOST_BODY_BYTES = 8 * 1024 * 1024


def application(services: dict[str, Service], faults: Faults) -> web.Application:
    """Serves services by the prefix of their target (`FmrsService`), in both protocols, and the control of faults."""
    app = web.Application(client_max_size=_MOST_BODY_BYTES)
    wire, control = _Wire(services), _Control(faults)
    app.add_routes(
        [
            web.post("/", wire.json),
            web.post("/service/{service}/operation/{operation}", wire.cbor),
            web.get("/_emulator/faults", control.show),
            web.post("/_emulator/faults", control.add),
            web.delete("/_emulator/faults", control.clear),
            web.delete("/_emulator/faults/{name}", control.remove),
        ]
    )
    return app


class _Wire:
    def __init__(self, services: dict[str, Service]) -> None:
        self._services = services

    async def json(self, request: web.Request) -> web.Response:
        target, _, operation = request.headers.get("X-Amz-Target", "").rpartition(".")
        try:
            payload = json11.decode(await request.read())
            response = json11.answer(await self._service(target).call(operation, payload))
        except ApiError as error:
            response = json11.refusal(error)
        return _numbered(response)

    async def cbor(self, request: web.Request) -> web.Response:
        try:
            payload = cbor.decode(await request.read())
            service = self._service(request.match_info["service"])
            response = cbor.answer(await service.call(request.match_info["operation"], payload))
        except ApiError as error:
            response = cbor.refusal(error)
        return _numbered(response)

    def _service(self, name: str) -> Service:
        if name not in self._services:
            raise ApiError("UnknownOperationException", f"There is no service {name!r} here")
        return self._services[name]


class _Control:
    def __init__(self, faults: Faults) -> None:
        self._faults = faults

    async def show(self, _: web.Request) -> web.Response:
        return web.json_response({"faults": [_shown(fault) for fault in self._faults]})

    async def add(self, request: web.Request) -> web.Response:
        try:
            given = json.loads(await request.read())
            fault = self._faults.add(given)
        except (TypeError, ValueError) as error:
            return web.json_response({"error": str(error)}, status=400)
        return web.json_response(_shown(fault), status=201)

    async def remove(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        if not self._faults.remove(name):
            return web.json_response({"error": f"there is no fault {name!r}"}, status=404)
        return web.json_response({})

    async def clear(self, _: web.Request) -> web.Response:
        self._faults.clear()
        return web.json_response({})


def _shown(fault: Fault) -> dict[str, Any]:
    return {"name": fault.name, "kind": fault.kind, "target": fault.target, **fault.parameters}


def _numbered(response: web.Response) -> web.Response:
    response.headers["x-amzn-RequestId"] = secrets.token_hex(16)
    return response
