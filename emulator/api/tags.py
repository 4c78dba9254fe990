"""Tags on locations, tasks and executions."""

from typing import Any

from emulator.api.account import Account
from emulator.api.pagination import paginate
from emulator.errors import invalid_request

MAX_TAGS = 50


def as_tags(members: list[dict[str, str]]) -> dict[str, str]:
    """Return a request's tags by key."""
    return {member["Key"]: member.get("Value", "") for member in members}


class Tags:
    """The operations TagResource, UntagResource and ListTagsForResource."""

    def __init__(self, account: Account) -> None:
        self._account = account

    async def tag(self, request: dict[str, Any]) -> dict[str, Any]:
        """Handle TagResource: add and replace tags, at most 50 in total."""
        tags = self._find(request["ResourceArn"])
        together = tags | as_tags(request["Tags"])
        if len(together) > MAX_TAGS:
            raise invalid_request(f"A resource can have {MAX_TAGS} tags at most")
        tags.update(together)
        return {}

    async def untag(self, request: dict[str, Any]) -> dict[str, Any]:
        """Handle UntagResource, which ignores keys that do not exist."""
        tags = self._find(request["ResourceArn"])
        for key in request["Keys"]:
            tags.pop(key, None)
        return {}

    async def list_all(self, request: dict[str, Any]) -> dict[str, Any]:
        """Handle ListTagsForResource."""
        tags = self._find(request["ResourceArn"])
        entries, next_token = paginate([{"Key": key, "Value": value} for key, value in tags.items()], request)
        return {"Tags": entries, **next_token}

    def _find(self, arn: str) -> dict[str, str]:
        tags = self._account.state.tags.get(arn)
        if tags is None:
            raise invalid_request(f"Resource {arn} is not found.")
        return tags
