"""The check of `healthcheck`: ask `/healthz` of the worker in the same container, without curl and without a proxy."""

import json
from http.client import HTTPConnection, HTTPException

from service.domain.views import escape_unprintable

TIMEOUT_S = 3.0

_LOOPBACK_OF = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  (the worker listens on it)


def check_health(host: str, port: int) -> tuple[bool, str]:
    """Return whether the worker that listens there is healthy, and a line about it."""
    if port == 0:
        return False, "unhealthy: TRIGGER_HTTP_PORT is 0, so the worker's port is not known; set another"
    host = _LOOPBACK_OF.get(host, host)
    connection = HTTPConnection(host, port, timeout=TIMEOUT_S)
    try:
        connection.request("GET", "/healthz")
        answer = connection.getresponse()
        checks = json.loads(answer.read())["checks"]
        late = [name for name, check in checks.items() if not check["ok"]]
    except (OSError, HTTPException, ValueError, LookupError, TypeError, AttributeError) as error:
        cause = (isinstance(error, OSError) and error.strerror) or type(error).__name__
        return False, f"unhealthy: no answer from {host} port {port}: {escape_unprintable(cause)}"
    finally:
        connection.close()
    if answer.status == 200:
        return True, "healthy"
    return False, f"unhealthy: {', '.join(late)} late"
