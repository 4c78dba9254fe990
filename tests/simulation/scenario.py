"""A run: a world generated from a seed, with its workers and its operator, and the oracle's verdict."""

import asyncio
import re
from collections import Counter
from dataclasses import dataclass, field, replace
from random import Random
from unittest.mock import patch

from service.domain.errors import AwsCallError
from service.domain.names import ExecutionId, TaskMode, VerifyMode
from service.domain.observations import LeaseLost, Observation, TickFailed
from service.domain.options import DAY_S, OnError, OnIncomplete, WorkerOptions
from service.domain.phases import Phase
from service.operations.commands import CommandRefusedError, OperatorCommands
from service.ports import WorkerPorts
from service.publishing import session
from tests.simulation.cloud import Cloud, SimulatedFactStore, SimulatedLogs, SimulatedQueue, SimulatedWakeUps, now_s
from tests.simulation.datasync import (
    METADATA_PATHS,
    PATHS,
    ExecutionRun,
    ExecutionScript,
    SimulatedDataSync,
    SimulatedTask,
)
from tests.simulation.faults import Connection, FaultInjector, Outage, connect
from tests.simulation.oracle import MAX_SKEW_S, Oracle, Verdict
from tests.simulation.worker import SimulatedWorker
from tests.virtual_time import run

COMPLETION_TIMEOUT_S = 6 * 3600.0
"""Longest time in which all work must be done after the last fault."""

WORLD_KINDS = ("no faults", "service faults", "crashes", "crashes")
"""The kinds of worlds, by the seed's remainder.

Every kind has late, lost and repeated log lines. "service faults" adds throttling, slow answers and outages.
"crashes" also adds workers that are killed or paused, and answers that are lost after the effect.
"""

VERIFY_MODES = (VerifyMode.POINT_IN_TIME_CONSISTENT, VerifyMode.ONLY_FILES_TRANSFERRED)
TABLE_PORTS = frozenset({"facts", "outcomes", "executions", "outbox", "overview", "leases", "tasks"})


@dataclass
class Result:
    """The result of a run."""

    seed: int
    kind: str
    verdict: Verdict
    faults: Counter[str]
    virtual_s: float
    trace: list[str] = field(default_factory=list)


def simulate(seed: int, *, traced: bool = False) -> Result:
    """Run the world of a seed. The same seed generates the same world."""
    simulation = Simulation(seed, traced=traced)
    with patch.object(session, "FILES_PER_CHUNK", simulation.random("chunks").choice([1, 2, 3, 1000])):
        return run(simulation.run())


