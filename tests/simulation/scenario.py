"""A run: a world made from a seed, the workers and people in it, and what the oracle says of it in the end."""

import asyncio
import re
from collections import Counter
from dataclasses import dataclass, field, replace
from random import Random

from service.domain.errors import AwsCallError
from service.domain.names import ExecutionId, TaskMode, VerifyMode
from service.domain.observations import LeaseLost, Observation, TickFailed
from service.domain.options import DAY_S, OnError, OnIncomplete, WorkerOptions
from service.domain.phases import Phase
from service.operations.commands import CommandRefused, OperatorCommands
from service.ports import WorkerPorts
from tests.simulation.cloud import Cloud, SimulatedFacts, SimulatedLogs, SimulatedQueue, SimulatedWakeUps, now_s
from tests.simulation.datasync import HOUSEKEEPING, NAMES, Doing, Plan, SimulatedDataSync, TrueTask
from tests.simulation.faults import Link, Outage, Weather, through
from tests.simulation.oracle import SKEW_S, Oracle, Verdict
from tests.simulation.worker import SimulatedWorker
from tests.virtual_time import run

PATIENCE_S = 6 * 3600.0
"""How long a run may take to come to rest once all faults are over."""

MODES = (VerifyMode.POINT_IN_TIME_CONSISTENT, VerifyMode.ONLY_FILES_TRANSFERRED)
TABLE = frozenset({"facts", "outcomes", "executions", "outbox", "overview", "leases", "tasks"})


@dataclass
class Result:
    """How a run ended."""

    seed: int
    kind: str
    verdict: Verdict
    faults: Counter[str]
    virtual_s: float
    trace: list[str] = field(default_factory=list)


def simulate(seed: int, *, traced: bool = False) -> Result:
    """Run the world of a seed: always the same one."""
    return run(Simulation(seed, traced=traced).run())


