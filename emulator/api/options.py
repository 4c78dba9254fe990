"""Options of a task: DataSync's defaults, and combinations that it rejects."""

from typing import Any

from emulator.errors import invalid_request

# Source: the service model's documentation. It gives no default for LogLevel; OFF is inferred.
_BASIC = {
    "VerifyMode": "POINT_IN_TIME_CONSISTENT",
    "OverwriteMode": "ALWAYS",
    "Atime": "BEST_EFFORT",
    "Mtime": "PRESERVE",
    "Uid": "INT_VALUE",
    "Gid": "INT_VALUE",
    "PreserveDeletedFiles": "PRESERVE",
    "PreserveDevices": "NONE",
    "PosixPermissions": "PRESERVE",
    "BytesPerSecond": -1,
    "TaskQueueing": "ENABLED",
    "LogLevel": "OFF",
    "TransferMode": "CHANGED",
    "SecurityDescriptorCopyFlags": "NONE",
    "ObjectTags": "PRESERVE",
}
_ENHANCED = _BASIC | {"VerifyMode": "ONLY_FILES_TRANSFERRED"}


def effective_options(
    requested: dict[str, Any], *, enhanced: bool, base: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Return all options: those in `requested`, else those in `base` (the task's, for an execution), else the defaults.

    Raises ApiError for combinations that the service model's documentation excludes.
    """
    options = (_ENHANCED if enhanced else _BASIC) | (base or {}) | requested
    if enhanced and options["VerifyMode"] == "POINT_IN_TIME_CONSISTENT":
        raise invalid_request("VerifyMode POINT_IN_TIME_CONSISTENT is not supported with Enhanced mode tasks")
    if options["PreserveDeletedFiles"] == "REMOVE" and options["TransferMode"] == "ALL":
        raise invalid_request("PreserveDeletedFiles REMOVE is not supported with TransferMode ALL")
    if (options["Atime"] == "NONE") != (options["Mtime"] == "NONE"):
        raise invalid_request("Atime BEST_EFFORT goes with Mtime PRESERVE, and NONE with NONE")
    return options
