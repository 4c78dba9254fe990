"""The service models that botocore ships, as the judge of what comes in and what goes out."""

import base64
import binascii
import functools
import re
from typing import Any

from botocore.loaders import Loader
from botocore.model import ListShape, MapShape, ServiceModel, Shape, StringShape, StructureShape

from emulator.errors import ApiError, invalid_request

# What Java's expressions, in which the models are written, have and Python's lack. \W stands for all that is not \w.
_JAVA = {
    r"\p{Zs}": "\u0020\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000",
    r"\p{Z}": "\u0020\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000",
    r"\p{L}": r"\w",
    r"\p{N}": r"\d",
    r"\p{M}": r"\w",
    r"\p{S}": r"\W",
    r"\p{P}": r"\W",
    r"\p{C}": r"\W",
    r"\z": r"\Z",
    r"[\w-_]": r"[\w\-_]",
}


def load_model(service: str) -> ServiceModel:
    """The newest model of a service ('datasync', 'logs') that the installed botocore has."""
    return ServiceModel(Loader().load_service_model(service, "service-2"), service)


class Judge:
    """Checks requests against a model; `refusal` is the error by which the service answers what breaks it."""

    def __init__(self, model: ServiceModel, refusal: str) -> None:
        self._model = model
        self._refusal = refusal

    def accept(self, operation: str, payload: Any) -> dict[str, Any]:  # noqa: ANN401 - because it is untrusted
        """The members of the request that the model knows, blobs decoded.

        Raises ApiError for an operation that the model lacks and for a member that breaks its constraints; members
        that it does not know are passed over, so that newer SDKs can call.
        """
        if operation not in self._model.operation_names:
            raise ApiError("UnknownOperationException", f"Unknown operation {operation}")
        shape = self._model.operation_model(operation).input_shape
        if shape is None:
            return {}
        accepted, problems = _checked(shape, payload if payload is not None else {}, "")
        if problems:
            raise self._refused(problems)
        fields: dict[str, Any] = accepted
        return fields

    def _refused(self, problems: list[str]) -> ApiError:
        noun = "error" if len(problems) == 1 else "errors"
        message = f"{len(problems)} validation {noun} detected: {'; '.join(problems)}"
        return (
            invalid_request(message) if self._refusal == "InvalidRequestException" else ApiError(self._refusal, message)
        )


def _checked(shape: Shape, value: Any, at: str) -> tuple[Any, list[str]]:  # noqa: ANN401 - because it is untrusted
    match shape:
        case StructureShape():
            return _structure(shape, value, at)
        case ListShape():
            return _list(shape, value, at)
        case MapShape():
            return value, [] if isinstance(value, dict) else [f"'{at}' must be an object"]
        case StringShape():
            return value, _string(shape, value, at)
    return _scalar(shape, value, at)


def _structure(shape: StructureShape, value: Any, at: str) -> tuple[Any, list[str]]:  # noqa: ANN401 - because it is untrusted
    if not isinstance(value, dict):
        return value, [f"'{at or 'request'}' must be an object"]
    kept: dict[str, Any] = {}
    problems: list[str] = []
    for name, member in shape.members.items():
        where = f"{at}.{name}" if at else name
        if value.get(name) is not None:
            kept[name], found = _checked(member, value[name], where)
            problems += found
        elif name in shape.required_members:
            problems.append(f"Value null at '{where}' failed to satisfy constraint: Member must not be null")
    return kept, problems


def _list(shape: ListShape, value: Any, at: str) -> tuple[Any, list[str]]:  # noqa: ANN401 - because it is untrusted
    if not isinstance(value, list):
        return value, [f"'{at}' must be a list"]
    checked = [_checked(shape.member, each, f"{at}.{number}") for number, each in enumerate(value, 1)]
    problems = [problem for _, found in checked for problem in found]
    return [each for each, _ in checked], problems + _sized(shape, len(value), at)


def _string(shape: StringShape, value: Any, at: str) -> list[str]:  # noqa: ANN401 - because it is untrusted
    if not isinstance(value, str):
        return [f"'{at}' must be a string"]
    problems = _sized(shape, len(value), at)
    if shape.enum and value not in shape.enum:
        problems.append(_broken(value, at, f"Member must satisfy enum value set: [{', '.join(shape.enum)}]"))
    pattern = shape.metadata.get("pattern")
    if pattern and not compiled(pattern).fullmatch(value):
        problems.append(_broken(value, at, f"Member must satisfy regular expression pattern: {pattern}"))
    return problems


def _scalar(shape: Shape, value: Any, at: str) -> tuple[Any, list[str]]:  # noqa: ANN401 - because it is untrusted
    if shape.type_name == "blob":
        return _blob(value, at)
    if shape.type_name in {"integer", "long"}:
        if not isinstance(value, int) or isinstance(value, bool):
            return value, [f"'{at}' must be an integer"]
        return value, _sized(shape, value, at)
    if shape.type_name == "boolean" and not isinstance(value, bool):
        return value, [f"'{at}' must be a boolean"]
    return value, []


def _blob(value: Any, at: str) -> tuple[Any, list[str]]:  # noqa: ANN401 - because it is untrusted
    if isinstance(value, bytes):
        return value, []
    try:
        return base64.b64decode(value, validate=True), []
    except (TypeError, ValueError, binascii.Error):
        return value, [f"'{at}' must be base64"]


def _sized(shape: Shape, size: int, at: str) -> list[str]:
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    what = "Member must have length" if shape.type_name in {"string", "list"} else "Member must have value"
    problems = []
    if least is not None and size < least:
        problems.append(f"Value at '{at}' failed to satisfy constraint: {what} greater than or equal to {least}")
    if most is not None and size > most:
        problems.append(f"Value at '{at}' failed to satisfy constraint: {what} less than or equal to {most}")
    return problems


def _broken(value: str, at: str, constraint: str) -> str:
    return f"Value '{value[:200]}' at '{at}' failed to satisfy constraint: {constraint}"


@functools.lru_cache(maxsize=256)
def compiled(pattern: str) -> re.Pattern[str]:
    """A pattern of a model in Python's terms."""
    for java, python in _JAVA.items():
        pattern = pattern.replace(java, python)
    return re.compile(pattern)
