"""Operations that create, update, describe, list and delete locations."""

from typing import Any

from emulator.api.account import Account
from emulator.api.list_filters import filter_time, passes_filters
from emulator.api.location_kinds import KINDS
from emulator.api.pagination import paginate
from emulator.api.tags import as_tags
from emulator.clock import utc_now
from emulator.errors import invalid_request
from emulator.state import Location

_SECRET = "Password"  # noqa: S105  (the name of a member, not a password)


class Locations:
    """The operations on locations of every kind; shapes and defaults are those of the service model."""

    def __init__(self, account: Account) -> None:
        self._account = account

    async def create(self, kind_name: str, request: dict[str, Any]) -> dict[str, Any]:
        """Handle CreateLocation<kind>. Does not check that the location exists; an execution does."""
        kind = KINDS[kind_name]
        tags = as_tags(request.pop("Tags", []))
        request = kind.defaults | request
        arn = self._account.arns.new_location()
        uri = kind.uri(request, self._account.arns.region)
        self._account.state.locations[arn] = Location(arn, kind_name, uri, request, utc_now())
        self._account.state.tags[arn] = tags
        return {"LocationArn": arn}

    async def update(self, kind_name: str, request: dict[str, Any]) -> dict[str, Any]:
        """Handle UpdateLocation<kind>: replace the members in the request."""
        location = self._find(request.pop("LocationArn"), kind_name)
        location.request |= request
        location.uri = KINDS[kind_name].uri(location.request, self._account.arns.region)
        return {}

    async def describe(self, kind_name: str, request: dict[str, Any]) -> dict[str, Any]:
        """Handle DescribeLocation<kind>: the stored request without its secrets."""
        location = self._find(request["LocationArn"], kind_name)
        shown = self._account.output_members(f"DescribeLocation{kind_name}")
        fields = {name: _without_secrets(value) for name, value in location.request.items() if name in shown}
        if kind_name == "FsxOntap":
            machine = location.request["StorageVirtualMachineArn"]
            fields["FsxFilesystemArn"] = machine.replace(":storage-virtual-machine/", ":file-system/").rpartition("/")[
                0
            ]
        return fields | {
            "LocationArn": location.arn,
            "LocationUri": location.uri,
            "CreationTime": location.created_at,
        }

    async def list_all(self, request: dict[str, Any]) -> dict[str, Any]:
        """Handle ListLocations, with its filters."""
        found = [
            {"LocationArn": each.arn, "LocationUri": each.uri}
            for each in self._account.state.locations.values()
            if passes_filters(request.get("Filters", []), _attributes(each))
        ]
        entries, next_token = paginate(found, request)
        return {"Locations": entries, **next_token}

    async def delete(self, request: dict[str, Any]) -> dict[str, Any]:
        """Handle DeleteLocation, which fails while a task uses the location."""
        location = self._find(request["LocationArn"])
        ends = ("SourceLocationArn", "DestinationLocationArn")
        users = [
            task.arn
            for task in self._account.state.tasks.values()
            if location.arn in {task.request[end] for end in ends}
        ]
        if users:
            raise invalid_request(f"Location {location.arn} is in use by {', '.join(users)}")
        del self._account.state.locations[location.arn]
        self._account.state.tags.pop(location.arn, None)
        return {}

    def _find(self, arn: str, kind_name: str | None = None) -> Location:
        location = self._account.state.locations.get(arn)
        if location is None or kind_name not in {None, location.kind}:
            raise invalid_request(f"Location {arn} is not found.")
        return location


def _attributes(location: Location) -> dict[str, list[str]]:
    scheme = location.uri.partition("://")[0]
    return {
        "LocationUri": [location.uri],
        "LocationType": [scheme, scheme.upper()],
        "CreationTime": [filter_time(location.created_at)],
    }


def _without_secrets(value: Any) -> Any:  # noqa: ANN401  (a member may be of any type)
    if isinstance(value, dict):
        return {name: _without_secrets(inner) for name, inner in value.items() if name != _SECRET}
    return value
