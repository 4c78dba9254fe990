import json

import pytest

from service.domain.execution import Outcome
from service.domain.notifications import MAX_SUBJECT, notification
from service.domain.phases import Phase, Reason
from service.domain.views import execution_view
from tests.domain.examples import an_execution

ID = "000001767323105000#exec-00000000000000001#HELD"
HELD = an_execution(phase=Phase.HELD, reason=Reason.NO_LOG_STREAM)


def test_body_is_the_view_of_the_execution():
    published = an_execution(phase=Phase.PUBLISHED, outcome_counts={Outcome.PUBLISHED: 3})
    assert json.loads(notification(ID, published).body) == execution_view(published)


def test_subscriptions_can_filter_by_phase_reason_task_and_execution():
    assert notification(ID, HELD).attributes == {
        "id": ID,
        "task_id": "task-0123456789abcdef0",
        "execution_id": "exec-00000000000000001",
        "phase": "HELD",
        "reason": "no_log_stream",
    }


def test_attributes_have_no_reason_if_the_execution_has_none():
    assert "reason" not in notification(ID, an_execution(phase=Phase.PUBLISHED)).attributes


@pytest.mark.parametrize(
    ("reason", "subject"),
    [
        (Reason.NO_LOG_STREAM, "exec-00000000000000001 is HELD (no_log_stream)"),
        (None, "exec-00000000000000001 is HELD"),
    ],
)
def test_subject_names_execution_phase_and_reason(reason, subject):
    assert notification(ID, an_execution(phase=Phase.HELD, reason=reason)).subject == subject


@pytest.mark.parametrize("reason", Reason)
@pytest.mark.parametrize("phase", Phase)
def test_subject_is_accepted_by_sns(phase, reason):
    subject = notification(ID, an_execution(phase=phase, reason=reason)).subject
    assert subject.isascii()
    assert subject.isprintable()
    assert len(subject) <= MAX_SUBJECT


def test_body_is_ascii_whatever_datasync_reports():
    unusual = an_execution(phase=Phase.HELD, status='"\n\x00\U0001f600\ud800\uffff', verify_mode="é")
    body = notification(ID, unusual).body
    assert body.isascii()
    assert body.isprintable()
    assert json.loads(body) == execution_view(unusual)


def test_notification_has_the_id_of_the_transition_and_of_the_task():
    of_transition = notification(ID, HELD)
    assert (of_transition.id, of_transition.task_id) == (ID, HELD.task_id)
