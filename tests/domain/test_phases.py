from itertools import product

import pytest

from docs.draw_states import PAGE, drawing, with_drawing
from service.domain.phases import (
    FORBIDDEN,
    OPEN,
    TRANSITIONS,
    Event,
    ForbiddenTransitionError,
    Phase,
    Reason,
    after,
)


def test_every_pair_of_a_phase_and_an_event_is_ruled_or_forbidden_by_name():
    assert TRANSITIONS.keys() | FORBIDDEN == set(product(Phase, Event))


def test_no_pair_is_both_ruled_and_forbidden():
    assert TRANSITIONS.keys() & FORBIDDEN == set()


@pytest.mark.parametrize(("pair", "following"), TRANSITIONS.items(), ids=lambda it: getattr(it, "name", None))
def test_a_ruled_event_leads_to_the_phase_in_the_table(pair, following):
    assert after(*pair) is following


@pytest.mark.parametrize(("phase", "event"), sorted(FORBIDDEN))
def test_a_forbidden_event_is_refused_and_names_both(phase, event):
    with pytest.raises(ForbiddenTransitionError) as refused:
        after(phase, event)
    assert (refused.value.phase, refused.value.event) == (phase, event)
    assert str(refused.value) == f"an execution in phase {phase} cannot take this: {event}"


def test_every_phase_can_be_reached():
    assert set(TRANSITIONS.values()) | {Phase.FOLLOWING} == set(Phase)


def test_every_open_phase_can_be_held_so_that_nothing_is_stuck_in_it():
    assert {phase for phase, event in TRANSITIONS if event is PhaseEvent.HOLD} == OPEN


def test_nothing_goes_out_but_from_publishing_or_along_with_another_one():
    ways = {pair for pair, following in TRANSITIONS.items() if following is Phase.PUBLISHED}
    assert ways == {
        (Phase.PUBLISHING, PhaseEvent.ALL_SENT),
        (Phase.CARRIED, PhaseEvent.PUBLISHED_WITH_LATER),
        (Phase.PUBLISHED, PhaseEvent.PUBLISHED_WITH_LATER),
    }


def test_only_a_sealed_log_or_a_person_leads_to_publishing():
    ways = {pair for pair, following in TRANSITIONS.items() if following is Phase.PUBLISHING}
    assert ways == {
        (Phase.SEALING, PhaseEvent.SEALED),
        (Phase.HELD, PhaseEvent.RESUME_PUBLISHING),
        (Phase.PUBLISHED, PhaseEvent.REPLAY),
    }


def test_what_is_discarded_stays_discarded():
    assert {(Phase.DISCARDED, event) for event in Event} <= FORBIDDEN


def test_the_diagram_for_operators_is_the_table_in_the_code():
    page = PAGE.read_text(encoding="utf-8")
    assert with_drawing(page) == page, "stale: run `python docs/draw_states.py`"


def test_the_diagram_shows_every_transition():
    for (phase, event), following in TRANSITIONS.items():
        assert f"    {phase} --> {following}: {event}\n" in drawing()


@pytest.mark.parametrize("word", [*Phase, *Reason])
def test_every_phase_and_reason_is_explained_to_operators(word):
    rows = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith(f"| `{word}` |")]
    assert len(rows) == 1


def test_no_event_holds_what_would_end_a_label_of_the_diagram():
    assert not [event for event in Event if set(event) & set(":;\n")]
