import asyncio
import io
import json
import sys
from contextlib import asynccontextmanager
from dataclasses import replace
from types import SimpleNamespace
from typing import NamedTuple

import pytest

import service.app
from service import __version__
from service.cli import commands, main
from service.domain.errors import AccessDeniedError, NotFoundError, RequestRejectedError, TransientError
from service.domain.execution import Execution, Outcome, S3Location
from service.domain.facts import Fact, FactKind
from service.domain.names import parse_execution_arn
from service.domain.phases import Phase, Reason
from service.domain.port_types import OutcomeRange
from service.operations.commands import CommandRefused
from service.operations.inspect import Inspector
from tests.domain.examples import an_execution
from tests.fakes.stores import MemoryExecutionStore, MemoryFactStore, MemoryOutcomeStore

NAME = parse_execution_arn("arn:aws:datasync:eu-west-1:111122223333:task/task-0a/execution/exec-0b")
EXECUTION = an_execution(
    name=NAME,
    target=S3Location("bucket", ""),
    started_at_ms=1_767_323_045_000,
    ended_at_ms=None,
    phase=Phase.HELD,
    reason=Reason.LOG_INCOMPLETE,
    reconciled=False,
    rows={FactKind.VERIFIED: 12, FactKind.FAILED: 1},
)


class Result(NamedTuple):
    code: int
    out: str
    err: str


class Check:
    async def check(self):
        raise NotFoundError("dynamodb.DescribeTable", "there is no table t: make it")


class Aws:
    """What the commands find instead of AWS: an empty table in memory, or an error."""

    def __init__(self) -> None:
        self.facts, self.outcomes, self.executions = MemoryFactStore(), MemoryOutcomeStore(), MemoryExecutionStore()
        self.at_opening: Exception | None = None
        self.at_work: Exception | None = None
        self.asked_for: list[tuple[str, str | None]] = []

    @asynccontextmanager
    async def opened(self, settings):
        if self.at_opening:
            raise self.at_opening
        inspector = Inspector(self.executions, self.executions, self.facts, self.outcomes)
        if self.at_work:
            inspector.latest = self._fail
        yield SimpleNamespace(inspector=inspector, operator=self, readiness={"table": Check()})

    async def create_resources(self, settings, queue_name):
        self.asked_for.append((settings.table_name, queue_name))
        return f"table {settings.table_name}: made", queue_name and f"https://sqs/{queue_name}"

    async def release(self, name):
        if name not in self.executions.records:
            raise CommandRefused(f"{name} is not known")
        return f"{name} is released"

    async def _fail(self, _):
        raise self.at_work

    def holds(self, *executions: Execution) -> None:
        for execution in executions:
            asyncio.run(self.executions.register(execution))

    def knows(self, kind: FactKind, *paths: str, detail: str | None = None) -> None:
        asyncio.run(self.facts.add(EXECUTION, [Fact(kind, path, 20, 1_767_323_045_000, detail) for path in paths]))


@pytest.fixture
def aws(monkeypatch):
    world = Aws()
    monkeypatch.setattr(service.app, "opened", world.opened)
    monkeypatch.setattr(service.app, "initialise", world.create_resources)
    return world


@pytest.fixture
def run(monkeypatch, capsys):
    monkeypatch.setenv("TRIGGER_QUEUE_URL", "https://sqs.eu-west-1.amazonaws.com/111122223333/files")

    def run(*arguments: str) -> Result:
        monkeypatch.setattr(sys, "argv", ["datasync-trigger", *arguments])
        with pytest.raises(SystemExit) as end:
            main()
        return Result(end.value.code, *capsys.readouterr())

    return run


def test_the_version_is_told(run):
    assert run("--version") == Result(0, f"datasync-trigger {__version__}\n", "")


@pytest.mark.parametrize("command", ["run", "init", "healthcheck", "status", "files", "release", "discard", "replay"])
def test_every_command_explains_itself(run, command):
    assert command in run("--help").out
    result = run(command, "--help")
    assert (result.code, result.err) == (0, "")
    assert result.out.startswith(f"Usage: datasync-trigger {command}")


