"""Pages and tokens of GetLogEvents and FilterLogEvents."""

import pytest

from emulator.errors import ApiError
from emulator.logs.filter_log_events import decode_token, encode_token, event_id, event_selector, filter_page
from emulator.logs.filter_patterns import matches_pattern
from emulator.logs.get_log_events import ReadRequest, Token, empty_page, read_page, read_token
from emulator.logs.stream_events import GeneratedEvents, LogEvent, StoredEvents

NOW = 1_800_000_000_000
DAY_MS = 24 * 3600 * 1000


def stream_of(*times, size=1):
    stream = StoredEvents()
    for number, at in enumerate(times):
        stream.append(LogEvent(at, NOW, f"{number}".ljust(size, ".")))
    return stream


def times(found):
    return [event.timestamp_ms for event in found.events]


def test_forward_pages_are_contiguous_and_the_end_returns_the_same_token():
    stream = stream_of(1, 2, 3)
    first = read_page(stream, ReadRequest(from_head=True, max_events=2), NOW)
    second = read_page(stream, ReadRequest(first.forward, max_events=2), NOW)
    end = read_page(stream, ReadRequest(second.forward, max_events=2), NOW)

    assert [times(each) for each in (first, second, end)] == [[1, 2], [3], []]
    assert end.forward == second.forward != first.forward


def test_event_that_arrives_after_the_end_is_found_with_the_same_token_even_if_older():
    stream = stream_of(5, 6)
    end = read_page(stream, ReadRequest(from_head=True), NOW).forward
    stream.append(LogEvent(1, NOW, "late"))

    found = read_page(stream, ReadRequest(end), NOW)

    assert times(found) == [1]
    assert found.forward != end


def test_reading_without_a_token_starts_at_the_tail_and_goes_back():
    stream = stream_of(1, 2, 3)
    last = read_page(stream, ReadRequest(max_events=2), NOW)
    before = read_page(stream, ReadRequest(last.backward, max_events=2), NOW)
    begin = read_page(stream, ReadRequest(before.backward, max_events=2), NOW)

    assert [times(each) for each in (last, before, begin)] == [[2, 3], [1], []]
    assert begin.backward == before.backward
    assert times(read_page(stream, ReadRequest(before.forward), NOW)) == [2, 3]


def test_start_is_inclusive_and_end_is_exclusive():
    assert times(read_page(stream_of(1, 2, 3), ReadRequest(from_head=True, start_ms=1, end_ms=3), NOW)) == [1, 2]


def test_page_has_at_most_one_mebibyte_but_at_least_one_event():
    stream = stream_of(1, 2, 3, size=600_000)
    first = read_page(stream, ReadRequest(from_head=True), NOW)

    assert times(first) == [1]
    assert times(read_page(stream_of(1, size=2_000_000), ReadRequest(from_head=True), NOW)) == [1]


def test_page_may_be_empty_before_the_end():
    stream = GeneratedEvents(lambda _: 250_000, lambda position: LogEvent(position, NOW, "x"))
    first = read_page(stream, ReadRequest(from_head=True, start_ms=249_999), NOW)
    second = read_page(stream, ReadRequest(first.forward, start_ms=249_999), NOW)
    third = read_page(stream, ReadRequest(second.forward, start_ms=249_999), NOW)

    assert (first.events, second.events, times(third)) == ([], [], [249_999])
    assert first.forward != second.forward


def test_hidden_event_appears_before_the_reader_position_and_is_found_only_from_the_head():
    stream = StoredEvents()
    stream.append(LogEvent(1, NOW, "hidden"), hidden_until_ms=NOW + 1000)
    stream.append(LogEvent(2, NOW, "seen"))
    token = read_page(stream, ReadRequest(from_head=True), NOW).forward

    assert times(read_page(stream, ReadRequest(from_head=True), NOW)) == [2]
    assert times(read_page(stream, ReadRequest(token), NOW + 1000)) == []
    assert times(read_page(stream, ReadRequest(from_head=True), NOW + 1000)) == [1, 2]


def test_delayed_event_is_appended_with_its_old_time_and_a_new_ingestion_time():
    stream = stream_of(2)
    stream.delay(LogEvent(1, NOW, "late"), NOW + 500)
    token = read_page(stream, ReadRequest(from_head=True), NOW).forward

    found = read_page(stream, ReadRequest(token), NOW + 600)

    assert [(event.timestamp_ms, event.ingestion_ms) for event in found.events] == [(1, NOW + 500)]


def test_empty_page_has_a_new_token_each_time_and_skips_no_event():
    stream = stream_of(1, 2)
    first = empty_page(None, 2, NOW, from_head=True)
    second = empty_page(first.forward, 2, NOW, from_head=True)

    assert first.events == second.events == []
    assert first.forward != second.forward
    assert times(read_page(stream, ReadRequest(second.forward), NOW)) == [1, 2]


def test_token_is_parsed_as_it_was_formatted():
    token = Token(forward=True, position=7, issued_ms=NOW, number=3)
    assert read_token(str(token), NOW) == token


def test_token_expires_after_a_day():
    text = str(Token(forward=True, position=7, issued_ms=NOW))
    read_token(text, NOW + DAY_MS - 1)
    with pytest.raises(ApiError, match="expired") as raised:
        read_token(text, NOW + DAY_MS)
    assert raised.value.code == "InvalidParameterException"


@pytest.mark.parametrize("text", ["", "f/1", "x/" + "0" * 36, "f/" + "٣" * 36, "f/" + "a" * 36])
def test_invalid_token_is_rejected(text):
    with pytest.raises(ApiError, match="invalid"):
        read_token(text, NOW)


def keys(streams, after=None, max_events=10, **request):
    found, more = filter_page(streams, after, event_selector(request), max_events, NOW)
    return [(key[0], key[2]) for key, _ in found], more


def test_events_of_all_streams_are_ordered_by_time_and_both_bounds_are_inclusive():
    streams = {"a": stream_of(1, 5), "b": stream_of(3, 1)}

    assert keys(streams) == ([(1, "a"), (1, "b"), (3, "b"), (5, "a")], False)
    assert keys(streams, startTime=1, endTime=3) == ([(1, "a"), (1, "b"), (3, "b")], False)


def test_pages_of_all_streams_are_contiguous_and_miss_late_events():
    streams = {"a": stream_of(1, 5), "b": stream_of(3)}
    found, more = filter_page(streams, None, event_selector({}), 2, NOW)
    assert more
    streams["b"].append(LogEvent(2, NOW, "late"))

    assert keys(streams, after=decode_token(encode_token(found[-1][0], NOW), NOW, DAY_MS)) == ([(5, "a")], False)


def test_event_ids_have_56_digits_in_the_order_of_events():
    first, second = event_id((1, NOW, "a", 9)), event_id((2, NOW, "a", 0))
    assert (len(first), first < second) == (56, True)


def test_filter_token_expires_or_is_rejected():
    with pytest.raises(ApiError, match="expired"):
        decode_token(encode_token((1, 1, "a", 1), NOW), NOW + 1000, 1000)
    with pytest.raises(ApiError, match="invalid"):
        decode_token("e30=", NOW, DAY_MS)


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
def test_filter_pattern_of_terms_matches_as_in_aws(pattern, found):
    assert matches_pattern(pattern, "[NOTICE] Verified file /a, 3 bytes") is found
