"""The other AWS services for the demo and the tests: a moto server on a free loopback port.

Started by `python -m emulator.embedded`.

moto handles requests in parallel, and its DynamoDB checks a condition and writes in two separate steps, so two
conflicting conditional writes can both succeed. With the real DynamoDB only one can; therefore this server handles
requests to DynamoDB one at a time.
"""

from collections.abc import Iterable
from contextlib import nullcontext
from threading import Lock
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import run_simple


class SerializedDynamoDb:
    """A WSGI application that handles requests to DynamoDB one at a time, and all others in parallel."""

    def __init__(self, application: WSGIApplication) -> None:
        self._application = application
        self._lock = Lock()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Handle one request."""
        to_dynamodb = environ.get("HTTP_X_AMZ_TARGET", "").startswith("DynamoDB")
        with self._lock if to_dynamodb else nullcontext():
            return self._application(environ, start_response)


if __name__ == "__main__":
    moto = SerializedDynamoDb(DomainDispatcherApplication(create_backend_app))
    run_simple("127.0.0.1", 0, moto, threaded=True, request_handler=MotoRequestHandler)