@pytest.mark.parametrize(
    "arguments", [["run"], ["init"], ["healthcheck"], ["status"], ["files", "exec-0b"], ["release", "exec-0b"]]
)
def test_bad_settings_end_every_command_with_2_and_one_line_per_problem_on_stderr(run, monkeypatch, arguments):
    monkeypatch.setenv("TRIGGER_LEASE_S", "soon")
    monkeypatch.setenv("TRIGGER_TYPO", "1")
    monkeypatch.delenv("TRIGGER_QUEUE_URL")
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert [line.partition(":")[0] for line in err.splitlines()] == [
        "TRIGGER_LEASE_S",
        "TRIGGER_QUEUE_URL",
        "TRIGGER_TYPO",
    ]


def test_wrong_arguments_end_with_2_and_a_hint(run):
    code, out, err = run("files", "exec-0b", "--state", "lost")
    assert (code, out) == (2, "")
    assert "'published'" in err


def test_init_makes_the_table(run, aws):
    assert run("init") == Result(0, "table datasync-trigger: made\n", "")
    assert aws.asked_for == [("datasync-trigger", None)]


def test_init_with_a_queue_needs_no_queue_url_and_prints_one_alone(run, aws, monkeypatch):
    monkeypatch.delenv("TRIGGER_QUEUE_URL")
    assert run("init", "--queue", "files") == Result(0, "https://sqs/files\n", "table datasync-trigger: made\n")
    assert aws.asked_for == [("datasync-trigger", "files")]


def test_status_shows_the_newest_executions_first_in_aligned_columns(run, aws):
    published = replace(
        EXECUTION,
        name=parse_execution_arn(NAME.arn.replace("exec-0b", "exec-0c0c")),
        phase=Phase.PUBLISHED,
        reason=None,
        outcomes={Outcome.PUBLISHED: 12},
        started_at_ms=EXECUTION.started_at_ms + 1000,
    )
    aws.holds(EXECUTION, published)
    code, out, err = run("status")
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        "EXECUTION  PHASE      REASON          DATASYNC  VERIFIED  PUBLISHED  FAILED  STARTED               TASK",
        "exec-0c0c  PUBLISHED  -               SUCCESS         12         12       1  2026-01-02T03:04:06Z  task-0a",
        "exec-0b    HELD       log_incomplete  SUCCESS         12          0       1  2026-01-02T03:04:05Z  task-0a",
    ]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_status_is_a_drawn_table_on_a_terminal(run, aws, monkeypatch):
    aws.holds(EXECUTION)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "150")
    monkeypatch.setattr(sys, "stdout", Terminal())
    terminal = sys.stdout
    assert run("status").code == 0
    assert "\x1b[1;31mHELD" in terminal.getvalue()
    assert "exec-0b" in terminal.getvalue()


def test_status_of_nothing_is_no_error(run, aws):
    code, out, err = run("status")
    assert (code, err) == (0, "no executions are known yet\n")
    assert out.startswith("EXECUTION")
    assert json.loads(run("status", "--json").out) == {"executions": []}


def test_status_as_json_is_one_document_and_nothing_else(run, aws):
    aws.holds(EXECUTION)
    code, out, err = run("status", "--json")
    assert (code, err) == (0, "")
    [shown] = json.loads(out)["executions"]
    assert (shown["execution_id"], shown["phase"], shown["files"]["verified"]) == ("exec-0b", "HELD", 12)


@pytest.mark.parametrize("name", ["exec-0b", NAME.arn])
def test_status_of_one_execution_by_id_or_arn(run, aws, name):
    aws.holds(EXECUTION)
    assert json.loads(run("status", name, "--json").out)["execution_arn"] == NAME.arn
    lines = [line.split("  ", 1) for line in run("status", name).out.splitlines()]
    told = {key: value.strip() for key, value in lines}
    assert (told["phase"], told["reason"], told["reconciled"]) == ("HELD", "log_incomplete", "no")
    assert (told["files verified"], told["published at"]) == ("12", "-")


