"""The run of one execution, from LAUNCHING to its end."""

import asyncio
import traceback
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from emulator.clock import utc_now
from emulator.faults import Faults
from emulator.logs.templates import Templates
from emulator.state import Execution
from emulator.transfer.locations import LocationUnavailableError

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
class Result:
    """Final status of an execution, and for ERROR the code and the detail."""

    status: str
    code: str = ""
    detail: str = ""


StatusListener = Callable[[Execution], Awaitable[None]]


class ExecutionSteps(Protocol):
    """The steps of a transfer."""

    async def prepare(self) -> None:
        """Decide what to do. Raises LocationUnavailableError if a location cannot be read."""

    async def transfer(self) -> None:
        """Copy and delete."""

    async def verify(self) -> None:
        """Verify what was copied."""


class ExecutionLog(Protocol):
    """The log of an execution."""

    async def open(self, *, create_group: bool) -> None:
        """Create the log stream."""

    async def flush(self) -> None:
        """Send everything written so far."""

    async def close(self, status: str) -> None:
        """End the log with the execution's final status."""


@dataclass(frozen=True)
class PreparedExecution:
    """An execution that is ready to start: its steps, its log, and the writing of its report."""

    steps: ExecutionSteps
    log: ExecutionLog
    write_report: Callable[[], Awaitable[None]]


class ExecutionRun:
    """Takes one execution through its statuses; it always ends in SUCCESS or ERROR."""

    def __init__(
        self, execution: Execution, templates: Templates, faults: Faults, phase_s: float, on_status: StatusListener
    ) -> None:
        self._execution = execution
        self._templates = templates
        self._faults = faults
        self._phase_s = phase_s
        self._on_status = on_status

    async def run(self, prepare: Callable[[], Awaitable[PreparedExecution]]) -> None:
        """Run to the end. `prepare` sets up the execution while it is LAUNCHING.

        Raises CancelledError only if the process stops, not if a user cancelled the execution.
        """
        prepared: PreparedExecution | None = None
        try:
            await self._enter("LAUNCHING")
            await self._wait_in("LAUNCHING")
            prepared = await prepare()
            await prepared.log.open(create_group=self._execution.enhanced)
            await self._run_steps(prepared)
            result = self._result()
        except asyncio.CancelledError:
            if self._execution.status != "CANCELLING":
                raise
            await self._on_status(self._execution)
            await self._wait_in("CANCELLING")
            result = Result("ERROR", self._templates.code_cancelled, self._templates.detail_cancelled)
        except LocationUnavailableError as error:
            result = Result("ERROR", self._templates.code_location_unavailable, str(error))
        except Exception as error:  # noqa: BLE001  (a defect in a transfer must end only that execution)
            traceback.print_exc()
            result = Result("ERROR", "InternalError", repr(error))
        await self._finish(result, prepared)

    async def _run_steps(self, prepared: PreparedExecution) -> None:
        steps = prepared.steps
        by_status = {"PREPARING": steps.prepare, "TRANSFERRING": steps.transfer, "VERIFYING": steps.verify}
        for status, run_step in by_status.items():
            if status == "VERIFYING" and self._execution.options["VerifyMode"] == "NONE":
                continue
            await self._enter(status)
            step = self._execution.steps[status]
            step.started_at = utc_now()
            await run_step()
            await prepared.log.flush()
            await self._wait_in(status)
            step.ended_at = utc_now()
            step.status = "SUCCESS"

    async def _enter(self, status: str) -> None:
        self._execution.status = status
        if status == "LAUNCHING":
            self._execution.launched_at = utc_now()
        await self._on_status(self._execution)

    async def _wait_in(self, status: str) -> None:
        await asyncio.sleep(self._phase_s)
        await self._faults.wait_until_released(self._execution.arn, status)

    def _result(self) -> Result:
        counters, steps = self._execution.counters, self._execution.steps
        if counters.failed_verify.total:
            steps["VERIFYING"].status = "ERROR"
            detail = _ENHANCED_MISMATCH if self._execution.enhanced else _MISMATCH
            return Result("ERROR", self._templates.code_mismatch, detail)
        if counters.failed:
            steps["TRANSFERRING"].status = "ERROR"
            return Result("ERROR", self._templates.code_skipped, _SKIPPED)
        return Result("SUCCESS")

    async def _finish(self, result: Result, prepared: PreparedExecution | None) -> None:
        for step in self._execution.steps.values():
            if step.started_at is not None and step.ended_at is None:
                step.ended_at, step.status = utc_now(), "ERROR"
        if prepared is not None:
            await prepared.log.close(result.status)
        self._execution.error_code, self._execution.error_detail = result.code, result.detail
        self._execution.ended_at = utc_now()
        if "TaskReportConfig" in self._execution.request:
            self._execution.report_status = "PENDING"
        await self._enter(result.status)
        if prepared is not None:
            await prepared.write_report()
