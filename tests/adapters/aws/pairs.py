"""Two clients of the SDK for one service, of which one has a seam of ours, and the wire that both are on."""

import contextlib
from dataclasses import dataclass, field

from aiobotocore.awsrequest import AioAWSResponse
from aiobotocore.config import AioConfig
from aiobotocore.credentials import AioCredentials
from aiobotocore.session import AioSession
from botocore.awsrequest import HeadersDict
from botocore.exceptions import ClientError


class Body:
    def __init__(self, content):
        self._content = content

    async def read(self):
        return self._content


@dataclass
class Pair:
    """`plain` and `seamed` get the same answer to each request; `sent` keeps the requests."""

    plain: object
    seamed: object
    status: int = 200
    content: bytes = b"{}"
    headers: dict = field(default_factory=dict)
    sent: list = field(default_factory=list)

    async def respond(self, request, **_):
        self.sent.append(request)
        return AioAWSResponse(request.url, self.status, HeadersDict(self.headers), Body(self.content))

    async def outcomes(self, operation, **parameters):
        """Return the plain client's answer to a call and the seamed one's, or the errors in their places."""
        self.sent.clear()
        return [await outcome(getattr(client, operation), parameters) for client in (self.plain, self.seamed)]


async def outcome(call, parameters):
    try:
        return await call(**parameters)
    except ClientError as error:
        return error.response
    except Exception as error:  # noqa: BLE001  (what one client raises the other must raise too)
        return type(error)


@contextlib.asynccontextmanager
async def a_pair(service, register, *, credentials=None, **options):
    """Open both clients, tell `register` the one, and let neither reach a network."""
    session = AioSession()
    session._credentials = credentials or AioCredentials("AKID", "secret", "token")
    config = AioConfig(retries={"total_max_attempts": 1}, parameter_validation=False, **options)
    async with contextlib.AsyncExitStack() as stack:
        plain, seamed = [
            await stack.enter_async_context(
                session.create_client(service, region_name="eu-central-1", config=config),
            )
            for _ in range(2)
        ]
        register(seamed)
        pair = Pair(plain, seamed)
        for client in (plain, seamed):
            client.meta.events.register("before-send", pair.respond)
        yield pair
