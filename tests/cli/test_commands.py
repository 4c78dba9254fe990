import asyncio
import io
import json
import re
import sys
from contextlib import asynccontextmanager
from dataclasses import replace
from types import SimpleNamespace
from typing import NamedTuple

import pytest

import service.app
from service import __version__
from service.cli import commands, main
from service.cli.show import HEADINGS
from service.config import Settings
from service.domain.errors import AccessDeniedError, NotFoundError, RequestRejectedError, TransientError
from service.domain.execution import Execution, Outcome, S3Location
from service.domain.facts import Fact, FactKind
from service.domain.names import parse_execution_arn
from service.domain.phases import Phase, Reason
from service.domain.port_types import OutcomeRange
from service.operations.commands import CommandRefusedError
from service.operations.inspect import Inspector
from tests.domain.examples import an_execution
from tests.fakes.stores import MemoryExecutionStore, MemoryFactStore, MemoryOutcomeStore

IDS = parse_execution_arn("arn:aws:datasync:eu-west-1:111122223333:task/task-0a/execution/exec-0b")
EXECUTION = an_execution(
    ids=IDS,
    location=S3Location("bucket", ""),
    started_at_ms=1_767_323_045_000,
    ended_at_ms=None,
    phase=Phase.HELD,
    reason=Reason.LOG_INCOMPLETE,
    reconciled=False,
    fact_counts={FactKind.VERIFIED: 12, FactKind.FAILED: 1},
)


class Result(NamedTuple):
    code: int
    out: str
    err: str


class Check:
    async def check(self):
        raise NotFoundError("dynamodb.DescribeTable", "there is no table t: create it")


class FakeAws:
    """The replacement of AWS: an empty table in memory, or an error."""

    def __init__(self) -> None:
        self.facts, self.outcomes, self.executions = MemoryFactStore(), MemoryOutcomeStore(), MemoryExecutionStore()
        self.error_at_opening: Exception | None = None
        self.error_of_calls: Exception | None = None
        self.requested: list[tuple[str, str | None]] = []

    @asynccontextmanager
    async def open_service(self, settings):
        if self.error_at_opening:
            raise self.error_at_opening
        inspector = Inspector(self.executions, self.executions, self.facts, self.outcomes)
        if self.error_of_calls:
            inspector.latest = self._fail
        yield SimpleNamespace(inspector=inspector, operator=self, readiness={"table": Check()})

    async def create_resources(self, settings, queue_name):
        self.requested.append((settings.table_name, queue_name))
        return f"table {settings.table_name}: created", queue_name and f"https://sqs/{queue_name}"

    async def release(self, name):
        if name not in self.executions.records:
            raise CommandRefusedError(f"{name} is not known")
        return f"{name} is released"

    async def _fail(self, _):
        raise self.error_of_calls

    def register(self, *executions: Execution) -> None:
        for execution in executions:
            asyncio.run(self.executions.register(execution))

    def add_facts(self, kind: FactKind, *paths: str, detail: str | None = None) -> None:
        asyncio.run(self.facts.add(EXECUTION, [Fact(kind, path, 20, 1_767_323_045_000, detail) for path in paths]))


@pytest.fixture
def aws(monkeypatch):
    fake = FakeAws()
    monkeypatch.setattr(service.app, "open_service", fake.open_service)
    monkeypatch.setattr(service.app, "create_resources", fake.create_resources)
    return fake


@pytest.fixture
def run(monkeypatch, capsys):
    monkeypatch.setenv("TRIGGER_QUEUE_URL", "https://sqs.eu-west-1.amazonaws.com/111122223333/files")

    def run(*arguments: str) -> Result:
        monkeypatch.setattr(sys, "argv", ["datasync-trigger", *arguments])
        with pytest.raises(SystemExit) as end:
            main()
        return Result(end.value.code, *capsys.readouterr())

    return run


def test_version_is_printed(run):
    assert run("--version") == Result(0, f"datasync-trigger {__version__}\n", "")


@pytest.mark.parametrize("command", ["run", "init", "healthcheck", "status", "files", "release", "discard", "replay"])
def test_every_command_has_help(run, command):
    assert command in run("--help").out
    result = run(command, "--help")
    assert (result.code, result.err) == (0, "")
    assert result.out.startswith(f"Usage: datasync-trigger {command}")


