"""The control API: faults and synthetic shares, as JSON under `/_emulator/`."""

import json
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from aiohttp import web

from emulator.faults import Fault, Faults
from emulator.synthetic.shares import SyntheticShares


class ControlApi:
    """Handlers of the control API. An invalid request gets status 400 and one sentence."""

    def __init__(self, faults: Faults, shares: SyntheticShares) -> None:
        self._faults = faults
        self._shares = shares

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.get("/_emulator/faults", self._list_faults),
            web.post("/_emulator/faults", self._add_fault),
            web.delete("/_emulator/faults", self._clear_faults),
            web.delete("/_emulator/faults/{name}", self._remove_fault),
            web.post("/_emulator/synthetic", self._add_share),
        ]

    async def _list_faults(self, _: web.Request) -> web.Response:
        return web.json_response({"faults": [_fault_fields(fault) for fault in self._faults]})

    async def _add_fault(self, request: web.Request) -> web.Response:
        return await _create(request, lambda body: _fault_fields(self._faults.add(body)))

    async def _add_share(self, request: web.Request) -> web.Response:
        return await _create(request, lambda body: asdict(self._shares.add(body)))

    async def _remove_fault(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        if not self._faults.remove(name):
            return web.json_response({"error": f"fault {name!r} does not exist"}, status=404)
        return web.json_response({})

    async def _clear_faults(self, _: web.Request) -> web.Response:
        self._faults.clear()
        return web.json_response({})


async def _create(request: web.Request, add: Callable[[dict[str, Any]], dict[str, Any]]) -> web.Response:
    try:
        body = json.loads(await request.read())
        if not isinstance(body, dict):
            raise ValueError("the body must be a JSON object")  # noqa: TRY301, TRY004  (handled like invalid JSON)
        return web.json_response(add(body), status=201)
    except ValueError as error:
        return web.json_response({"error": str(error)}, status=400)


def _fault_fields(fault: Fault) -> dict[str, Any]:
    return {"name": fault.name, "kind": fault.kind, "target": fault.target, **fault.parameters}
