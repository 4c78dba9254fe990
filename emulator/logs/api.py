"""CloudWatch Logs' operations on the emulator's own logs, with AWS's semantics."""

from collections.abc import Awaitable, Callable
from typing import Any

from emulator.arns import Account, log_group_name
from emulator.faults import Faults
from emulator.logs.filtering import (
    BEFORE_ALL,
    event_id,
    filtered,
    read_key,
    read_offset,
    selection,
    write_key,
    write_offset,
)
from emulator.logs.reading import (
    MOST_EVENTS,
    TOKEN_LIFE_MS,
    Page,
    Wanted,
    empty_page,
    invalid,
    page,
    read_token,
)
from emulator.logs.store import Group, LogStore
from emulator.logs.tape import LogEvent, RecordedTape, Tape
from emulator.logs.writing import check_batch

Request = dict[str, Any]


class LogsApi:
    """DescribeLogGroups, DescribeLogStreams, GetLogEvents, FilterLogEvents, and what writes."""

    def __init__(self, store: LogStore, account: Account, faults: Faults) -> None:
        self._store = store
        self._account = account
        self._faults = faults

    def operations(self) -> dict[str, Callable[[Request], Awaitable[Request]]]:
        """The operations by their names."""
        return {
            "CreateLogGroup": self.create_log_group,
            "CreateLogStream": self.create_log_stream,
            "DescribeLogGroups": self.describe_log_groups,
            "DescribeLogStreams": self.describe_log_streams,
            "FilterLogEvents": self.filter_log_events,
            "GetLogEvents": self.get_log_events,
            "PutLogEvents": self.put_log_events,
        }

    async def create_log_group(self, request: Request) -> Request:
        """CreateLogGroup."""
        self._store.make_group(request["logGroupName"])
        return {}

    async def create_log_stream(self, request: Request) -> Request:
        """CreateLogStream."""
        self._store.make_stream(request["logGroupName"], request["logStreamName"], RecordedTape())
        return {}

    async def put_log_events(self, request: Request) -> Request:
        """PutLogEvents: what is too old or too new is left out and told."""
        self._store.stream(request["logGroupName"], request["logStreamName"])
        events = [(each["timestamp"], each["message"]) for each in request["logEvents"]]
        kept, rejected = check_batch(events, self._store.now_ms())
        await self._store.put(request["logGroupName"], request["logStreamName"], kept)
        return {"nextSequenceToken": "0", **({"rejectedLogEventsInfo": rejected} if rejected else {})}

    async def describe_log_groups(self, request: Request) -> Request:
        """DescribeLogGroups, by name."""
        prefix, pattern = request.get("logGroupNamePrefix", ""), request.get("logGroupNamePattern", "")
        if prefix and pattern:
            raise invalid("LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.")
        names = sorted(
            name for name in self._store.groups if name.startswith(prefix) and pattern.lower() in name.lower()
        )
        some, more = _some(names, request)
        return {"logGroups": [self._group(self._store.groups[name]) for name in some], **more}

    async def describe_log_streams(self, request: Request) -> Request:
        """DescribeLogStreams, by name or by the time of the last event."""
        group = self._store.group(self._group_name(request))
        prefix, by_time = request.get("logStreamNamePrefix", ""), request.get("orderBy") == "LastEventTime"
        if prefix and by_time:
            raise invalid("Cannot order by LastEventTime with a logStreamNamePrefix.")
        streams = [self._stream(group, name) for name in sorted(group.streams) if name.startswith(prefix)]
        if by_time:
            streams.sort(key=lambda each: each.get("lastEventTimestamp", 0))
        if request.get("descending"):
            streams.reverse()
        some, more = _some(streams, request)
        return {"logStreams": some, **more}

    async def get_log_events(self, request: Request) -> Request:
        """GetLogEvents: a page; at the end the token that was passed."""
        tape = self._store.stream(self._group_name(request), request["logStreamName"])
        found = self._page(tape, request)
        return {
            "events": [_shown(event) for event in found.events],
            "nextForwardToken": str(found.forward),
            "nextBackwardToken": str(found.backward),
        }

    async def filter_log_events(self, request: Request) -> Request:
        """FilterLogEvents: a page over all streams; no token at the end."""
        target = request.get("logStreamNamePrefix", "")
        now_ms = self._store.now_ms()
        after = None
        if "nextToken" in request:
            after = read_key(request["nextToken"], now_ms, self._token_life_ms(target))
        if self._faults.strikes("empty_pages", target):
            return {"events": [], "nextToken": write_key(after or BEFORE_ALL, now_ms)}
        found, more = filtered(self._tapes(request), after, selection(request), self._most(request, target), now_ms)
        events = [{**_shown(event), "logStreamName": key[2], "eventId": event_id(key)} for key, event in found]
        token = {"nextToken": write_key(found[-1][0], now_ms)} if more else {}
        return {"events": events, "searchedLogStreams": [], **token}

    def _page(self, tape: Tape, request: Request) -> Page:
        name, now_ms = request["logStreamName"], self._store.now_ms()
        from_head = bool(request.get("startFromHead"))
        token = None
        if "nextToken" in request:
            token = read_token(request["nextToken"], now_ms, self._token_life_ms(name))
        if self._faults.strikes("empty_pages", name):
            return empty_page(token, tape.length(now_ms), now_ms, from_head=from_head)
        bounds = (request.get("startTime"), request.get("endTime"))
        return page(tape, Wanted(token, from_head, *bounds, self._most(request, name)), now_ms)

    def _most(self, request: Request, target: str) -> int:
        limits: list[int] = [fault.parameters["events"] for fault in self._faults.of("short_pages", target)]
        limit: int = request.get("limit", MOST_EVENTS)
        return min([limit, *limits])

    def _token_life_ms(self, target: str) -> int:
        lives = [int(1000 * fault.parameters["seconds"]) for fault in self._faults.of("token_expiry", target)]
        return min([TOKEN_LIFE_MS, *lives])

    def _tapes(self, request: Request) -> dict[str, Tape]:
        streams = self._store.group(self._group_name(request)).streams
        names, prefix = request.get("logStreamNames"), request.get("logStreamNamePrefix", "")
        if names and prefix:
            raise invalid("logStreamNames and logStreamNamePrefix are mutually exclusive.")
        return {name: tape for name, tape in streams.items() if (name in names if names else name.startswith(prefix))}

    def _group_name(self, request: Request) -> str:
        name, identifier = request.get("logGroupName"), request.get("logGroupIdentifier")
        if (name is None) == (identifier is None):
            raise invalid("Exactly one of logGroupName and logGroupIdentifier is needed.")
        return name or log_group_name(str(identifier)) or str(identifier)

    def _group(self, group: Group) -> Request:
        arn = self._account.log_group(group.name)
        return {
            "logGroupName": group.name,
            "creationTime": group.created_ms,
            "metricFilterCount": 0,
            "arn": f"{arn}:*",
            "logGroupArn": arn,
            "storedBytes": 0,
            "logGroupClass": "STANDARD",
        }

    def _stream(self, group: Group, name: str) -> Request:
        tape, now_ms = group.streams[name], self._store.now_ms()
        length = tape.length(now_ms)
        seen = [tape.event(position, now_ms) for position in ({0, length - 1} if length else ())]
        known = [event for event in seen if event is not None]
        fields = {
            "logStreamName": name,
            "creationTime": group.streams_created_ms[name],
            "arn": f"{self._account.log_group(group.name)}:log-stream:{name}",
            "storedBytes": 0,
            "uploadSequenceToken": "0",
        }
        if known:
            fields["firstEventTimestamp"] = min(event.timestamp_ms for event in known)
            fields["lastEventTimestamp"] = max(event.timestamp_ms for event in known)
            fields["lastIngestionTime"] = max(event.ingestion_ms for event in known)
        return fields


def _shown(event: LogEvent) -> Request:
    return {"timestamp": event.timestamp_ms, "ingestionTime": event.ingestion_ms, "message": event.message}


def _some(everything: list[Any], request: Request) -> tuple[list[Any], Request]:
    begin = read_offset(request["nextToken"]) if "nextToken" in request else 0
    end = begin + request.get("limit", 50)
    return everything[begin:end], {"nextToken": write_offset(end)} if end < len(everything) else {}
