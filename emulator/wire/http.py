"""The HTTP application on the emulator's port."""

import secrets

from aiohttp import web

from emulator.errors import ApiError
from emulator.faults import Faults
from emulator.synthetic.shares import SyntheticShares
from emulator.wire import aws_json, cbor
from emulator.wire.control_api import ControlApi
from emulator.wire.service import Service

_MAX_BODY_BYTES = 8 * 1024 * 1024


def create_application(services: dict[str, Service], faults: Faults, shares: SyntheticShares) -> web.Application:
    """Create the application: services in both protocols, and the control API.

    `services` are keyed by the prefix of their target header (`FmrsService`).
    """
    app = web.Application(client_max_size=_MAX_BODY_BYTES)
    handlers, control = _Handlers(services), ControlApi(faults, shares)
    app.add_routes(
        [
            web.post("/", handlers.json),
            web.post("/service/{service}/operation/{operation}", handlers.cbor),
            *control.routes(),
        ]
    )
    return app


class _Handlers:
    def __init__(self, services: dict[str, Service]) -> None:
        self._services = services

    async def json(self, request: web.Request) -> web.Response:
        target, _, operation = request.headers.get("X-Amz-Target", "").rpartition(".")
        try:
            payload = aws_json.decode(await request.read())
            response = aws_json.response(await self._service(target).call(operation, payload))
        except ApiError as error:
            response = aws_json.error_response(error)
        return _with_request_id(response)

    async def cbor(self, request: web.Request) -> web.Response:
        try:
            payload = cbor.decode(await request.read())
            service = self._service(request.match_info["service"])
            response = cbor.response(await service.call(request.match_info["operation"], payload))
        except ApiError as error:
            response = cbor.error_response(error)
        return _with_request_id(response)

    def _service(self, name: str) -> Service:
        if name not in self._services:
            raise ApiError("UnknownOperationException", f"Service {name!r} is not emulated")
        return self._services[name]


def _with_request_id(response: web.Response) -> web.Response:
    response.headers["x-amzn-RequestId"] = secrets.token_hex(16)
    return response
