"""ports.Logs. The AWS adapter runs on the emulator's CloudWatch Logs, because moto's tokens lose late events."""

import json
import time
import urllib.request

import pytest
import pytest_asyncio

from service.adapters.aws.logs import CloudWatchLogs
from service.domain.errors import NotFoundError, RequestRejectedError
from service.domain.port_types import LogEvent
from tests.contracts.servers import an_emulator, clients_of
from tests.fakes.services import MemoryLogs


class MemoryEnd:
    group = named = "group"

    def __init__(self):
        self.logs = MemoryLogs({self.group: {}})

    async def write(self, stream, *events):
        self.logs.groups[self.group].setdefault(stream, []).extend(events)


class EmulatorEnd:
    """A log group of the emulator."""

    def __init__(self, client, url, group):
        self._client, self._url = client, url
        self._streams = set()
        self.group = self.named = group
        self.logs = CloudWatchLogs(client)

    async def write(self, stream, *events):
        if stream not in self._streams:
            self._streams.add(stream)
            await self._client.create_log_stream(logGroupName=self.group, logStreamName=stream)
        if events:
            await self._client.put_log_events(
                logGroupName=self.group,
                logStreamName=stream,
                logEvents=[{"timestamp": event.at_ms, "message": event.message} for event in events],
            )

    def fault(self, kind, stream, **parameters):
        """Inject a fault into the stream from now on."""
        body = {"kind": kind, "name": f"{kind}-{stream}", "target": stream, **parameters}
        request = urllib.request.Request(f"{self._url}/_emulator/faults", json.dumps(body).encode())
        urllib.request.urlopen(request, timeout=10).close()


@pytest.fixture(scope="session")
def logs_url(shares, moto_url):
    with an_emulator(shares, moto_url, "--logs", "own") as url:
        yield url


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def logs_client(logs_url):
    async with clients_of(logs_url) as opened:
        yield opened.logs


@pytest_asyncio.fixture(loop_scope="session")
async def emulator(logs_client, logs_url, unique):
    await logs_client.create_log_group(logGroupName=unique)
    return EmulatorEnd(logs_client, logs_url, unique)


@pytest.fixture(params=["memory", "aws by name", "aws by arn"])
def end(request):
    if request.param == "memory":
        return MemoryEnd()
    found = request.getfixturevalue("emulator")
    if "arn" in request.param:
        found.named = f"arn:aws:logs:eu-central-1:123456789012:log-group:{found.group}"
    return found


NOW_MS = time.time_ns() // 10**6


def an_event(number, message="x"):
    return LogEvent(NOW_MS + number, message)


async def read(end, stream, token=None):
    """Return all events after the token, and the token of the end."""
    found = []
    while True:
        page = await end.logs.read_page(end.named, stream, token)
        found += page.events
        if page.at_end:
            return found, page.token
        token = page.token


async def test_streams_are_listed_by_prefix(end):
    for stream in ("task-1-exec-1", "task-1-exec-1-b", "task-1-exec-2", "other"):
        await end.write(stream)
    assert await end.logs.list_streams(end.named, "task-1-exec-1") == ["task-1-exec-1", "task-1-exec-1-b"]
    assert await end.logs.list_streams(end.named, "task-2") == []


async def test_streams_of_all_pages_are_listed(end):
    streams = [f"s-{number:03d}" for number in range(53)]
    for stream in streams:
        await end.write(stream)
    assert await end.logs.list_streams(end.named, "s-") == streams


async def test_missing_group_is_not_found(end):
    with pytest.raises(NotFoundError, match="no-such-group"):
        await end.logs.list_streams("no-such-group", "s")


async def test_missing_stream_is_not_found(end):
    with pytest.raises(NotFoundError, match="no-such-stream"):
        await end.logs.read_page(end.named, "no-such-stream", None)


async def test_stream_is_read_from_its_head_to_its_end(end):
    events = [an_event(0, "first"), an_event(0, "same time"), an_event(1, "line\nbreak, 9 bytes \U0001f600 \x01")]
    await end.write("s", *events)
    assert (await read(end, "s"))[0] == events


async def test_end_is_reported_only_when_the_token_repeats(end):
    await end.write("s", an_event(0))
    first = await end.logs.read_page(end.named, "s", None)
    assert not first.at_end
    second = await end.logs.read_page(end.named, "s", first.token)
    assert (list(second.events), second.at_end, second.token) == ([], True, first.token)


async def test_reading_from_a_token_returns_late_events(end):
    await end.write("s", an_event(5))
    _, token = await read(end, "s")
    late = [an_event(1, "late"), an_event(9)]
    await end.write("s", *late)
    assert (await read(end, "s", token))[0] == late


async def test_empty_stream_ends_with_the_second_page(end):
    await end.write("s")
    assert (await read(end, "s"))[0] == []


async def test_unknown_token_is_rejected(end):
    await end.write("s", an_event(0))
    with pytest.raises(RequestRejectedError):
        await end.logs.read_page(end.named, "s", "f/no-token")


async def test_empty_page_before_the_end_is_not_the_end(emulator):
    emulator.fault("empty_pages", emulator.group + "-s", times=2)
    await emulator.write(emulator.group + "-s", an_event(0))
    page = await emulator.logs.read_page(emulator.group, emulator.group + "-s", None)
    assert (list(page.events), page.at_end) == ([], False)
    assert (await read(emulator, emulator.group + "-s", page.token))[0] == [an_event(0)]


async def test_short_pages_leave_no_gap(emulator):
    stream = emulator.group + "-s"
    emulator.fault("short_pages", stream, events=3)
    events = [an_event(number) for number in range(10)]
    await emulator.write(stream, *events)
    assert (await read(emulator, stream))[0] == events


async def test_old_token_is_rejected(emulator):
    stream = emulator.group + "-s"
    await emulator.write(stream, an_event(0))
    page = await emulator.logs.read_page(emulator.group, stream, None)
    emulator.fault("token_expiry", stream, seconds=0.001)
    with pytest.raises(RequestRejectedError, match="expired"):
        await emulator.logs.read_page(emulator.group, stream, page.token)
