"""Updates of an execution from DataSync's description or from its log."""

from dataclasses import replace

from service.domain.execution import Execution
from service.domain.names import is_terminal
from service.domain.port_types import ExecutionDescription

MAX_TOKEN_AGE_MS = 23 * 3600 * 1000
"""Age up to which a token is used. CloudWatch Logs forgets it after 24 hours (GetLogEvents, nextForwardToken)."""


def has_expired_token(execution: Execution, *, now_ms: int) -> bool:
    """Return whether a checkpoint is too old to read on from, so that the pass must restart."""
    checkpoints = execution.log_pass.checkpoints.values()
    return any(now_ms - checkpoint.token_issued_at_ms >= MAX_TOKEN_AGE_MS for checkpoint in checkpoints)


def with_log_end_reached(execution: Execution, lines: int, *, now_ms: int) -> Execution:
    """Return the execution after its log was read to the end, of which `lines` were new to this pass."""
    log_pass = execution.log_pass
    has_grown = log_pass.has_new_lines(lines=lines)
    if log_pass.reached_end_at_ms is not None and not has_grown:
        return execution
    return replace(
        execution,
        log_pass=replace(log_pass, reached_end_at_ms=log_pass.reached_end_at_ms or now_ms),
        log_last_grew_at_ms=now_ms if has_grown else execution.log_last_grew_at_ms,
    )


def with_description(execution: Execution, description: ExecutionDescription, *, now_ms: int) -> Execution:
    """Return the execution as DataSync describes it now.

    A value that DataSync no longer reports stays, and so does a terminal status.
    """
    described = replace(
        execution,
        status=description.status if is_terminal(description.status) or not execution.has_ended else execution.status,
        verify_mode=description.verify_mode or execution.verify_mode,
        log_level=description.log_level or execution.log_level,
        ended_at_ms=description.ended_at_ms or execution.ended_at_ms,
        files_verified=execution.files_verified if description.files_verified is None else description.files_verified,
    )
    if described.has_ended and described.end_seen_at_ms is None:
        described = replace(described, end_seen_at_ms=now_ms)
    return described
