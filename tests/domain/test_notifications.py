import json

import pytest

from service.domain.execution import Outcome
from service.domain.notifications import MAX_SUBJECT, notification
from service.domain.phases import Phase, Reason
from service.domain.views import execution_view
from tests.domain.examples import an_execution

ID = "000001767323105000#exec-00000000000000001#HELD"
HELD = an_execution(phase=Phase.HELD, reason=Reason.NO_LOG_STREAM)


def test_the_body_is_the_execution_as_the_contract_shows_it():
    published = an_execution(phase=Phase.PUBLISHED, outcomes={Outcome.PUBLISHED: 3})
    assert json.loads(notification(ID, published).body) == execution_view(published)


def test_subscriptions_can_filter_by_phase_reason_task_and_execution():
    assert notification(ID, HELD).attributes == {
        "id": ID,
        "task_id": "task-0123456789abcdef0",
        "execution_id": "exec-00000000000000001",
        "phase": "HELD",
        "reason": "no_log_stream",
    }


def test_an_execution_on_the_plain_way_has_no_reason_to_filter_by():
    assert "reason" not in notification(ID, an_execution(phase=Phase.PUBLISHED)).attributes


@pytest.mark.parametrize(
    ("reason", "subject"),
    [
        (Reason.NO_LOG_STREAM, "exec-00000000000000001 is HELD (no_log_stream)"),
        (None, "exec-00000000000000001 is HELD"),
    ],
)
def test_the_subject_says_it_in_a_few_words(reason, subject):
    assert notification(ID, an_execution(phase=Phase.HELD, reason=reason)).subject == subject


@pytest.mark.parametrize("reason", Reason)
@pytest.mark.parametrize("phase", Phase)
def test_a_subject_is_one_that_sns_takes(phase, reason):
    subject = notification(ID, an_execution(phase=phase, reason=reason)).subject
    assert subject.isascii()
    assert subject.isprintable()
    assert len(subject) <= MAX_SUBJECT


def test_what_datasync_says_is_only_ever_ascii_in_the_body():
    strange = an_execution(phase=Phase.HELD, status='"\n\x00\U0001f600\ud800\uffff', verify_mode="é")
    body = notification(ID, strange).body
    assert body.isascii()
    assert body.isprintable()
    assert json.loads(body) == execution_view(strange)


def test_a_transition_keeps_its_id_and_its_task():
    one = notification(ID, HELD)
    assert (one.id, one.task_id) == (ID, HELD.name.task_id)
