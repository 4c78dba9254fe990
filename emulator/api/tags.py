"""Tags on locations, tasks and executions."""

from typing import Any

from emulator.api.pages import page
from emulator.api.world import World
from emulator.errors import invalid_request

MOST_TAGS = 50


def as_tags(members: list[dict[str, str]]) -> dict[str, str]:
    """Tags as a request gives them, by key."""
    return {member["Key"]: member.get("Value", "") for member in members}


class Tags:
    """TagResource, UntagResource, ListTagsForResource."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def tag(self, request: dict[str, Any]) -> dict[str, Any]:
        """TagResource: adds and replaces; refused past 50 tags."""
        tags = self._find(request["ResourceArn"])
        together = tags | as_tags(request["Tags"])
        if len(together) > MOST_TAGS:
            raise invalid_request(f"A resource can have {MOST_TAGS} tags at most")
        tags.update(together)
        return {}

    async def untag(self, request: dict[str, Any]) -> dict[str, Any]:
        """UntagResource; keys that are not there are passed over."""
        tags = self._find(request["ResourceArn"])
        for key in request["Keys"]:
            tags.pop(key, None)
        return {}

    async def list_all(self, request: dict[str, Any]) -> dict[str, Any]:
        """ListTagsForResource."""
        tags = self._find(request["ResourceArn"])
        some, more = page([{"Key": key, "Value": value} for key, value in tags.items()], request)
        return {"Tags": some, **more}

    def _find(self, arn: str) -> dict[str, str]:
        tags = self._world.state.tags.get(arn)
        if tags is None:
            raise invalid_request(f"Resource {arn} is not found.")
        return tags
