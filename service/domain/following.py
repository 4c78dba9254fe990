"""What a look at a running or ended execution changes in what is known of it."""

from dataclasses import replace

from service.domain.execution import Execution
from service.domain.names import is_terminal
from service.domain.records import ExecutionDescription

TOKEN_GOOD_MS = 23 * 3600 * 1000
"""CloudWatch Logs forgets a token after 24 hours (GetLogEvents, nextForwardToken)."""


def has_stale_token(execution: Execution, *, now_ms: int) -> bool:
    """Whether a position is too old to be read on from, so that the pass must begin again."""
    return any(now_ms - p.token_at_ms >= TOKEN_GOOD_MS for p in execution.reading.positions.values())


def noted_end(execution: Execution, lines: int, *, now_ms: int) -> Execution:
    """Return the execution after its log was read to the end, `lines` of which were new to this pass."""
    reading = execution.reading
    grown = reading.grown(lines=lines)
    if reading.ended_at_ms is not None and not grown:
        return execution
    return replace(
        execution,
        reading=replace(reading, ended_at_ms=reading.ended_at_ms or now_ms),
        quiet_since_ms=now_ms if grown else execution.quiet_since_ms,
    )


def described(execution: Execution, description: ExecutionDescription, *, now_ms: int) -> Execution:
    """Return the execution as DataSync describes it now. What DataSync no longer says stays, and so does an end."""
    ended = replace(
        execution,
        status=description.status if is_terminal(description.status) or not execution.ended else execution.status,
        verify_mode=description.verify_mode or execution.verify_mode,
        log_level=description.log_level or execution.log_level,
        ended_at_ms=description.ended_at_ms or execution.ended_at_ms,
        files_verified=execution.files_verified if description.files_verified is None else description.files_verified,
    )
    if ended.ended and ended.terminal_seen_at_ms is None:
        ended = replace(ended, terminal_seen_at_ms=now_ms)
    return ended