class Simulation:
    """The world of a seed. `calm` worlds know no kill, pause or lost answer, so that nothing may be sent twice."""

    def __init__(self, seed: int, *, traced: bool = False) -> None:
        self.seed = seed
        self.trace_lines: list[str] = []
        self.traced = traced
        self.kind = ("quiet", "rough", "wild", "wild")[seed % 4]
        self.faults: Counter[str] = Counter()
        self.in_doubt = 0
        self.bugs: list[str] = []
        self.released: dict[str, list[float]] = {}
        self.workers: list[SimulatedWorker] = []
        self.born = 0
        self.over = False
        dice = self.dice("world")
        self.options = WorkerOptions(
            settle_s=10.0,
            seal_deadline_s=dice.choice([120.0, 240.0]),
            on_error=dice.choice([OnError.CARRY] * 5 + [OnError.PUBLISH, OnError.DROP]),
            on_incomplete=dice.choice([OnIncomplete.PUBLISH, OnIncomplete.PUBLISH, OnIncomplete.HOLD]),
            retention_days=dice.choice([30, 30, 1200 / DAY_S]),
            max_executions=dice.choice([1, 2, 10]),
            publish_unchanged=dice.random() < 0.1,
        )
        self.weather = self._weather(dice)
        self.cloud = Cloud(
            SimulatedLogs(
                self.dice("logs"), dice.choice([3, 7, 50]), dice.choice([0.0, 0.3]), dice.choice([0.0, 0.01])
            ),
            SimulatedQueue(self.dice("queue"), self.weather.failing, dice.choice([1, 2, 3, 10])),
            SimulatedFacts(
                page_size=dice.choice([1, 2, 10]),
                random=self.dice("facts"),
                failing=self.weather.failing,
                count=self.faults,
            ),
        )
        self.cloud.objects.page_size = dice.choice([1, 3, 1000])
        self.cloud.executions.lag_s = dice.choice([0.0, 1.0])
        self.tasks = [self._task(number, dice) for number in range(1, 1 + dice.choice([1, 1, 2, 3]))]
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
            wake_ups=self._wake_ups(self.dice("wake-ups")),
        )

    def dice(self, name: str) -> Random:
        """Chance of its own for each part, so that one part's choices do not shift another's."""
        return Random(f"{self.seed} {name}")

    def trace(self, text: str) -> None:
        if self.traced:
            self.trace_lines.append(f"{now_s():9.3f} {_short(text)}")

    def _weather(self, dice: Random) -> Weather:
        until_s = dice.uniform(200.0, 900.0)
        calls = self.dice("weather")
        if self.kind == "quiet":
            return Weather(calls, count=self.faults)
        outages = [self._outage(dice, wild=self.kind == "wild") for _ in range(dice.choice([0, 1, 2]))]
        wild = self.kind == "wild"
        return Weather(
            calls,
            throttled=dice.choice([0.0, 0.02, 0.2]),
            lost_answers=dice.choice([0.0, 0.02, 0.1]) if wild else 0.0,
            slow=dice.choice([0.0, 0.02]),
            slow_s=40.0 if wild else 2.0,
            partial=dice.choice([0.0, 0.1, 0.5]),
            spared=frozenset() if wild else frozenset({"leases.renew"}),
            outages=tuple(outages),
            until_s=until_s,
            count=self.faults,
        )

    @staticmethod
    def _outage(dice: Random, *, wild: bool) -> Outage:
        services = [{"datasync"}, {"logs"}, {"objects"}, {"queue"}, {"topic"}] + ([TABLE] if wild else [])
        begin_s = dice.uniform(0.0, 600.0)
        ports = frozenset(dice.choice(services))
        denied = ports <= {"objects", "queue", "logs", "topic"} and dice.random() < 0.3
        return Outage(ports, begin_s, begin_s + dice.choice([20.0, 600.0]), denied=denied)

    def _wake_ups(self, dice: Random) -> SimulatedWakeUps | None:
        return SimulatedWakeUps(dice, dice.choice([10.0, 60.0]), self.faults) if dice.random() < 0.25 else None

    def _task(self, number: int, dice: Random) -> TrueTask:
        task = TrueTask(
            number=number,
            mode=dice.choice(list(TaskMode)),
            cloud=self.cloud,
            random=self.dice(f"task {number}"),
            settle_s=self.options.settle_s,
            estimate=dice.choice([10, 10, 120_000]),
        )
        names = dice.sample(NAMES, dice.randint(3, len(NAMES)))
        if task.location.prefix and dice.random() < 0.5:
            names += HOUSEKEEPING
        task.change_source(names)
        if dice.random() < 0.3:
            self.cloud.logs.appears_s[task.group] = dice.uniform(0.0, 20.0)
        return task

    async def run(self) -> Result:
        actors = [self._do_task(task) for task in self.tasks]
        crew = [asyncio.create_task(self._crew(n)) for n in range(self.dice("crew").choice([1, 2, 3]))]
        people = asyncio.create_task(self._people())
        await asyncio.gather(*actors)
        self.over = True
        await asyncio.gather(*crew, people)
        await self._rest()
        if self.dice("last word").random() < 0.6:
            await self._release_all()
            await self._rest()
        ended_s = now_s()
        for worker in list(self.workers):
            await worker.stop()
        verdict = Oracle(self.tasks, self.cloud, self.options, self.calm, self.released).judge()
        for bug in self.bugs:
            verdict.say("8 an error of our own", bug)
        for name, lease in self.cloud.executions.leases.items():
            if lease.owner is not None and self.calm:
                verdict.say("6 a lease outlives its owner", name)
        faults = self.faults + self.cloud.logs.count + self.cloud.queue.count
        return Result(self.seed, self.kind, verdict, faults, ended_s, self.trace_lines)

    @property
    def calm(self) -> bool:
        return self.kind != "wild" and not self.in_doubt

    async def _do_task(self, task: TrueTask) -> None:
        """The task's executions, some of them queued behind each other."""
        dice = self.dice(f"plans {task.number}")
        usual = dice.choice(MODES)
        transfers = dice.random() < 0.4
        before: asyncio.Task[None] | None = None
        for _ in range(dice.randint(2, 5)):
            plan = self._plan(dice, usual, logs_transfers=transfers)
            await asyncio.sleep(plan.starts_s)
            doing = asyncio.create_task(self._do_execution(task, plan, before))
            if dice.random() < 0.7:
                await doing
            before = doing
        if before:
            await before

    def _plan(self, dice: Random, usual: VerifyMode, *, logs_transfers: bool) -> Plan:
        never = dice.random() < 0.04
        return Plan(
            verify_mode="NONE" if never else dice.choice([usual] * 5 + list(MODES)),
            log_level="TRANSFER",
            starts_s=dice.choice([0.01, dice.uniform(0.0, 90.0)]),
            cut_off=dice.random() < 0.15,
            failures=dice.choice([0.0, 0.0, 0.2]),
            filtered=dice.choice([0.0, 0.0, 0.0, 0.4]),
            late_s=dice.choice([0.0, 20.0, 100.0, 200.0]),
            lost_lines=dice.choice([0.0, 0.0, 0.0, 0.3]),
            duplicates=dice.choice([0.0, 0.2]),
            streams=dice.choice([1, 1, 2, 3]),
            stream_late_s=dice.choice([0.0, 20.0]),
            finish=dice.choice(["last", "last", "missing"]),
            counter=dice.choice(["exact"] * 6 + ["high", "low", "files", "absent"]),
            counter_late_s=dice.choice([0.0, 0.0, 6.0]),
            logs_transfers=logs_transfers,
        )

    async def _do_execution(self, task: TrueTask, plan: Plan, before: asyncio.Task[None] | None) -> None:
        dice = task.random
        execution = task.start(plan)
        self.trace(f"DataSync: {execution.id} is queued: {plan}")
        if before:
            await before
        doing = Doing(execution)
        for status, act in (("PREPARING", None), ("TRANSFERRING", doing.transfer), ("VERIFYING", doing.verify)):
            execution.status = status
            await asyncio.sleep(dice.uniform(8.0, 25.0))
            if act:
                act()
        await asyncio.sleep(dice.uniform(0.0, 10.0))
        doing.end()
        self.trace(f"DataSync: {execution.id} ended: {execution.status}, counter {execution.counter}")
        for path, word in sorted(execution.words.items()):
            self.trace(f"DataSync: {execution.id} {path!r}: {word}")
        task.change_source(dice.sample(NAMES, dice.randint(0, 6)))

    async def _crew(self, number: int) -> None:
        """One place for a worker: it is started, and in time stopped, paused or killed, and started again."""
        dice = self.dice(f"crew {number}")
        await asyncio.sleep(dice.choice([0.0, dice.uniform(0.0, 100.0)]))
        worker = self._hire(number, dice)
        while not (self.over and self.weather.over):
            await asyncio.sleep(dice.expovariate(1 / 90.0))
            fate = dice.choice(["stop", "go on"] if self.kind != "wild" else ["stop", "kill", "kill", "pause", "go on"])
            if fate == "go on" or self.over:
                continue
            self.faults[{"stop": "worker stopped", "kill": "worker killed", "pause": "worker paused"}[fate]] += 1
            self.trace(f"{worker.link.name}: {fate}")
            if fate == "pause":
                worker.link.awake.clear()
                await asyncio.sleep(dice.uniform(1.0, 120.0))
                worker.link.awake.set()
                self.trace(f"{worker.link.name}: wakes up")
                continue
            self.workers.remove(worker)
            await (worker.stop() if fate == "stop" else worker.kill())
            await asyncio.sleep(dice.choice([0.0, dice.uniform(0.0, 60.0)]))
            worker = self._hire(number, dice)

    def _hire(self, number: int, dice: Random) -> SimulatedWorker:
        self.born += 1
        name = f"worker-{number}.{self.born}"
        link = Link(name, self.weather, self.trace)
        skew_s = dice.uniform(0.0, SKEW_S) if self.kind == "wild" else 0.0
        ports = replace(self.ports, queue=self.cloud.queue.seen_by(name))
        worker = SimulatedWorker(
            link, ports, self.options, lambda o: self._observe(name, o), self.dice(name), skew_s=skew_s
        )
        self.workers.append(worker)
        self.trace(f"{name}: starts")
        return worker

    def _observe(self, name: str, observation: Observation) -> None:
        self.trace(f"{name}: {observation}")
        if isinstance(observation, LeaseLost):
            self.in_doubt += 1
        if isinstance(observation, TickFailed):
            if observation.kind == "internal":
                self.bugs.append(f"{name}: {observation.error!r}")
            if observation.kind == "conflict" and "renewed in time" in observation.detail:
                self.in_doubt += 1

    async def _people(self) -> None:
        """Someone who looks at what is held, and sometimes wants something once more."""
        dice = self.dice("people")
        while not self.over:
            await asyncio.sleep(dice.uniform(20.0, 120.0))
            records = list(self.cloud.executions.records.values())
            if not records:
                continue
            record = dice.choice(records)
            if record.phase is Phase.HELD:
                await self._tell("discard" if dice.random() < 0.1 else "release", record.id, dice)
            elif record.phase is Phase.PUBLISHED and dice.random() < 0.3:
                await self._tell("replay", record.id, dice)

    async def _tell(self, word: str, execution_id: ExecutionId, dice: Random) -> None:
        ports = through(Link("person", self.weather, self.trace), self.ports)
        operator = OperatorCommands(ports.executions, ports.facts)
        self.trace(f"person: {word} {execution_id}")
        if word == "release":
            self.released.setdefault(execution_id, []).append(now_s())
        try:
            await {"discard": operator.discard, "release": operator.release, "replay": operator.replay}[word](
                execution_id
            )
        except (CommandRefused, AwsCallError) as answer:
            self.trace(f"person: {answer}")
        else:
            self.faults[f"told to {word}"] += 1

    async def _release_all(self) -> None:
        for record in list(self.cloud.executions.records.values()):
            if record.phase is Phase.HELD:
                await self._tell("release", record.id, self.dice("release all"))

    async def _rest(self) -> None:
        """Wait until nothing is left to do, and a little longer."""
        end_s = now_s() + PATIENCE_S
        while now_s() < end_s:
            await asyncio.sleep(30.0)
            known = self.cloud.executions.records
            seen = all(ExecutionId(e.id) in known for t in self.tasks for e in t.executions)
            waits = any(record.is_active or record.retry_at_ms is not None for record in known.values())
            if seen and not waits and not self.cloud.outbox.executions:
                break
        await asyncio.sleep(60.0)


def _short(text: str) -> str:
    """Without what each line would say again."""
    text = re.sub(r"ExecutionIds\(arn=.*?execution_id='(.*?)'.*?\)", r"\1", text)
    return re.sub(r"<\w+\.(\w+): '\w+'>", r"\1", text)