def test_help_of_run_ends_with_every_setting(run):
    out = run("run", "--help").out
    _, _, settings = out.partition("Settings (environment variables):\n")
    listed = re.findall(r"^  (TRIGGER_\w+) \(", settings, re.MULTILINE)
    assert listed == [f"TRIGGER_{field.upper()}" for field in Settings.model_fields]
    assert "  TRIGGER_SETTLE_S (10)\n      How long the log of an ended execution must stay quiet" in settings
    assert max(map(len, out.splitlines())) <= 80


@pytest.mark.parametrize(
    "arguments", [["run"], ["init"], ["healthcheck"], ["status"], ["files", "exec-0b"], ["release", "exec-0b"]]
)
def test_wrong_settings_end_every_command_with_2_and_a_line_per_problem_on_stderr(run, monkeypatch, arguments):
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


def test_init_creates_the_table(run, aws):
    assert run("init") == Result(0, "table datasync-trigger: created\n", "")
    assert aws.requested == [("datasync-trigger", None)]


def test_init_with_a_queue_needs_no_queue_url_and_prints_it_alone(run, aws, monkeypatch):
    monkeypatch.delenv("TRIGGER_QUEUE_URL")
    assert run("init", "--queue", "files") == Result(0, "https://sqs/files\n", "table datasync-trigger: created\n")
    assert aws.requested == [("datasync-trigger", "files")]


def test_status_shows_the_newest_executions_first_in_aligned_columns(run, aws):
    published = replace(
        EXECUTION,
        ids=parse_execution_arn(IDS.arn.replace("exec-0b", "exec-0c0c")),
        phase=Phase.PUBLISHED,
        reason=None,
        outcome_counts={Outcome.PUBLISHED: 12},
        started_at_ms=EXECUTION.started_at_ms + 1000,
    )
    aws.register(EXECUTION, published)
    code, out, err = run("status")
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        "EXECUTION  PHASE      REASON          DATASYNC  VERIFIED  PUBLISHED  FAILED  STARTED               TASK",
        "exec-0c0c  PUBLISHED  -               SUCCESS         12         12       1  2026-01-02T03:04:06Z  task-0a",
        "exec-0b    HELD       log_incomplete  SUCCESS         12          0       1  2026-01-02T03:04:05Z  task-0a",
    ]


DETAIL = "no access to the bucket landing: AccessDenied: User is not authorized; allow s3:ListBucket"
DENIED = replace(EXECUTION, reason=Reason.ACCESS_DENIED, reason_detail=DETAIL, blocked_since_ms=1)


@pytest.mark.parametrize(
    "execution", [DENIED, replace(DENIED, phase=Phase.PUBLISHING, reason=None)], ids=["held", "blocked"]
)
def test_status_shows_the_detail_below_a_held_or_blocked_execution(run, aws, execution):
    later = an_execution(2, ids=parse_execution_arn(IDS.arn.replace("exec-0b", "exec-0c")))
    aws.register(execution, later)
    lines = run("status").out.splitlines()
    assert [line.split()[0] for line in lines] == ["EXECUTION", "exec-0c", "exec-0b", "!"]
    assert lines[-1] == f"  ! {DETAIL}"


@pytest.mark.parametrize("phase", [Phase.PUBLISHED, Phase.CARRIED, Phase.DISCARDED])
def test_status_shows_no_detail_below_an_execution_that_waits_for_nothing(run, aws, phase):
    aws.register(replace(DENIED, phase=phase, blocked_since_ms=None))
    assert len(run("status").out.splitlines()) == 2


def test_detail_is_escaped(run, aws):
    aws.register(replace(DENIED, reason_detail="a\nb\x1b[31m"))
    assert run("status").out.splitlines()[-1] == "  ! a\\nb\\x1b[31m"


def test_status_of_one_execution_shows_its_whole_detail(run, aws):
    aws.register(DENIED)
    assert f"reason detail       {DETAIL}" in run("status", "exec-0b").out.splitlines()
    assert json.loads(run("status", "exec-0b", "--json").out)["reason_detail"] == DETAIL
    assert json.loads(run("status", "--json").out)["executions"][0]["reason_detail"] == DETAIL


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def status_on_terminal(run, monkeypatch):
    """Return a function that runs `status` on a terminal and returns what it shows."""

    def status(columns=150):
        monkeypatch.setenv("TERM", "xterm")
        monkeypatch.setenv("COLUMNS", str(columns))
        monkeypatch.setattr(sys, "stdout", terminal := Terminal())
        assert run("status").code == 0
        return terminal.getvalue()

    return status


