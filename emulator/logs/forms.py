"""The one place for forms that no source states: deduced, and to be changed here or in a scenario file.

What is documented or was seen in a real stream stands in `basic.py` and `enhanced.py`.
"""

from dataclasses import dataclass, fields
from typing import Any


@dataclass(frozen=True)
class Forms:
    """Inferred forms. A template that is None writes nothing. `{path}` begins with a slash; `{size}` is in bytes.

    Without a source at all: whether Basic mode logs transfers, skips and deletions; how it names links and failed
    ends; Enhanced mode's records of success and its records on folders; error codes of an execution.
    """

    stream: str = "{task_id}-{execution_id}"
    basic_transferred_file: str | None = "[NOTICE] Transferred file {path}, {size} bytes"
    basic_transferred_directory: str | None = None
    basic_skipped: str | None = None
    basic_deleted: str | None = None
    basic_verified_symlink: str | None = "[NOTICE] Verified file {path}, {size} bytes"
    basic_missing_at_destination: str = "[NOTICE] Verification failed < {path}"
    basic_status_of_error: str = "Error"
    enhanced_success_records: bool = True
    enhanced_folder_records: bool = False
    enhanced_skip_records: bool = False
    enhanced_started: str | None = None
    enhanced_finished: str | None = None
    code_mismatch: str = "VerificationFailed"
    code_skipped: str = "TransferFailed"
    code_unreachable: str = "LocationUnreachable"
    code_cancelled: str = "Cancelled"
    detail_cancelled: str = "Task execution was cancelled"


def read_forms(given: dict[str, Any]) -> Forms:
    """The forms with some of them replaced; raises ValueError for a name or a type that is not one of Forms."""
    defaults = Forms()
    known = {field.name for field in fields(Forms)}
    for name, value in given.items():
        if name not in known:
            raise ValueError(f"{name} is not a form; there are {', '.join(sorted(known))}")
        wanted = (bool,) if isinstance(getattr(defaults, name), bool) else (str, type(None))
        if not isinstance(value, wanted):
            raise ValueError(f"form {name} cannot be {value!r}")  # noqa: TRY004 - because a scenario that is wrong is one error to its reader
    return Forms(**given)
