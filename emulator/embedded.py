"""`python -m emulator.embedded`: the rest of AWS for the demo and the tests, a moto server on a free port of loopback.

moto answers requests side by side, and first looks at a condition and then writes, so that of two conditional writes at
a time both may hold. DynamoDB knows better: here its requests are answered one after the other.
"""

from collections.abc import Iterable
from contextlib import nullcontext
from threading import Lock
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import run_simple


class OneTableRequestAtATime:
    """A WSGI application whose requests to DynamoDB wait for each other, and no others."""

    def __init__(self, application: WSGIApplication) -> None:
        self._application = application
        self._table = Lock()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request."""
        to_table = environ.get("HTTP_X_AMZ_TARGET", "").startswith("DynamoDB")
        with self._table if to_table else nullcontext():
            return self._application(environ, start_response)


if __name__ == "__main__":
    moto = OneTableRequestAtATime(DomainDispatcherApplication(create_backend_app))
    run_simple("127.0.0.1", 0, moto, threaded=True, request_handler=MotoRequestHandler)
