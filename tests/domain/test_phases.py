from itertools import product

import pytest

from docs.draw_states import PAGE, drawing, with_drawing
from service.domain.phases import (
    ACTIVE_PHASES,
    RESUME_EVENTS,
    TRANSITIONS,
    ForbiddenTransitionError,
    Phase,
    PhaseEvent,
    Reason,
    next_phase,
)

COLUMNS = {
    "end": PhaseEvent.ENDED,
    "seal": PhaseEvent.SEALED,
    "carry": PhaseEvent.CARRY,
    "drop": PhaseEvent.DISCARD_BY_POLICY,
    "hold": PhaseEvent.HOLD,
    "sent": PhaseEvent.ALL_SENT,
    "later": PhaseEvent.PUBLISHED_WITH_LATER,
    "to-fol": PhaseEvent.RESUME_FOLLOWING,
    "to-seal": PhaseEvent.RESUME_SEALING,
    "to-pub": PhaseEvent.RESUME_PUBLISHING,
    "discard": PhaseEvent.DISCARD,
    "replay": PhaseEvent.REPLAY,
}
"""The short names of the events, so that the matrix fits on the page."""

MATRIX = """
           | end     seal       carry   drop      hold sent      later     to-fol    to-seal to-pub     discard   replay
FOLLOWING  | SEALING -          -       -         HELD -         -         -         -       -          -         -
SEALING    | -       PUBLISHING CARRIED DISCARDED HELD -         -         -         -       -          -         -
PUBLISHING | -       -          -       -         HELD PUBLISHED -         -         -       -          -         -
PUBLISHED  | -       -          -       -         -    -         -         -         -       -          -         PUBLISHING
CARRIED    | -       -          -       -         -    -         PUBLISHED -         -       -          -         -
HELD       | -       -          -       -         -    -         -         FOLLOWING SEALING PUBLISHING DISCARDED -
DISCARDED  | -       -          -       -         -    -         -         -         -       -          -         -
"""  # noqa: E501  (a wrapped table cannot be read)
"""The next phase by phase (row) and event (column); `-` is a forbidden pair."""


def parsed_matrix():
    """Return the cells of the matrix by phase and event. A row with too few or too many cells is an error."""
    header, *lines = [line.replace("|", " ").split() for line in MATRIX.strip().splitlines()]
    return {
        (Phase(row), COLUMNS[column]): cell for row, *cells in lines for column, cell in zip(header, cells, strict=True)
    }


CELLS = parsed_matrix()


def test_matrix_has_a_cell_for_every_phase_and_event():
    assert sorted(CELLS) == sorted(product(Phase, PhaseEvent))


@pytest.mark.parametrize(("phase", "event"), list(product(Phase, PhaseEvent)), ids=lambda value: value.name)
def test_next_phase_is_the_one_in_the_matrix(phase, event):
    expected = CELLS[phase, event]
    assert TRANSITIONS.get((phase, event), "-") == expected
    if expected == "-":
        with pytest.raises(ForbiddenTransitionError) as refused:
            next_phase(phase, event)
        assert (refused.value.phase, refused.value.event) == (phase, event)
        assert str(refused.value) == f"an execution in phase {phase} has no transition for: {event}"
    else:
        assert next_phase(phase, event) is Phase(expected)


def test_every_phase_can_be_reached():
    assert set(TRANSITIONS.values()) | {Phase.FOLLOWING} == set(Phase)


def test_every_active_phase_can_be_held_and_resumed():
    assert {phase for phase, event in TRANSITIONS if event is PhaseEvent.HOLD} == ACTIVE_PHASES
    resumed = {phase: next_phase(Phase.HELD, event) for phase, event in RESUME_EVENTS.items()}
    assert resumed == {phase: phase for phase in ACTIVE_PHASES}


def test_execution_is_published_only_from_publishing_or_with_a_later_one():
    pairs = {pair for pair, following in TRANSITIONS.items() if following is Phase.PUBLISHED}
    assert pairs == {
        (Phase.PUBLISHING, PhaseEvent.ALL_SENT),
        (Phase.CARRIED, PhaseEvent.PUBLISHED_WITH_LATER),
    }


def test_only_a_sealed_log_or_a_person_leads_to_publishing():
    pairs = {pair for pair, following in TRANSITIONS.items() if following is Phase.PUBLISHING}
    assert pairs == {
        (Phase.SEALING, PhaseEvent.SEALED),
        (Phase.HELD, PhaseEvent.RESUME_PUBLISHING),
        (Phase.PUBLISHED, PhaseEvent.REPLAY),
    }


def test_discarded_execution_stays_discarded():
    assert not [event for phase, event in TRANSITIONS if phase is Phase.DISCARDED]


# The page for operators.


def test_diagram_in_the_documentation_is_up_to_date():
    page = PAGE.read_text(encoding="utf-8")
    assert with_drawing(page) == page, "stale: run `.venv/bin/python docs/draw_states.py`"


def test_diagram_shows_every_transition():
    for (phase, event), following in TRANSITIONS.items():
        assert f"    {phase} --> {following}: {event}\n" in drawing()


@pytest.mark.parametrize("name", [*Phase, *Reason])
def test_every_phase_and_reason_is_explained_to_operators(name):
    rows = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith(f"| `{name}` |")]
    assert len(rows) == 1


def test_no_event_contains_a_character_that_ends_a_label_of_the_diagram():
    assert not [event for event in PhaseEvent if set(event) & set(":;\n")]
