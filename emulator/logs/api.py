"""CloudWatch Logs' operations on the emulator's own logs, with AWS's semantics."""

from collections.abc import Awaitable, Callable
from typing import Any

from emulator.arns import ArnFactory, log_group_name
from emulator.faults import Faults
from emulator.logs.filter_log_events import (
    BEFORE_FIRST,
    decode_offset,
    decode_token,
    encode_offset,
    encode_token,
    event_id,
    event_selector,
    filter_page,
)
from emulator.logs.get_log_events import (
    MAX_EVENTS,
    TOKEN_LIFE_MS,
    Page,
    ReadRequest,
    empty_page,
    invalid_parameter,
    read_page,
    read_token,
)
from emulator.logs.put_log_events import validate_batch
from emulator.logs.store import Group, LogStore
from emulator.logs.stream_events import LogEvent, StoredEvents, StreamEvents

Request = dict[str, Any]


class LogsApi:
    """The operations of CloudWatch Logs that the emulator handles."""

    def __init__(self, store: LogStore, arns: ArnFactory, faults: Faults) -> None:
        self._store = store
        self._arns = arns
        self._faults = faults

    def operations(self) -> dict[str, Callable[[Request], Awaitable[Request]]]:
        """Return the operations by name."""
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
        """Handle CreateLogGroup."""
        self._store.create_group(request["logGroupName"])
        return {}

    async def create_log_stream(self, request: Request) -> Request:
        """Handle CreateLogStream."""
        self._store.create_stream(request["logGroupName"], request["logStreamName"], StoredEvents())
        return {}

    async def put_log_events(self, request: Request) -> Request:
        """Handle PutLogEvents: drop events that are too old or too new, and report them."""
        self._store.stream(request["logGroupName"], request["logStreamName"])
        events = [(each["timestamp"], each["message"]) for each in request["logEvents"]]
        accepted, rejected = validate_batch(events, self._store.now_ms())
        await self._store.put(request["logGroupName"], request["logStreamName"], accepted)
        return {"nextSequenceToken": "0", **({"rejectedLogEventsInfo": rejected} if rejected else {})}

    async def describe_log_groups(self, request: Request) -> Request:
        """Handle DescribeLogGroups: ordered by name."""
        prefix, pattern = request.get("logGroupNamePrefix", ""), request.get("logGroupNamePattern", "")
        if prefix and pattern:
            raise invalid_parameter("LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.")
        names = sorted(
            name for name in self._store.groups if name.startswith(prefix) and pattern.lower() in name.lower()
        )
        entries, next_token = _paginate(names, request)
        return {"logGroups": [self._group_fields(self._store.groups[name]) for name in entries], **next_token}

    async def describe_log_streams(self, request: Request) -> Request:
        """Handle DescribeLogStreams: ordered by name, or by the time of the last event."""
        group = self._store.group(self._group_name(request))
        prefix, by_time = request.get("logStreamNamePrefix", ""), request.get("orderBy") == "LastEventTime"
        if prefix and by_time:
            raise invalid_parameter("Cannot order by LastEventTime with a logStreamNamePrefix.")
        streams = [self._stream_fields(group, name) for name in sorted(group.streams) if name.startswith(prefix)]
        if by_time:
            streams.sort(key=lambda each: each.get("lastEventTimestamp", 0))
        if request.get("descending"):
            streams.reverse()
        entries, next_token = _paginate(streams, request)
        return {"logStreams": entries, **next_token}

    async def get_log_events(self, request: Request) -> Request:
        """Handle GetLogEvents: one page. At the end of the stream, return the request's token."""
        stream_events = self._store.stream(self._group_name(request), request["logStreamName"])
        found = self._page(stream_events, request)
        return {
            "events": [_event_fields(event) for event in found.events],
            "nextForwardToken": str(found.forward),
            "nextBackwardToken": str(found.backward),
        }

    async def filter_log_events(self, request: Request) -> Request:
        """Handle FilterLogEvents: one page of all streams. The last page has no token."""
        target = request.get("logStreamNamePrefix", "")
        now_ms = self._store.now_ms()
        after = None
        if "nextToken" in request:
            after = decode_token(request["nextToken"], now_ms, self._token_life_ms(target))
        if self._faults.triggers("empty_pages", target):
            return {"events": [], "nextToken": encode_token(after or BEFORE_FIRST, now_ms)}
        found, more = filter_page(
            self._selected_streams(request), after, event_selector(request), self._max_events(request, target), now_ms
        )
        events = [{**_event_fields(event), "logStreamName": key[2], "eventId": event_id(key)} for key, event in found]
        token = {"nextToken": encode_token(found[-1][0], now_ms)} if more else {}
        return {"events": events, "searchedLogStreams": [], **token}

    def _page(self, stream_events: StreamEvents, request: Request) -> Page:
        name, now_ms = request["logStreamName"], self._store.now_ms()
        from_head = bool(request.get("startFromHead"))
        token = None
        if "nextToken" in request:
            token = read_token(request["nextToken"], now_ms, self._token_life_ms(name))
        if self._faults.triggers("empty_pages", name):
            return empty_page(token, stream_events.length(now_ms), now_ms, from_head=from_head)
        bounds = (request.get("startTime"), request.get("endTime"))
        return read_page(stream_events, ReadRequest(token, from_head, *bounds, self._max_events(request, name)), now_ms)

    def _max_events(self, request: Request, target: str) -> int:
        limits: list[int] = [fault.parameters["events"] for fault in self._faults.matching("short_pages", target)]
        limit: int = request.get("limit", MAX_EVENTS)
        return min([limit, *limits])

    def _token_life_ms(self, target: str) -> int:
        lives = [int(1000 * fault.parameters["seconds"]) for fault in self._faults.matching("token_expiry", target)]
        return min([TOKEN_LIFE_MS, *lives])

    def _selected_streams(self, request: Request) -> dict[str, StreamEvents]:
        streams = self._store.group(self._group_name(request)).streams
        names, prefix = request.get("logStreamNames"), request.get("logStreamNamePrefix", "")
        if names and prefix:
            raise invalid_parameter("logStreamNames and logStreamNamePrefix are mutually exclusive.")
        return {
            name: events for name, events in streams.items() if (name in names if names else name.startswith(prefix))
        }

    def _group_name(self, request: Request) -> str:
        name, identifier = request.get("logGroupName"), request.get("logGroupIdentifier")
        if (name is None) == (identifier is None):
            raise invalid_parameter("Exactly one of logGroupName and logGroupIdentifier is needed.")
        return name or log_group_name(str(identifier)) or str(identifier)

    def _group_fields(self, group: Group) -> Request:
        arn = self._arns.log_group(group.name)
        return {
            "logGroupName": group.name,
            "creationTime": group.created_ms,
            "metricFilterCount": 0,
            "arn": f"{arn}:*",
            "logGroupArn": arn,
            "storedBytes": 0,
            "logGroupClass": "STANDARD",
        }

    def _stream_fields(self, group: Group, name: str) -> Request:
        events, now_ms = group.streams[name], self._store.now_ms()
        length = events.length(now_ms)
        seen = [events.event(position, now_ms) for position in ({0, length - 1} if length else ())]
        known = [event for event in seen if event is not None]
        fields = {
            "logStreamName": name,
            "creationTime": group.streams_created_ms[name],
            "arn": f"{self._arns.log_group(group.name)}:log-stream:{name}",
            "storedBytes": 0,
            "uploadSequenceToken": "0",
        }
        if known:
            fields["firstEventTimestamp"] = min(event.timestamp_ms for event in known)
            fields["lastEventTimestamp"] = max(event.timestamp_ms for event in known)
            fields["lastIngestionTime"] = max(event.ingestion_ms for event in known)
        return fields


def _event_fields(event: LogEvent) -> Request:
    return {"timestamp": event.timestamp_ms, "ingestionTime": event.ingestion_ms, "message": event.message}


def _paginate(everything: list[Any], request: Request) -> tuple[list[Any], Request]:
    begin = decode_offset(request["nextToken"]) if "nextToken" in request else 0
    end = begin + request.get("limit", 50)
    return everything[begin:end], {"nextToken": encode_offset(end)} if end < len(everything) else {}
