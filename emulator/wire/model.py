"""Validation of requests against the service models that botocore ships."""

import base64
import binascii
import functools
import re
from typing import Any

from botocore.loaders import Loader
from botocore.model import ListShape, MapShape, ServiceModel, Shape, StringShape, StructureShape

from emulator.errors import ApiError, invalid_request

# Java's regular expression syntax in the models that Python lacks. \W stands in for symbols, punctuation and controls.
_JAVA_TO_PYTHON = {
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
    """Load the newest model of a service ('datasync', 'logs') in the installed botocore."""
    return ServiceModel(Loader().load_service_model(service, "service-2"), service)


class RequestValidator:
    """Validator of requests against a model; `error_code` is the service's error for an invalid request."""

    def __init__(self, model: ServiceModel, error_code: str) -> None:
        self._model = model
        self._error_code = error_code

    def validate(self, operation: str, payload: Any) -> dict[str, Any]:  # noqa: ANN401  (the value is untrusted input)
        """Return the members of the request that the model knows, with blobs decoded.

        Raises ApiError if the model does not have the operation or a member violates its constraints. Ignores unknown
        members, because newer SDKs may send them.
        """
        if operation not in self._model.operation_names:
            raise ApiError("UnknownOperationException", f"Unknown operation {operation}")
        shape = self._model.operation_model(operation).input_shape
        if shape is None:
            return {}
        checked, problems = _checked(shape, payload if payload is not None else {}, "")
        if problems:
            raise self._validation_error(problems)
        fields: dict[str, Any] = checked
        return fields

    def _validation_error(self, problems: list[str]) -> ApiError:
        noun = "error" if len(problems) == 1 else "errors"
        message = f"{len(problems)} validation {noun} detected: {'; '.join(problems)}"
        return (
            invalid_request(message)
            if self._error_code == "InvalidRequestException"
            else ApiError(self._error_code, message)
        )


def _checked(shape: Shape, value: Any, at: str) -> tuple[Any, list[str]]:  # noqa: ANN401  (the value is untrusted input)
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


def _structure(shape: StructureShape, value: Any, at: str) -> tuple[Any, list[str]]:  # noqa: ANN401  (the value is untrusted input)
    if not isinstance(value, dict):
        return value, [f"'{at or 'request'}' must be an object"]
    members: dict[str, Any] = {}
    problems: list[str] = []
    for name, member in shape.members.items():
        where = f"{at}.{name}" if at else name
        if value.get(name) is not None:
            members[name], found = _checked(member, value[name], where)
            problems += found
        elif name in shape.required_members:
            problems.append(f"Value null at '{where}' failed to satisfy constraint: Member must not be null")
    return members, problems


def _list(shape: ListShape, value: Any, at: str) -> tuple[Any, list[str]]:  # noqa: ANN401  (the value is untrusted input)
    if not isinstance(value, list):
        return value, [f"'{at}' must be a list"]
    checked = [_checked(shape.member, each, f"{at}.{number}") for number, each in enumerate(value, 1)]
    problems = [problem for _, found in checked for problem in found]
    return [each for each, _ in checked], problems + _size_problems(shape, len(value), at)


def _string(shape: StringShape, value: Any, at: str) -> list[str]:  # noqa: ANN401  (the value is untrusted input)
    if not isinstance(value, str):
        return [f"'{at}' must be a string"]
    problems = _size_problems(shape, len(value), at)
    if shape.enum and value not in shape.enum:
        problems.append(
            _constraint_problem(value, at, f"Member must satisfy enum value set: [{', '.join(shape.enum)}]")
        )
    pattern = shape.metadata.get("pattern")
    if pattern and not compile_pattern(pattern).fullmatch(value):
        problems.append(_constraint_problem(value, at, f"Member must satisfy regular expression pattern: {pattern}"))
    return problems


def _scalar(shape: Shape, value: Any, at: str) -> tuple[Any, list[str]]:  # noqa: ANN401  (the value is untrusted input)
    if shape.type_name == "blob":
        return _blob(value, at)
    if shape.type_name in {"integer", "long"}:
        if not isinstance(value, int) or isinstance(value, bool):
            return value, [f"'{at}' must be an integer"]
        return value, _size_problems(shape, value, at)
    if shape.type_name == "boolean" and not isinstance(value, bool):
        return value, [f"'{at}' must be a boolean"]
    return value, []


def _blob(value: Any, at: str) -> tuple[Any, list[str]]:  # noqa: ANN401  (the value is untrusted input)
    if isinstance(value, bytes):
        return value, []
    try:
        return base64.b64decode(value, validate=True), []
    except (TypeError, ValueError, binascii.Error):
        return value, [f"'{at}' must be base64"]


def _size_problems(shape: Shape, size: int, at: str) -> list[str]:
    minimum, maximum = shape.metadata.get("min"), shape.metadata.get("max")
    what = "Member must have length" if shape.type_name in {"string", "list"} else "Member must have value"
    problems = []
    if minimum is not None and size < minimum:
        problems.append(f"Value at '{at}' failed to satisfy constraint: {what} greater than or equal to {minimum}")
    if maximum is not None and size > maximum:
        problems.append(f"Value at '{at}' failed to satisfy constraint: {what} less than or equal to {maximum}")
    return problems


def _constraint_problem(value: str, at: str, constraint: str) -> str:
    return f"Value '{value[:200]}' at '{at}' failed to satisfy constraint: {constraint}"


@functools.lru_cache(maxsize=256)
def compile_pattern(pattern: str) -> re.Pattern[str]:
    """Compile a pattern of a model, translated from Java's syntax to Python's."""
    for java, python in _JAVA_TO_PYTHON.items():
        pattern = pattern.replace(java, python)
    return re.compile(pattern)
