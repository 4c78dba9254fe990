"""Create, update, describe, list and delete locations."""

from typing import Any

from emulator.api.location_kinds import KINDS
from emulator.api.matching import matches, moment
from emulator.api.pages import page
from emulator.api.tags import as_tags
from emulator.api.world import World
from emulator.errors import invalid_request
from emulator.moments import now
from emulator.state import Location

_SECRET = "Password"  # noqa: S105 - because it is the name of a member


class Locations:
    """The operations on locations of every kind; shapes and defaults are those of the service model."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def create(self, kind_name: str, request: dict[str, Any]) -> dict[str, Any]:
        """CreateLocation<kind>. Nothing is mounted: DataSync finds out when an execution starts."""
        kind = KINDS[kind_name]
        tags = as_tags(request.pop("Tags", []))
        request = kind.defaults | request
        arn = self._world.account.new_location()
        uri = kind.uri(request, self._world.account.region)
        self._world.state.locations[arn] = Location(arn, kind_name, uri, request, now())
        self._world.state.tags[arn] = tags
        return {"LocationArn": arn}

    async def update(self, kind_name: str, request: dict[str, Any]) -> dict[str, Any]:
        """UpdateLocation<kind>: the members that are given replace those that were."""
        location = self._find(request.pop("LocationArn"), kind_name)
        location.request |= request
        location.uri = KINDS[kind_name].uri(location.request, self._world.account.region)
        return {}

    async def describe(self, kind_name: str, request: dict[str, Any]) -> dict[str, Any]:
        """DescribeLocation<kind>: what was given and is not secret, with DataSync's defaults."""
        location = self._find(request["LocationArn"], kind_name)
        shown = self._world.members_described(f"DescribeLocation{kind_name}")
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
        """ListLocations, with its filters."""
        found = [
            {"LocationArn": each.arn, "LocationUri": each.uri}
            for each in self._world.state.locations.values()
            if matches(request.get("Filters", []), _attributes(each))
        ]
        some, more = page(found, request)
        return {"Locations": some, **more}

    async def delete(self, request: dict[str, Any]) -> dict[str, Any]:
        """DeleteLocation; refused while a task uses it."""
        location = self._find(request["LocationArn"])
        ends = ("SourceLocationArn", "DestinationLocationArn")
        users = [
            task.arn for task in self._world.state.tasks.values() if location.arn in {task.request[end] for end in ends}
        ]
        if users:
            raise invalid_request(f"Location {location.arn} is in use by {', '.join(users)}")
        del self._world.state.locations[location.arn]
        self._world.state.tags.pop(location.arn, None)
        return {}

    def _find(self, arn: str, kind_name: str | None = None) -> Location:
        location = self._world.state.locations.get(arn)
        if location is None or kind_name not in {None, location.kind}:
            raise invalid_request(f"Location {arn} is not found.")
        return location


def _attributes(location: Location) -> dict[str, list[str]]:
    scheme = location.uri.partition("://")[0]
    return {
        "LocationUri": [location.uri],
        "LocationType": [scheme, scheme.upper()],
        "CreationTime": [moment(location.created_at)],
    }


def _without_secrets(value: Any) -> Any:  # noqa: ANN401 - because a member may be of any type
    if isinstance(value, dict):
        return {name: _without_secrets(inner) for name, inner in value.items() if name != _SECRET}
    return value
