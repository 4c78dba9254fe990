"""The measured subjects do their work. No test checks how fast they are."""

import pytest

from benchmarks.runs import run
from benchmarks.workload import FORMS, Workload


@pytest.mark.parametrize("form", FORMS)
def test_each_line_of_the_log_is_on_exactly_one_page(form):
    load = Workload(form, 7001)
    lines = [line for page in range(load.pages) for _, line in load.page(page * load.lines_per_page)]
    assert len(lines) == len(set(lines)) == load.lines == 14_002
    assert list(load.page(load.lines)) == []


@pytest.mark.parametrize("form", FORMS)
def test_pipeline_publishes_each_file_with_the_fewest_calls(form):
    load = Workload(form, 1200)
    done = run("pipeline", load)
    assert done.messages == 1200
    assert done.requests["SendMessageBatch"] == 120
    assert done.requests["BatchWriteItem"] == load.pages
    assert 150 < done.write_units < 600
    assert done.cpu_s.keys() == {"follow", "publish"}


def test_baseline_writes_an_item_and_sends_a_message_for_each_file():
    done = run("baseline", Workload("BASIC", 20))
    assert done.requests == {"UpdateItem": 20, "SendMessage": 20}
    assert done.messages == 20
