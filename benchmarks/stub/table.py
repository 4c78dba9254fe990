"""DynamoDB with one table. Every condition counts as true, because the measured process is the only writer."""

import re
from bisect import bisect_right
from typing import Any

import orjson

Item = dict[str, Any]

_SET = re.compile(r"(#?\w+) = (?:if_not_exists\(\w+, )?(:\w+)")
_MAX_BYTES_PER_PAGE = 1024 * 1024


class Table:
    """Items by partition and sort key, each as JSON text, because there may be millions."""

    def __init__(self) -> None:
        self.write_units = 0
        """Write request units: one for each KB of each item, begun or whole. Those of the indexes are not counted."""
        self._partitions: dict[str, dict[str, str]] = {}
        self._sorted: dict[str, list[str]] = {}

    def batch_write_item(self, payload: Item) -> Item:
        for requests in payload["RequestItems"].values():
            for request in requests:
                self._put(request["PutRequest"]["Item"])
        return {"UnprocessedItems": {}}

    def transact_write_items(self, payload: Item) -> Item:
        for action in payload["TransactItems"]:
            self._put(action["Put"]["Item"])
        return {}

    def put_item(self, payload: Item) -> Item:
        self._put(payload["Item"])
        return {}

    def get_item(self, payload: Item) -> Item:
        packed = self._partitions.get(payload["Key"]["pk"]["S"], {}).get(payload["Key"]["sk"]["S"])
        return {"Item": orjson.loads(packed)} if packed else {}

    def update_item(self, payload: Item) -> Item:
        """Carry out SET of values, with `if_not_exists` or without. The rest of the expression is ignored."""
        item: Item = self.get_item(payload).get("Item") or payload["Key"]
        names = payload.get("ExpressionAttributeNames", {})
        for name, value in _SET.findall(payload["UpdateExpression"]):
            item[names.get(name, name)] = payload["ExpressionAttributeValues"][value]
        self._put(item)
        return {"Attributes": item} if payload.get("ReturnValues") == "ALL_NEW" else {}

    def query(self, payload: Item) -> Item:
        """Return a page of a partition in order, after `:after` or the last page. Queries of indexes find nothing."""
        values = payload["ExpressionAttributeValues"]
        pk = values.get(":pk", {"S": ""})["S"]
        items, keys = self._partitions.get(pk, {}), self._in_order(pk)
        after = payload.get("ExclusiveStartKey", {"sk": values.get(":after", {"S": ""})})["sk"]["S"]
        start, page, size_bytes = bisect_right(keys, after), list[Item](), 0
        for key in keys[start : start + payload["Limit"] if "Limit" in payload else None]:
            page.append(orjson.loads(items[key]))
            size_bytes += _size_bytes(page[-1])
            if size_bytes >= _MAX_BYTES_PER_PAGE:
                break
        answer: Item = {"Count": len(page), "ScannedCount": len(page)}
        if payload.get("Select") != "COUNT":
            answer["Items"] = [_projected(item, payload) for item in page]
        if start + len(page) < len(keys):
            answer["LastEvaluatedKey"] = {"pk": {"S": pk}, "sk": page[-1]["sk"]}
        return answer

    def _put(self, item: Item) -> None:
        pk = item["pk"]["S"]
        self.write_units += -(-_size_bytes(item) // 1024)
        # As text, because the bytes that orjson returns keep their whole buffer.
        self._partitions.setdefault(pk, {})[item["sk"]["S"]] = orjson.dumps(item).decode()
        self._sorted.pop(pk, None)

    def _in_order(self, pk: str) -> list[str]:
        if pk not in self._sorted:
            self._sorted[pk] = sorted(self._partitions.get(pk, ()))
        return self._sorted[pk]


def _size_bytes(item: Item) -> int:
    """Return an item's size: that of its names and values (DynamoDB's developer guide, "Item sizes and formats")."""
    return sum(len(name) + _value_bytes(value) for name, value in item.items())


def _value_bytes(value: Item) -> int:
    ((kind, content),) = value.items()
    match kind:
        case "S":
            return len(content.encode())
        case "N":
            return len(content) // 2 + 2
        case "B":
            return len(content) * 3 // 4
        case "M":
            return 3 + _size_bytes(content) + len(content)
        case "L":
            return 3 + sum(map(_value_bytes, content)) + len(content)
        case _:  # BOOL and NULL
            return 1


def _projected(item: Item, payload: Item) -> Item:
    if "ProjectionExpression" not in payload:
        return item
    return {name: item[name] for name in payload["ProjectionExpression"].split(", ") if name in item}
