"""The paths of the emulator's one port."""

import secrets

from aiohttp import web

from emulator.errors import ApiError
from emulator.faults import Faults
from emulator.synthetic.shares import SyntheticShares
from emulator.wire import cbor, json11
from emulator.wire.control import Control
from emulator.wire.service import Service

_MOST_BODY_BYTES = 8 * 1024 * 1024


def application(services: dict[str, Service], faults: Faults, shares: SyntheticShares) -> web.Application:
    """Serves services by the prefix of their target (`FmrsService`), in both protocols, and the control API."""
    app = web.Application(client_max_size=_MOST_BODY_BYTES)
    wire, control = _Wire(services), Control(faults, shares)
    app.add_routes(
        [
            web.post("/", wire.json),
            web.post("/service/{service}/operation/{operation}", wire.cbor),
            *control.routes(),
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


def _numbered(response: web.Response) -> web.Response:
    response.headers["x-amzn-RequestId"] = secrets.token_hex(16)
    return response
