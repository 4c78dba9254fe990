"""Pages and tokens of GetLogEvents and FilterLogEvents."""

import pytest

from emulator.errors import ApiError
from emulator.logs.filtering import event_id, filtered, read_key, selection, write_key
from emulator.logs.patterns import matches
from emulator.logs.reading import Token, Wanted, empty_page, page, read_token
from emulator.logs.tape import GeneratedTape, LogEvent, RecordedTape

NOW = 1_800_000_000_000
DAY_MS = 24 * 3600 * 1000


def tape_of(*times, size=1):
    tape = RecordedTape()
    for number, at in enumerate(times):
        tape.append(LogEvent(at, NOW, f"{number}".ljust(size, ".")))
    return tape


def times(found):
    return [event.timestamp_ms for event in found.events]


def test_forward_pages_follow_each_other_and_the_end_gives_the_token_back():
    tape = tape_of(1, 2, 3)
    first = page(tape, Wanted(from_head=True, most=2), NOW)
    second = page(tape, Wanted(first.forward, most=2), NOW)
    end = page(tape, Wanted(second.forward, most=2), NOW)

    assert [times(each) for each in (first, second, end)] == [[1, 2], [3], []]
    assert end.forward == second.forward != first.forward


def test_what_arrives_after_the_end_is_found_with_the_same_token_even_if_it_is_older():
    tape = tape_of(5, 6)
    end = page(tape, Wanted(from_head=True), NOW).forward
    tape.append(LogEvent(1, NOW, "late"))

    found = page(tape, Wanted(end), NOW)

    assert times(found) == [1]
    assert found.forward != end


def test_without_a_token_reading_begins_at_the_tail_and_goes_back():
    tape = tape_of(1, 2, 3)
    last = page(tape, Wanted(most=2), NOW)
    before = page(tape, Wanted(last.backward, most=2), NOW)
    begin = page(tape, Wanted(before.backward, most=2), NOW)

    assert [times(each) for each in (last, before, begin)] == [[2, 3], [1], []]
    assert begin.backward == before.backward
    assert times(page(tape, Wanted(before.forward), NOW)) == [2, 3]


def test_the_start_is_inclusive_and_the_end_exclusive():
    assert times(page(tape_of(1, 2, 3), Wanted(from_head=True, start_ms=1, end_ms=3), NOW)) == [1, 2]


def test_a_page_holds_one_megabyte_at_most_and_always_something():
    tape = tape_of(1, 2, 3, size=600_000)
    first = page(tape, Wanted(from_head=True), NOW)

    assert times(first) == [1]
    assert times(page(tape_of(1, size=2_000_000), Wanted(from_head=True), NOW)) == [1]


def test_a_page_can_be_empty_while_more_follows():
    tape = GeneratedTape(lambda _: 250_000, lambda position: LogEvent(position, NOW, "x"))
    first = page(tape, Wanted(from_head=True, start_ms=249_999), NOW)
    second = page(tape, Wanted(first.forward, start_ms=249_999), NOW)
    third = page(tape, Wanted(second.forward, start_ms=249_999), NOW)

    assert (first.events, second.events, times(third)) == ([], [], [249_999])
    assert first.forward != second.forward


def test_a_hole_fills_behind_a_reader_and_is_seen_from_the_head_only():
    tape = RecordedTape()
    tape.append(LogEvent(1, NOW, "hidden"), hidden_until_ms=NOW + 1000)
    tape.append(LogEvent(2, NOW, "seen"))
    token = page(tape, Wanted(from_head=True), NOW).forward

    assert times(page(tape, Wanted(from_head=True), NOW)) == [2]
    assert times(page(tape, Wanted(token), NOW + 1000)) == []
    assert times(page(tape, Wanted(from_head=True), NOW + 1000)) == [1, 2]


def test_a_delayed_event_comes_at_the_end_with_its_old_time_and_a_new_ingestion():
    tape = tape_of(2)
    tape.delay(LogEvent(1, NOW, "late"), NOW + 500)
    token = page(tape, Wanted(from_head=True), NOW).forward

    found = page(tape, Wanted(token), NOW + 600)

    assert [(event.timestamp_ms, event.ingestion_ms) for event in found.events] == [(1, NOW + 500)]


def test_an_empty_page_by_fault_has_another_token_each_time_and_loses_nothing():
    tape = tape_of(1, 2)
    first = empty_page(None, 2, NOW, from_head=True)
    second = empty_page(first.forward, 2, NOW, from_head=True)

    assert first.events == second.events == []
    assert first.forward != second.forward
    assert times(page(tape, Wanted(second.forward), NOW)) == [1, 2]


def test_a_token_is_read_back_as_it_was_written():
    token = Token(forward=True, position=7, given_ms=NOW, number=3)
    assert read_token(str(token), NOW) == token


def test_a_token_lives_for_a_day():
    text = str(Token(forward=True, position=7, given_ms=NOW))
    read_token(text, NOW + DAY_MS - 1)
    with pytest.raises(ApiError, match="expired") as refused:
        read_token(text, NOW + DAY_MS)
    assert refused.value.code == "InvalidParameterException"


@pytest.mark.parametrize("text", ["", "f/1", "x/" + "0" * 36, "f/" + "٣" * 36, "f/" + "a" * 36])
def test_what_is_no_token_is_refused(text):
    with pytest.raises(ApiError, match="invalid"):
        read_token(text, NOW)


def keys(tapes, after=None, most=10, **request):
    found, more = filtered(tapes, after, selection(request), most, NOW)
    return [(key[0], key[2]) for key, _ in found], more


def test_events_of_all_streams_are_sorted_by_time_and_both_bounds_are_inclusive():
    tapes = {"a": tape_of(1, 5), "b": tape_of(3, 1)}

    assert keys(tapes) == ([(1, "a"), (1, "b"), (3, "b"), (5, "a")], False)
    assert keys(tapes, startTime=1, endTime=3) == ([(1, "a"), (1, "b"), (3, "b")], False)


def test_pages_of_all_streams_follow_each_other_and_late_events_stay_behind():
    tapes = {"a": tape_of(1, 5), "b": tape_of(3)}
    found, more = filtered(tapes, None, selection({}), 2, NOW)
    assert more
    tapes["b"].append(LogEvent(2, NOW, "late"))

    assert keys(tapes, after=read_key(write_key(found[-1][0], NOW), NOW, DAY_MS)) == ([(5, "a")], False)


def test_event_ids_have_56_digits_and_the_order_of_events():
    first, second = event_id((1, NOW, "a", 9)), event_id((2, NOW, "a", 0))
    assert (len(first), first < second) == (56, True)


def test_a_token_of_filter_log_events_expires_too():
    with pytest.raises(ApiError, match="expired"):
        read_key(write_key((1, 1, "a", 1), NOW), NOW + 1000, 1000)
    with pytest.raises(ApiError, match="invalid"):
        read_key("e30=", NOW, DAY_MS)


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("", True),
        ("Verified file", True),
        ("file Verified", True),
        ('"Verified file"', True),
        ('"file Verified"', False),
        ("?absent ?Verified", True),
        ("?absent", False),
        ("Verified -file", False),
        ("Verified -folder", True),
        ('{ $.Action = "VERIFY" }', False),
    ],
)
def test_a_filter_pattern_of_terms_is_read_as_aws_reads_it(pattern, found):
    assert matches(pattern, "[NOTICE] Verified file /a, 3 bytes") is found