@pytest.mark.parametrize("command", ["status", "files"])
@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("exec-0f", "exec-0f is not known: `datasync-trigger status` lists the executions that are\n"),
        ("task-0a\x1b", "'task-0a\\x1b' is no execution's ARN, and not of the form exec-…\n"),
    ],
)
def test_an_execution_that_is_not_there_is_one_sentence_and_1(run, aws, command, name, sentence):
    assert run(command, name, "--json") == Result(1, "", sentence)


def test_files_are_shown_one_a_line_with_what_is_not_printable_escaped(run, aws):
    aws.holds(EXECUTION)
    aws.knows(FactKind.VERIFIED, "a.csv", "b\n\x1b[31m.csv", "c[red]")
    aws.knows(FactKind.FAILED, "d", detail="checksums\ndiffer")
    outcomes = OutcomeRange("a.csv", Outcome.PUBLISHED, {})
    asyncio.run(aws.outcomes.write(NAME.execution_id, outcomes, expires_at_s=0))
    code, out, err = run("files", "exec-0b")
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        "STATE               BYTES  VERIFIED                  PATH",
        "published              20  2026-01-02T03:04:05Z      /a.csv",
        "verified               20  2026-01-02T03:04:05Z      /b\\n\\x1b[31m.csv",
        "verified               20  2026-01-02T03:04:05Z      /c[red]",
        "failed                  -  -                         /d  (checksums\\ndiffer)",
    ]


def test_files_as_json_are_one_document_however_many_pages_there_are(run, aws, monkeypatch):
    monkeypatch.setattr(commands, "PAGE", 2)
    aws.holds(EXECUTION)
    aws.knows(FactKind.VERIFIED, "b\n", "a", "d", "c", "e")
    code, out, err = run("files", "exec-0b", "--json")
    assert (code, err) == (0, "")
    assert [file["path"] for file in json.loads(out)["files"]] == ["/a", "/b\n", "/c", "/d", "/e"]
    assert json.loads(run("files", "exec-0b", "--json", "--state", "missing").out) == {"files": []}


def test_files_are_chosen_by_state_and_prefix(run, aws):
    aws.holds(EXECUTION)
    aws.knows(FactKind.VERIFIED, "in/a", "in/b", "out/a")
    aws.knows(FactKind.FAILED, "in/b")
    out = run("files", "exec-0b", "--json", "--state", "verified", "--prefix", "/in/").out
    assert [file["path"] for file in json.loads(out)["files"]] == ["/in/a"]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (RequestRejectedError("aws.session", "no AWS Region is set: set AWS_REGION"), 2),
        (AccessDeniedError("aws.session", "no AWS credentials were found: give the task a role"), 2),
        (RequestRejectedError("sqs.client", "an AWS_ENDPOINT_URL variable is wrong"), 2),
        (OSError(98, "cannot listen on 0.0.0.0 port 80"), 1),
    ],
)
def test_what_keeps_aws_from_being_asked_is_one_sentence(run, aws, error, code):
    aws.at_opening = error
    assert run("status", "--json") == Result(code, "", f"{getattr(error, 'detail', None) or error.strerror}\n")


@pytest.mark.parametrize("kind", [AccessDeniedError, TransientError, RequestRejectedError])
def test_trouble_with_aws_is_one_sentence_and_1(run, aws, kind):
    aws.at_work = kind("dynamodb.Query", "no access to the table t; allow dynamodb:Query")
    assert run("status", "--json") == Result(1, "", "no access to the table t; allow dynamodb:Query\n")


def test_a_table_that_is_missing_is_answered_with_how_to_make_it(run, aws):
    aws.at_work = NotFoundError("dynamodb.Query", "the table t does not exist")
    assert run("status") == Result(1, "", "there is no table t: make it\n")


def test_an_operators_word_is_answered_with_what_follows(run, aws):
    aws.holds(EXECUTION)
    assert run("release", NAME.arn) == Result(0, f"{NAME.execution_id} is released\n", "")
    assert run("release", "exec-0c") == Result(1, "", "exec-0c is not known\n")
    assert run("release", "nonsense").code == 1