def plain(text):
    """Return the lines of a terminal without colours and trailing spaces."""
    return [line.rstrip() for line in re.sub(r"\x1b\[[0-9;]*m", "", text).splitlines()]


def test_status_has_colours_on_a_terminal(aws, status_on_terminal):
    aws.register(EXECUTION)
    shown = status_on_terminal()
    assert "\x1b[1;31mHELD" in shown
    assert plain(shown) == [
        "EXECUTION  PHASE  REASON          DATASYNC  VERIFIED  PUBLISHED  FAILED  STARTED               TASK",
        "exec-0b    HELD   log_incomplete  SUCCESS         12          0       1  2026-01-02T03:04:05Z  task-0a",
    ]


def test_rows_are_aligned_on_a_terminal(aws, status_on_terminal):
    aws.register(DENIED, an_execution(2, ids=parse_execution_arn(IDS.arn.replace("exec-0b", "exec-0c0c0c"))))
    shown = status_on_terminal()
    heading, later, held, _ = plain(shown)
    assert heading.index("PHASE") == later.index("SEALING") == held.index("HELD")
    assert heading.index("STARTED") == later.index("2026-") == held.index("2026-")


@pytest.mark.parametrize(
    ("columns", "dropped"), [(80, {"STARTED", "TASK"}), (100, {"STARTED", "TASK"}), (120, {"TASK"}), (150, set())]
)
def test_narrow_terminal_shows_whole_execution_ids_and_drops_columns(aws, status_on_terminal, columns, dropped):
    long_arn = IDS.arn.replace("exec-0b", "exec-0123456789abcdef0").replace("task-0a", "task-0123456789abcdef0")
    ids = parse_execution_arn(long_arn)
    aws.register(an_execution(2, ids=ids, phase=Phase.HELD, reason=Reason.LOG_INCOMPLETE, status="TRANSFERRING"))
    lines = plain(status_on_terminal(columns=columns))
    assert lines[1].startswith("exec-0123456789abcdef0  HELD")
    assert set(HEADINGS) - set(lines[0].split()) == dropped
    assert max(map(len, lines)) <= columns


@pytest.mark.parametrize("columns", [76, 90, 120])
def test_cells_are_folded_on_a_narrow_terminal_and_stay_aligned(aws, status_on_terminal, columns):
    long_id = parse_execution_arn(IDS.arn.replace("exec-0b", "exec-0123456789abcdef0"))
    aws.register(DENIED, an_execution(2, ids=long_id))
    lines = plain(status_on_terminal(columns=columns))
    (held,) = [line for line in lines if "HELD" in line]
    assert lines[0].index("PHASE") == held.index("HELD")
    first_column = [line[: held.index("HELD")].strip() for line in lines]
    assert "exec-0123456789abcdef0" in "".join(first_column)
    assert max(map(len, lines)) <= columns


def test_terminal_that_is_too_narrow_for_the_table_shows_the_detail(aws, status_on_terminal):
    aws.register(DENIED)
    assert plain(status_on_terminal(columns=30))[-1] == f"  ! {DETAIL}"[:29] + "…"


def test_detail_is_a_bold_red_line_below_its_row_on_a_terminal(aws, status_on_terminal):
    aws.register(DENIED)
    shown = status_on_terminal()
    assert f"\x1b[1;31m  ! {DETAIL}" in shown
    assert plain(shown)[-1] == f"  ! {DETAIL}"


def test_detail_is_shortened_to_the_width_of_the_terminal(aws, status_on_terminal):
    aws.register(DENIED)
    shown = status_on_terminal(columns=60)
    last = plain(shown)[-1]
    assert last == f"  ! {DETAIL}"[:59] + "…"


def test_status_of_an_empty_table_is_not_an_error(run, aws):
    code, out, err = run("status")
    assert (code, err) == (0, "no executions are known yet\n")
    assert out.startswith("EXECUTION")
    assert json.loads(run("status", "--json").out) == {"executions": []}


