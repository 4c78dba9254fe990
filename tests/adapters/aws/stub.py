"""A server on loopback that returns prepared answers in order, and keeps the requests."""

import json
from collections import deque
from dataclasses import dataclass, field

from aiohttp import web


@dataclass
class Asked:
    """A request: its operation if a header names one, its raw path, and its body."""

    operation: str
    path: str
    body: dict


@dataclass
class Stub:
    url: str = ""
    answers: deque = field(default_factory=deque)
    asked: list = field(default_factory=list)

    def answer(self, *bodies, status=200, **headers):
        """Prepare answers: a dict becomes JSON, a text stays, None breaks the connection."""
        self.answers.extend((status, body, headers) for body in bodies)

    def refuse(self, code, message="because", status=400, **more):
        """Prepare an error of a JSON service."""
        self.answer({"__type": f"com.amazonaws.any#{code}", "message": message, **more}, status=status)

    def refuse_as_s3(self, code, status):
        self.answer(f"<Error><Code>{code}</Code><Message>because</Message></Error>", status=status)

    async def respond(self, request):
        text = await request.text()
        operation = request.headers.get("X-Amz-Target", "").rpartition(".")[2]
        body = json.loads(text) if operation else {}
        self.asked.append(Asked(operation, request.raw_path, body))
        status, answer, headers = self.answers.popleft()
        if answer is None:
            request.transport.close()
            return web.Response()
        content = answer if isinstance(answer, str) else json.dumps(answer)
        return web.Response(body="" if request.method == "HEAD" else content, status=status, headers=headers)
