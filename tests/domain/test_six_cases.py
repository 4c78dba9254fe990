"""The six typical cases, from the plan to the decision about each file. `six_cases.py` states them as a table."""

import pytest

from docs.draw_cases import PAGE, with_drawing
from service.domain.execution import Execution, Outcome, S3Location
from service.domain.facts import Fact, FactKind
from service.domain.file_chunk import decide_files, resolve_candidates
from service.domain.file_decision import fold_facts
from service.domain.messages import StoredObject, message_id
from service.domain.phases import Phase
from service.domain.publish_plan import make_plan
from tests.domain.examples import an_execution
from tests.domain.six_cases import CASES, COMPLETE, EVIDENCE, NOT_IN_PLAN, PUBLISHES

MIDNIGHT_MS = 1_767_312_000_000  # 2026-01-02T00:00:00Z
LOCATION = S3Location("bucket", "in/")
SIZE_BYTES = 3


def at_ms(time_of_day):
    hours, minutes = map(int, time_of_day.split(":"))
    return MIDNIGHT_MS + (hours * 60 + minutes) * 60_000


def executions_of(case) -> dict[str, Execution]:
    """Return the case's executions by name."""
    return {
        e.name: an_execution(
            number,
            started_at_ms=at_ms(e.ran[0]),
            ended_at_ms=at_ms(e.ran[1]),
            status=e.status,
            verify_mode=e.verify_mode,
            phase=Phase(e.phase),
            reconciled=e.log == COMPLETE,
            published_at_ms=at_ms(e.ran[1]) if e.phase == "PUBLISHED" else None,
            location=LOCATION,
        )
        for number, e in enumerate(case.executions)
    }


def plan_of(case):
    executions = executions_of(case)
    return make_plan(executions[case.publishing], list(executions.values())).plan


def evidence_of(file, plan, names):
    """Return the evidence of the plan's members about the file, oldest first."""
    for index, member in enumerate(plan.members):
        name = names[member.execution_id]
        kinds = [FactKind(kind) for kind in file.facts.get(name, "").split()]
        if kinds:
            facts = {kind: Fact(kind, file.path, SIZE_BYTES, member.started_at_ms) for kind in kinds}
            outcome = file.published_before.get(name)
            yield fold_facts(index, facts)._replace(previous_outcome=Outcome(outcome) if outcome else None)


def decision_about(path, chunk, names):
    """Return the decision in the words of the table, and the ids of the messages."""
    message = chunk.pending.get(path)
    parts = []
    for execution_id, outcome in chunk.outcomes[path].items():
        is_sent = message is not None and message.execution_id == execution_id
        parts.append(f"{outcome.value} {'as' if is_sent else 'in'} {names[execution_id]}")
    parts += ["failed"] if path in chunk.failed else []
    return ", ".join(parts) or "skipped"


def decide(case):
    """Run the case through the code. Return the chunk with its messages, and the executions' names by id."""
    plan, executions = plan_of(case), executions_of(case)
    names = {execution.id: name for name, execution in executions.items()}
    members = [executions[names[member.execution_id]] for member in plan.members]
    # The files of a chunk are in path order.
    files = [(f.path, list(evidence_of(f, plan, names))) for f in sorted(case.files, key=lambda f: f.path)]
    chunk, candidates = decide_files(files, plan, members)
    objects = [
        StoredObject(LOCATION.key(f.path), SIZE_BYTES, "etag", at_ms(f.last_modified))
        for f in case.files
        if f.last_modified != "-"
    ]
    stored = {LOCATION: {stored_object.key: stored_object for stored_object in objects}}
    resolve_candidates(chunk, candidates, stored, publish_unchanged=False)
    return chunk, names


by_title = pytest.mark.parametrize("case", CASES, ids=lambda case: case.title.lower().replace(" ", "-"))


def test_all_six_cases_are_stated():
    titles = ["Carried", "Superseded", "Held", "Released late", "POINT_IN_TIME_CONSISTENT", "Incomplete log"]
    assert [case.title for case in CASES] == titles


@by_title
def test_plan_gives_each_execution_its_role(case):
    roles = {m.execution_id: PUBLISHES if m.publishes else EVIDENCE for m in plan_of(case).members}
    actual = {name: roles.get(execution.id, NOT_IN_PLAN) for name, execution in executions_of(case).items()}
    assert actual == {execution.name: execution.role for execution in case.executions}


@by_title
def test_each_file_is_decided_as_stated(case):
    chunk, names = decide(case)
    assert {f.path: decision_about(f.path, chunk, names) for f in case.files} == {
        f.path: f.decision for f in case.files
    }


@by_title
def test_messages_have_the_ids_of_the_executions_that_publish(case):
    chunk, _ = decide(case)
    executions = executions_of(case)
    published = {f.path: f.decision.rpartition("published as ")[2] for f in case.files if "published as" in f.decision}
    assert {path: message.id for path, message in chunk.pending.items()} == {
        path: message_id(executions[name].ids.arn, path) for path, name in published.items()
    }


@by_title
def test_plan_does_not_depend_on_the_order_in_which_executions_are_loaded(case):
    executions = executions_of(case)
    newest_first = list(executions.values())[::-1]
    assert make_plan(executions[case.publishing], newest_first).plan == plan_of(case)


def test_page_shows_the_cases_as_they_are_tested():
    page = PAGE.read_text(encoding="utf-8")
    assert with_drawing(page) == page, "stale: run `python -m docs.draw_cases`"
