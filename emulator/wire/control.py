"""The control API: faults and synthetic shares, in plain JSON under `/_emulator/`."""

import json
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from aiohttp import web

from emulator.faults import Fault, Faults
from emulator.synthetic.shares import SyntheticShares


class Control:
    """What is wrong in a request is told in one sentence, with status 400."""

    def __init__(self, faults: Faults, shares: SyntheticShares) -> None:
        self._faults = faults
        self._shares = shares

    def routes(self) -> list[web.RouteDef]:
        """The paths and their methods."""
        return [
            web.get("/_emulator/faults", self._show),
            web.post("/_emulator/faults", self._add_fault),
            web.delete("/_emulator/faults", self._clear),
            web.delete("/_emulator/faults/{name}", self._remove),
            web.post("/_emulator/synthetic", self._add_share),
        ]

    async def _show(self, _: web.Request) -> web.Response:
        return web.json_response({"faults": [_shown(fault) for fault in self._faults]})

    async def _add_fault(self, request: web.Request) -> web.Response:
        return await _added(request, lambda given: _shown(self._faults.add(given)))

    async def _add_share(self, request: web.Request) -> web.Response:
        return await _added(request, lambda given: asdict(self._shares.add(given)))

    async def _remove(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        if not self._faults.remove(name):
            return web.json_response({"error": f"there is no fault {name!r}"}, status=404)
        return web.json_response({})

    async def _clear(self, _: web.Request) -> web.Response:
        self._faults.clear()
        return web.json_response({})


async def _added(request: web.Request, add: Callable[[dict[str, Any]], dict[str, Any]]) -> web.Response:
    try:
        given = json.loads(await request.read())
        if not isinstance(given, dict):
            raise ValueError("a JSON object is needed")  # noqa: TRY301, TRY004 - because both kinds of wrong are told alike
        return web.json_response(add(given), status=201)
    except ValueError as error:
        return web.json_response({"error": str(error)}, status=400)


def _shown(fault: Fault) -> dict[str, Any]:
    return {"name": fault.name, "kind": fault.kind, "target": fault.target, **fault.parameters}
