"""One execution, from LAUNCHING to its end."""

import asyncio
import traceback
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from emulator.faults import Faults
from emulator.logs.forms import Forms
from emulator.moments import now
from emulator.state import Execution
from emulator.transfer.places import Unreachable

_MISMATCH = (
    "Transfer and verification completed. Verification detected mismatches. "
    "Files with mismatches are listed in Cloud Watch Logs"
)
_SKIPPED = (
    "Transfer and verification completed. Selected files transferred except for files skipped due to errors. "
    "If no skipped files are listed in Cloud Watch Logs, please contact AWS Support for further assistance."
)
_ENHANCED_MISMATCH = "Verification failed due to a difference in metadata"


@dataclass(frozen=True)
class Ending:
    """How an execution ends: its status, and for ERROR the code and the detail."""

    status: str
    code: str = ""
    detail: str = ""


Announce = Callable[[Execution], Awaitable[None]]


class Work(Protocol):
    """The steps of a transfer."""

    async def prepare(self) -> None:
        """Finds out what is to be done; raises Unreachable where a location cannot be read."""

    async def transfer(self) -> None:
        """Does it."""

    async def verify(self) -> None:
        """Checks it."""


class Ledger(Protocol):
    """What is written about an execution."""

    async def open(self, *, make_group: bool) -> None:
        """Begins."""

    async def flush(self) -> None:
        """Sends what is written so far."""

    async def close(self, status: str) -> None:
        """Ends it, with the status that the execution will have."""


@dataclass(frozen=True)
class Opened:
    """An execution that can begin: its steps, its log, and what is done once it has ended."""

    work: Work
    ledger: Ledger
    afterwards: Callable[[], Awaitable[None]]


class Walk:
    """Takes one execution through its statuses; whatever happens, it ends as SUCCESS or ERROR."""

    def __init__(self, execution: Execution, forms: Forms, faults: Faults, phase_s: float, announce: Announce) -> None:
        self._execution = execution
        self._forms = forms
        self._faults = faults
        self._phase_s = phase_s
        self._announce = announce

    async def run(self, opening: Callable[[], Awaitable[Opened]]) -> None:
        """Runs to the end. `opening` finds the locations; CancelledError passes only if nobody asked to cancel."""
        opened: Opened | None = None
        try:
            await self._enter("LAUNCHING")
            await self._stay("LAUNCHING")
            opened = await opening()
            await opened.ledger.open(make_group=self._execution.enhanced)
            await self._steps(opened)
            ending = self._ending()
        except asyncio.CancelledError:
            if self._execution.status != "CANCELLING":
                raise
            await self._announce(self._execution)
            await self._stay("CANCELLING")
            ending = Ending("ERROR", self._forms.code_cancelled, self._forms.detail_cancelled)
        except Unreachable as error:
            ending = Ending("ERROR", self._forms.code_unreachable, str(error))
        except Exception as error:  # noqa: BLE001 - because a fault in a transfer must end it and nothing else
            traceback.print_exc()
            ending = Ending("ERROR", "InternalError", repr(error))
        await self._end(ending, opened)

    async def _steps(self, opened: Opened) -> None:
        work = opened.work
        works = {"PREPARING": work.prepare, "TRANSFERRING": work.transfer, "VERIFYING": work.verify}
        for status, do in works.items():
            if status == "VERIFYING" and self._execution.options["VerifyMode"] == "NONE":
                continue
            await self._enter(status)
            step = self._execution.steps[status]
            step.began_at = now()
            await do()
            await opened.ledger.flush()
            await self._stay(status)
            step.ended_at = now()
            step.status = "SUCCESS"

    async def _enter(self, status: str) -> None:
        self._execution.status = status
        if status == "LAUNCHING":
            self._execution.launched_at = now()
        await self._announce(self._execution)

    async def _stay(self, status: str) -> None:
        await asyncio.sleep(self._phase_s)
        await self._faults.released(self._execution.arn, status)

    def _ending(self) -> Ending:
        counters, steps = self._execution.counters, self._execution.steps
        if counters.failed_verify.both:
            steps["VERIFYING"].status = "ERROR"
            detail = _ENHANCED_MISMATCH if self._execution.enhanced else _MISMATCH
            return Ending("ERROR", self._forms.code_mismatch, detail)
        if counters.failed:
            steps["TRANSFERRING"].status = "ERROR"
            return Ending("ERROR", self._forms.code_skipped, _SKIPPED)
        return Ending("SUCCESS")

    async def _end(self, ending: Ending, opened: Opened | None) -> None:
        for step in self._execution.steps.values():
            if step.began_at is not None and step.ended_at is None:
                step.ended_at, step.status = now(), "ERROR"
        if opened is not None:
            await opened.ledger.close(ending.status)
        self._execution.error_code, self._execution.error_detail = ending.code, ending.detail
        self._execution.ended_at = now()
        if "TaskReportConfig" in self._execution.request:
            self._execution.report_status = "PENDING"
        await self._enter(ending.status)
        if opened is not None:
            await opened.afterwards()