def test_status_as_json_is_one_document(run, aws):
    aws.register(EXECUTION)
    code, out, err = run("status", "--json")
    assert (code, err) == (0, "")
    [shown] = json.loads(out)["executions"]
    assert (shown["execution_id"], shown["phase"], shown["files"]["verified"]) == ("exec-0b", "HELD", 12)


@pytest.mark.parametrize("name", ["exec-0b", IDS.arn])
def test_status_of_one_execution_is_shown_by_id_or_arn(run, aws, name):
    aws.register(EXECUTION)
    assert json.loads(run("status", name, "--json").out)["execution_arn"] == IDS.arn
    lines = [line.split("  ", 1) for line in run("status", name).out.splitlines()]
    values = {key: value.strip() for key, value in lines}
    assert (values["phase"], values["reason"], values["reconciled"]) == ("HELD", "log_incomplete", "no")
    assert (values["files verified"], values["published at"]) == ("12", "-")


@pytest.mark.parametrize("command", ["status", "files"])
@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("exec-0f", "exec-0f is not known; `datasync-trigger status` lists the known executions\n"),
        ("task-0a\x1b", "'task-0a\\x1b' is neither the ARN of an execution nor exec-…\n"),
    ],
)
def test_unknown_execution_ends_with_1_and_one_sentence(run, aws, command, name, sentence):
    assert run(command, name, "--json") == Result(1, "", sentence)


def test_files_are_shown_one_per_line_with_unprintable_characters_escaped(run, aws):
    aws.register(EXECUTION)
    aws.add_facts(FactKind.VERIFIED, "a.csv", "b\n\x1b[31m.csv", "c[red]")
    aws.add_facts(FactKind.FAILED, "d", detail="checksums\ndiffer")
    outcomes = OutcomeRange("a.csv", Outcome.PUBLISHED, {})
    asyncio.run(aws.outcomes.write(IDS.execution_id, outcomes, expires_at_s=0))
    code, out, err = run("files", "exec-0b")
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        "STATE               BYTES  VERIFIED                  PATH",
        "published              20  2026-01-02T03:04:05Z      /a.csv",
        "verified               20  2026-01-02T03:04:05Z      /b\\n\\x1b[31m.csv",
        "verified               20  2026-01-02T03:04:05Z      /c[red]",
        "failed                  -  -                         /d  (checksums\\ndiffer)",
    ]


def test_files_of_several_pages_are_one_json_document(run, aws, monkeypatch):
    monkeypatch.setattr(commands, "PAGE", 2)
    aws.register(EXECUTION)
    aws.add_facts(FactKind.VERIFIED, "b\n", "a", "d", "c", "e")
    code, out, err = run("files", "exec-0b", "--json")
    assert (code, err) == (0, "")
    assert [file["path"] for file in json.loads(out)["files"]] == ["/a", "/b\n", "/c", "/d", "/e"]
    assert json.loads(run("files", "exec-0b", "--json", "--state", "missing").out) == {"files": []}


def test_files_are_filtered_by_state_and_prefix(run, aws):
    aws.register(EXECUTION)
    aws.add_facts(FactKind.VERIFIED, "in/a", "in/b", "out/a")
    aws.add_facts(FactKind.FAILED, "in/b")
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
def test_wrong_aws_configuration_ends_with_one_sentence(run, aws, error, code):
    aws.error_at_opening = error
    assert run("status", "--json") == Result(code, "", f"{getattr(error, 'detail', None) or error.strerror}\n")


@pytest.mark.parametrize("kind", [AccessDeniedError, TransientError, RequestRejectedError])
def test_failed_call_ends_with_1_and_one_sentence(run, aws, kind):
    aws.error_of_calls = kind("dynamodb.Query", "no access to the table t; allow dynamodb:Query")
    assert run("status", "--json") == Result(1, "", "no access to the table t; allow dynamodb:Query\n")


def test_missing_table_ends_with_the_way_to_create_it(run, aws):
    aws.error_of_calls = NotFoundError("dynamodb.Query", "the table t does not exist")
    assert run("status") == Result(1, "", "there is no table t: create it\n")


def test_command_about_an_execution_prints_its_result(run, aws):
    aws.register(EXECUTION)
    assert run("release", IDS.arn) == Result(0, f"{IDS.execution_id} is released\n", "")
    assert run("release", "exec-0c") == Result(1, "", "exec-0c is not known\n")
    assert run("release", "nonsense").code == 1
