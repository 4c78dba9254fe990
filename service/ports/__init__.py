"""Ports: what the service needs of AWS and of clocks, in the service's own words.

Every method may raise TransientError, CredentialsError and AccessDeniedError; other errors are named in its docstring.
Only these names and the domain's values cross a port: no dict, no SDK type.
"""

from dataclasses import dataclass

from service.ports.services import Clock, DataSync, Logs, Objects, Queue, Readiness, Topic, WakeUps
from service.ports.stores import ExecutionStore, FactStore, LeaseStore, Outbox, OutcomeStore, Overview, TaskStore

__all__ = [
    "Clock",
    "DataSync",
    "ExecutionStore",
    "FactStore",
    "LeaseStore",
    "Logs",
    "Objects",
    "Outbox",
    "OutcomeStore",
    "Overview",
    "Queue",
    "Readiness",
    "TaskStore",
    "Topic",
    "WakeUps",
    "WorkerPorts",
]


@dataclass(frozen=True, slots=True)
class WorkerPorts:
    """All ports of a worker. Without a topic there are no notifications, without wake-ups only polls."""

    datasync: DataSync
    logs: Logs
    facts: FactStore
    outcomes: OutcomeStore
    executions: ExecutionStore
    outbox: Outbox
    overview: Overview
    leases: LeaseStore
    tasks: TaskStore
    queue: Queue
    objects: Objects
    topic: Topic | None = None
    wake_ups: WakeUps | None = None
