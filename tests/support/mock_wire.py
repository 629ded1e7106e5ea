"""A wire of ours and a client on it, for the tests of the board."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
from redis.asyncio import Redis

from bridge.nexudus.client import Nexudus
from bridge.nexudus.pace import Pace
from bridge.nexudus.tokens import Tokens

LOGIN = ("api-user@example.com", "a password")
THREADS = "/api/community/communitythreads"
POST = {"BusinessId": 1, "UserId": 11, "Subject": "Bread", "Message": "Who bakes?"}
DATE = {"date": "Mon, 23 Nov 2026 10:00:00 GMT"}

Answer = httpx.Response | Exception


@asynccontextmanager
async def client(
    redis: Redis,
    url: str,
    transport: httpx.AsyncBaseTransport | None = None,
    timeout: float = 5,
    **limits: Any,
) -> AsyncIterator[Nexudus]:
    async with httpx.AsyncClient(transport=transport) as http:
        tokens = Tokens(http, url, *LOGIN, redis, "bridge:{main}:", None, timeout)
        wide = {"writes_per_minute": 60, "writes_per_day": 2500, "writes_per_endpoint": 60}
        pace = Pace(redis, "bridge:{main}:", **wide | limits, interval=0)
        yield Nexudus(http, url, tokens, pace, timeout)


class Wire(httpx.MockTransport):
    """A wire that hands out tokens, and leaves everything else to `answer`."""

    def __init__(self, answer: Callable[[httpx.Request], Answer]) -> None:
        super().__init__(self.handle)
        self.answer, self.lines, self.made = answer, list[str](), 0

    def handle(self, request: httpx.Request) -> httpx.Response:
        self.lines.append(f"{request.method} {request.url.path}")
        if request.url.path == "/api/token":
            self.made += 1
            pair = {"access_token": f"a{self.made}", "refresh_token": "r", "expires_in": 604799}
            return httpx.Response(200, json=pair)
        answer = self.answer(request)
        if isinstance(answer, Exception):
            raise answer
        return answer
