"""Templates of log messages and error codes that no source documents; all of them are inferred.

Change them here or in a scenario file. `basic.py` and `enhanced.py` hold what is documented or was seen in a real log.
"""

from dataclasses import dataclass, fields
from typing import Any


@dataclass(frozen=True)
class Templates:
    """Inferred templates. None writes nothing. `{path}` starts with a slash; `{size}` is in bytes.

    No source states: whether Basic mode logs transfers, skips and deletions; its lines for symbolic links and for the
    end of a failed execution; Enhanced mode's records for successes and for folders; the error codes of an execution.
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
    code_location_unavailable: str = "LocationUnreachable"
    code_cancelled: str = "Cancelled"
    detail_cancelled: str = "Task execution was cancelled"


def read_templates(replacements: dict[str, Any]) -> Templates:
    """Return the templates with some replaced. Raises ValueError for an unknown name or a wrong type."""
    defaults = Templates()
    known = {field.name for field in fields(Templates)}
    for name, value in replacements.items():
        if name not in known:
            raise ValueError(f"{name} is not a template; the templates are {', '.join(sorted(known))}")
        allowed = (bool,) if isinstance(getattr(defaults, name), bool) else (str, type(None))
        if not isinstance(value, allowed):
            raise ValueError(f"template {name} cannot be {value!r}")  # noqa: TRY004  (any invalid scenario is a ValueError)
    return Templates(**replacements)
