"""Failures of the outside world, named by what the caller does next.

Trouble
 ├─ Transient   wait and call again: throttling, time-outs, a server's fault
 ├─ Conflict    someone else was there first: read again, decide again
 ├─ Absent      the thing that was named is not there (yet)
 ├─ Denied      no credentials or no permission: a person must act; retry slowly
 └─ Rejected    this very request will never be accepted: do not repeat it
"""


class Trouble(Exception):
    """A call to AWS that did not do what was asked. `call` is `service.Operation`."""

    def __init__(self, call: str, detail: str) -> None:
        super().__init__(f"{call}: {detail}")
        self.call = call
        self.detail = detail


class Transient(Trouble):
    """Wait and call again."""


class Conflict(Trouble):
    """A conditional write found another state than the one it was decided on. Nothing was written."""


class Absent(Trouble):
    """The thing that was named does not exist, or not yet."""


class Denied(Trouble):
    """Credentials are missing, expired or do not allow the call."""


class Rejected(Trouble):
    """The request itself is at fault and will be refused each time."""