class Simulation:
    """The world of a seed."""

    def __init__(self, seed: int, *, traced: bool = False) -> None:
        self.seed = seed
        self.trace_lines: list[str] = []
        self.traced = traced
        self.kind = WORLD_KINDS[seed % 4]
        self.faults: Counter[str] = Counter()
        self.leases_in_doubt = 0
        self.internal_errors: list[str] = []
        self.releases_s: dict[str, list[float]] = {}
        self.workers: list[SimulatedWorker] = []
        self.workers_started = 0
        self.executions_are_over = False
        random = self.random("world")
        self.options = WorkerOptions(
            settle_s=10.0,
            seal_deadline_s=random.choice([120.0, 240.0]),
            on_error=random.choice([OnError.CARRY] * 5 + [OnError.PUBLISH, OnError.DROP]),
            on_incomplete=random.choice([OnIncomplete.PUBLISH, OnIncomplete.PUBLISH, OnIncomplete.HOLD]),
            retention_days=random.choice([30, 30, 1200 / DAY_S]),
            max_executions=random.choice([1, 2, 10]),
            publish_unchanged=random.random() < 0.1,
        )
        self.injector = self._fault_injector(random)
        self.cloud = Cloud(
            SimulatedLogs(
                self.random("logs"), random.choice([3, 7, 50]), random.choice([0.0, 0.3]), random.choice([0.0, 0.01])
            ),
            SimulatedQueue(
                self.random("queue"), self.injector.current_message_failure_rate, random.choice([1, 2, 3, 10])
            ),
            SimulatedFactStore(
                page_size=random.choice([1, 2, 10]),
                random=self.random("facts"),
                current_failure_rate=self.injector.current_message_failure_rate,
                fault_counts=self.faults,
            ),
        )
        self.cloud.objects.page_size = random.choice([1, 3, 1000])
        self.cloud.executions.lag_s = random.choice([0.0, 1.0])
        self.tasks = [self._task(number, random) for number in range(1, 1 + random.choice([1, 1, 2, 3]))]
        cloud = self.cloud
        self.ports = WorkerPorts(
            datasync=SimulatedDataSync(self.tasks),
            logs=cloud.logs,
            facts=cloud.facts,
            outcomes=cloud.outcomes,
            executions=cloud.executions,
            outbox=cloud.outbox,
            overview=cloud.executions,
            leases=cloud.executions,
            tasks=cloud.tasks,
            queue=cloud.queue,
            objects=cloud.objects,
            topic=cloud.topic,
            wake_ups=self._wake_ups(self.random("wake-ups")),
        )

    def random(self, part: str) -> Random:
        """Return a separate generator for a part of the world: draws of one part do not change another's.

        The parts' names belong to the seed. A new name generates other worlds.
        """
        return Random(f"{self.seed} {part}")

    def trace(self, text: str) -> None:
        if self.traced:
            self.trace_lines.append(f"{now_s():9.3f} {_short(text)}")

    def _fault_injector(self, random: Random) -> FaultInjector:
        until_s = random.uniform(200.0, 900.0)
        calls = self.random("weather")
        if self.kind == "no faults":
            return FaultInjector(calls, count=self.faults)
        has_crashes = self.kind == "crashes"
        outages = [self._outage(random, has_crashes=has_crashes) for _ in range(random.choice([0, 1, 2]))]
        return FaultInjector(
            calls,
            throttling_rate=random.choice([0.0, 0.02, 0.2]),
            lost_answer_rate=random.choice([0.0, 0.02, 0.1]) if has_crashes else 0.0,
            slow_answer_rate=random.choice([0.0, 0.02]),
            max_delay_s=40.0 if has_crashes else 2.0,
            message_failure_rate=random.choice([0.0, 0.1, 0.5]),
            unthrottled_calls=frozenset() if has_crashes else frozenset({"leases.renew"}),
            outages=tuple(outages),
            until_s=until_s,
            count=self.faults,
        )

    @staticmethod
    def _outage(random: Random, *, has_crashes: bool) -> Outage:
        services = [{"datasync"}, {"logs"}, {"objects"}, {"queue"}, {"topic"}] + ([TABLE_PORTS] if has_crashes else [])
        begin_s = random.uniform(0.0, 600.0)
        ports = frozenset(random.choice(services))
        denied = ports <= {"objects", "queue", "logs", "topic"} and random.random() < 0.3
        return Outage(ports, begin_s, begin_s + random.choice([20.0, 600.0]), denied=denied)

    def _wake_ups(self, random: Random) -> SimulatedWakeUps | None:
        return SimulatedWakeUps(random, random.choice([10.0, 60.0]), self.faults) if random.random() < 0.25 else None

    def _task(self, number: int, random: Random) -> SimulatedTask:
        task = SimulatedTask(
            number=number,
            mode=random.choice(list(TaskMode)),
            cloud=self.cloud,
            random=self.random(f"task {number}"),
            settle_s=self.options.settle_s,
            estimated_files=random.choice([10, 10, 120_000]),
        )
        paths = random.sample(PATHS, random.randint(3, len(PATHS)))
        if task.location.prefix and random.random() < 0.5:
            paths += METADATA_PATHS
        task.change_source(paths)
        if random.random() < 0.3:
            self.cloud.logs.group_visible_s[task.group] = random.uniform(0.0, 20.0)
        return task

    async def run(self) -> Result:
        tasks = [self._run_task(task) for task in self.tasks]
        slots = [asyncio.create_task(self._run_worker_slot(n)) for n in range(self.random("crew").choice([1, 2, 3]))]
        operator = asyncio.create_task(self._run_operator())
        await asyncio.gather(*tasks)
        self.executions_are_over = True
        await asyncio.gather(*slots, operator)
        await self._wait_until_all_is_done()
        if self.random("last word").random() < 0.6:
            await self._release_all()
            await self._wait_until_all_is_done()
        ended_s = now_s()
        for worker in list(self.workers):
            await worker.stop()
        verdict = Oracle(self.tasks, self.cloud, self.options, self.is_undisturbed, self.releases_s).judge()
        for error in self.internal_errors:
            verdict.add("internal error", error)
        for name, lease in self.cloud.executions.leases.items():
            if lease.owner is not None and self.is_undisturbed:
                verdict.add("6 lease not released at the stop", name)
        faults = self.faults + self.cloud.logs.count + self.cloud.queue.count
        return Result(self.seed, self.kind, verdict, faults, ended_s, self.trace_lines)

    @property
    def is_undisturbed(self) -> bool:
        return self.kind != "crashes" and not self.leases_in_doubt

    async def _run_task(self, task: SimulatedTask) -> None:
        """Run the task's executions. Some start while an earlier one runs, and are queued."""
        random = self.random(f"plans {task.number}")
        usual = random.choice(VERIFY_MODES)
        logs_transfers = random.random() < 0.4
        previous: asyncio.Task[None] | None = None
        for _ in range(random.randint(2, 5)):
            script = self._script(random, usual, logs_transfers=logs_transfers)
            await asyncio.sleep(script.start_delay_s)
            current = asyncio.create_task(self._run_execution(task, script, previous))
            if random.random() < 0.7:
                await current
            previous = current
        if previous:
            await previous

    def _script(self, random: Random, usual: VerifyMode, *, logs_transfers: bool) -> ExecutionScript:
        is_unverified = random.random() < 0.04
        return ExecutionScript(
            verify_mode="NONE" if is_unverified else random.choice([usual] * 5 + list(VERIFY_MODES)),
            log_level="TRANSFER",
            start_delay_s=random.choice([0.01, random.uniform(0.0, 90.0)]),
            is_cut_short=random.random() < 0.15,
            failure_rate=random.choice([0.0, 0.0, 0.2]),
            filtered_rate=random.choice([0.0, 0.0, 0.0, 0.4]),
            max_line_delay_s=random.choice([0.0, 20.0, 100.0, 200.0]),
            lost_line_rate=random.choice([0.0, 0.0, 0.0, 0.3]),
            repeated_line_rate=random.choice([0.0, 0.2]),
            stream_count=random.choice([1, 1, 2, 3]),
            first_stream_delay_s=random.choice([0.0, 20.0]),
            finish_line=random.choice(["last", "last", "missing"]),
            counter=random.choice(["exact"] * 6 + ["high", "low", "files", "absent"]),
            counter_delay_s=random.choice([0.0, 0.0, 6.0]),
            logs_transfers=logs_transfers,
        )

    async def _run_execution(
        self, task: SimulatedTask, script: ExecutionScript, previous: asyncio.Task[None] | None
    ) -> None:
        random = task.random
        execution = task.start(script)
        self.trace(f"DataSync: {execution.id} is queued: {script}")
        if previous:
            await previous
        current = ExecutionRun(execution)
        steps = (("PREPARING", None), ("TRANSFERRING", current.transfer), ("VERIFYING", current.verify))
        for status, step in steps:
            execution.status = status
            await asyncio.sleep(random.uniform(8.0, 25.0))
            if step:
                step()
        await asyncio.sleep(random.uniform(0.0, 10.0))
        current.end()
        self.trace(f"DataSync: {execution.id} ended: {execution.status}, counter {execution.counter}")
        for path, evidence in sorted(execution.evidence.items()):
            self.trace(f"DataSync: {execution.id} {path!r}: {evidence}")
        task.change_source(random.sample(PATHS, random.randint(0, 6)))

    async def _run_worker_slot(self, number: int) -> None:
        """Keep one worker running. From time to time it is stopped, paused or killed, and started again."""
        random = self.random(f"crew {number}")
        await asyncio.sleep(random.choice([0.0, random.uniform(0.0, 100.0)]))
        worker = self._start_worker(number, random)
        actions = ["stop", "kill", "kill", "pause", "go on"] if self.kind == "crashes" else ["stop", "go on"]
        while not (self.executions_are_over and self.injector.is_over):
            await asyncio.sleep(random.expovariate(1 / 90.0))
            action = random.choice(actions)
            if action == "go on" or self.executions_are_over:
                continue
            self.faults[{"stop": "worker stopped", "kill": "worker killed", "pause": "worker paused"}[action]] += 1
            self.trace(f"{worker.connection.name}: {action}")
            if action == "pause":
                worker.connection.running.clear()
                await asyncio.sleep(random.uniform(1.0, 120.0))
                worker.connection.running.set()
                self.trace(f"{worker.connection.name}: continues")
                continue
            self.workers.remove(worker)
            await (worker.stop() if action == "stop" else worker.kill())
            await asyncio.sleep(random.choice([0.0, random.uniform(0.0, 60.0)]))
            worker = self._start_worker(number, random)

    def _start_worker(self, number: int, random: Random) -> SimulatedWorker:
        self.workers_started += 1
        name = f"worker-{number}.{self.workers_started}"
        connection = Connection(name, self.injector, self.trace)
        skew_s = random.uniform(0.0, MAX_SKEW_S) if self.kind == "crashes" else 0.0
        ports = replace(self.ports, queue=self.cloud.queue.for_sender(name))
        worker = SimulatedWorker(
            connection, ports, self.options, lambda o: self._observe(name, o), self.random(name), skew_s=skew_s
        )
        self.workers.append(worker)
        self.trace(f"{name}: starts")
        return worker

    def _observe(self, name: str, observation: Observation) -> None:
        self.trace(f"{name}: {observation}")
        if isinstance(observation, LeaseLost):
            self.leases_in_doubt += 1
        if isinstance(observation, TickFailed):
            if observation.kind == "internal":
                self.internal_errors.append(f"{name}: {observation.error!r}")
            if observation.kind == "conflict" and "renewed in time" in observation.detail:
                self.leases_in_doubt += 1

    async def _run_operator(self) -> None:
        """Release or discard held executions, and replay published ones, at random."""
        random = self.random("people")
        while not self.executions_are_over:
            await asyncio.sleep(random.uniform(20.0, 120.0))
            records = list(self.cloud.executions.records.values())
            if not records:
                continue
            record = random.choice(records)
            if record.phase is Phase.HELD:
                await self._give_command("discard" if random.random() < 0.1 else "release", record.id)
            elif record.phase is Phase.PUBLISHED and random.random() < 0.3:
                await self._give_command("replay", record.id)

    async def _give_command(self, command: str, execution_id: ExecutionId) -> None:
        ports = connect(self.ports, Connection("operator", self.injector, self.trace))
        operator = OperatorCommands(ports.executions, ports.facts)
        self.trace(f"operator: {command} {execution_id}")
        if command == "release":
            self.releases_s.setdefault(execution_id, []).append(now_s())
        commands = {"discard": operator.discard, "release": operator.release, "replay": operator.replay}
        try:
            await commands[command](execution_id)
        except (CommandRefusedError, AwsCallError) as error:
            self.trace(f"operator: {error}")
        else:
            self.faults[f"command {command}"] += 1

    async def _release_all(self) -> None:
        for record in list(self.cloud.executions.records.values()):
            if record.phase is Phase.HELD:
                await self._give_command("release", record.id)

    async def _wait_until_all_is_done(self) -> None:
        """Wait until no worker has anything left to do, and one minute longer."""
        end_s = now_s() + COMPLETION_TIMEOUT_S
        while now_s() < end_s:
            await asyncio.sleep(30.0)
            records = self.cloud.executions.records
            all_registered = all(ExecutionId(e.id) in records for t in self.tasks for e in t.executions)
            any_waits = any(record.is_active or record.retry_at_ms is not None for record in records.values())
            if all_registered and not any_waits and not self.cloud.outbox.executions:
                break
        await asyncio.sleep(60.0)


def _short(text: str) -> str:
    """Return a line of the trace with short forms of ids and enums."""
    text = re.sub(r"ExecutionIds\(arn=.*?execution_id='(.*?)'.*?\)", r"\1", text)
    return re.sub(r"<\w+\.(\w+): '\w+'>", r"\1", text)
