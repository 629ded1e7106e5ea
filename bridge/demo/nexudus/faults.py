"""What stands before the board: the door where things go wrong on purpose."""

import asyncio
import json
import random
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from email.utils import formatdate
from enum import Enum
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bridge.demo.loopback import Json, again, hang_up, left, nowhere
from bridge.demo.nexudus.logins import Logins

CREATE = "POST /api/community/communitythreads"
OOPS = {"Message": "Ooops! There was a problem while running this action"}
PAGE = "<!doctype html><html><body>Something else lives here</body></html>"


class Fault(Enum):
    """Ways to misbehave. `_BEFORE` or no suffix: nothing was done; `_AFTER`: the work was done first."""

    SLOW = "answers rightly, after `value` seconds"
    THROTTLE_429 = "429 with Retry-After"
    THROTTLE_429_BODY = "429 whose body says 'Wait N seconds', without the header"
    THROTTLE_409 = "409 with Retry-After and an empty body, the older documented form"
    OOPS_BEFORE = "500 with the 'Ooops' message"
    OOPS_AFTER = "500 with the 'Ooops' message, although it worked"
    OOPS_400 = "400 with the 'Ooops' message and no Errors"
    OOPS_400_AFTER = "400 with the 'Ooops' message, although it worked"
    HTML_200 = "200 with a page of HTML"
    HTML_200_AFTER = "200 with a page of HTML, although it worked"
    UNSUCCESSFUL = "200 whose envelope says WasSuccessful false"
    HANGUP_BEFORE = "closes the connection"
    HANGUP_AFTER = "does the work, then closes the connection"
    SILENT_BEFORE = "never answers"
    SILENT_AFTER = "does the work, then never answers"
    LATE = "closes the connection and does the work `value` seconds later"
    FORBIDDEN_HTML = "403 with the firewall's page"


@dataclass(eq=False)
class Misbehaviour:
    """One entry of the queue: a fault for the requests whose 'METHOD /path' starts with `on`."""

    fault: Fault
    times: int | None = 1
    on: str = CREATE
    value: float = 1.0
    errors: Sequence[Json] = ()
    rate: float = 1.0


@dataclass(frozen=True)
class Seen:
    """One request as it came in; `at` is time.monotonic()."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes
    at: float = field(default_factory=time.monotonic)

    @property
    def bearer(self) -> str | None:
        scheme, _, token = self.headers.get("authorization", "").partition(" ")
        return token if scheme.lower() == "bearer" else None

    @property
    def json(self) -> Any:
        return json.loads(self.body or b"null")

    @property
    def line(self) -> str:
        return f"{self.method} {self.path}"


def envelope(status: int, message: str, value: Any = None, errors: Sequence[Json] | None = None) -> JSONResponse:
    """The wrapping of every write; only 200 without Errors was successful."""
    body = {"Status": status, "Message": message, "Value": value, "Errors": errors and list(errors)}
    return JSONResponse(body | {"WasSuccessful": status == 200 and not errors}, status)


def _unsuccessful(trouble: Misbehaviour) -> Response:
    errors = trouble.errors or [{"AttemptedValue": None, "Message": "No", "PropertyName": ""}]
    return envelope(200, "; ".join(each["Message"] for each in errors), errors=errors)


ANSWERS: dict[Fault, Callable[[Misbehaviour], Response]] = {
    Fault.THROTTLE_429: lambda t: JSONResponse({"Message": "Too many requests"}, 429, {"Retry-After": f"{t.value:g}"}),
    Fault.THROTTLE_429_BODY: lambda t: JSONResponse({"Message": f"Wait {t.value:g} seconds"}, 429),
    Fault.THROTTLE_409: lambda t: Response(b"", 409, {"Retry-After": f"{t.value:g}"}),
    Fault.OOPS_BEFORE: lambda t: JSONResponse(OOPS, 500),
    Fault.OOPS_AFTER: lambda t: JSONResponse(OOPS, 500),
    Fault.OOPS_400: lambda t: JSONResponse(OOPS, 400),
    Fault.OOPS_400_AFTER: lambda t: JSONResponse(OOPS, 400),
    Fault.HTML_200: lambda t: HTMLResponse(PAGE),
    Fault.HTML_200_AFTER: lambda t: HTMLResponse(PAGE),
    Fault.UNSUCCESSFUL: _unsuccessful,
    Fault.FORBIDDEN_HTML: lambda t: HTMLResponse("<html><h1>403 ERROR</h1>Request blocked.</html>", 403),
}


class Moods(Logins):
    """The switches of a board that misbehaves, and the record of what it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.requests: list[Seen] = []
        self.clock_skew = 0.0
        self.late: set[asyncio.Task[None]] = set()
        # Seeded, so that a run that failed can be run again.
        self.random = random.Random(0)  # noqa: S311 - chance for faults, not for secrets
        self.faults: deque[Misbehaviour] = deque()
        self.behave()

    def behave(self) -> None:
        """Forgets every fault and switch; roles, records and tokens stay."""
        self.faults.clear()
        self.down = self.unfiltered = self.fail_lists = False
        self.delay = self.search_lag = 0.0

    def misbehave(
        self,
        fault: Fault,
        times: int | None = 1,
        on: str = CREATE,
        *,
        value: float = 1.0,
        errors: Sequence[Json] = (),
        rate: float = 1.0,
    ) -> None:
        """Queues a fault for the next `times` requests that start with `on`; None is until `behave()`."""
        self.faults.append(Misbehaviour(fault, times, on, value, errors, rate))

    def seen(self, on: str) -> list[Seen]:
        return [each for each in self.requests if each.line.startswith(on)]

    def trouble_for(self, line: str) -> Misbehaviour | None:
        for trouble in self.faults:
            if line.startswith(trouble.on) and self.random.random() < trouble.rate:
                trouble.times = trouble.times and trouble.times - 1
                if trouble.times == 0:
                    self.faults.remove(trouble)
                return trouble
        return None


class Door:
    """Every request passes here: it is recorded, delayed, and meets its fault if one is waiting."""

    def __init__(self, app: ASGIApp, moods: Moods) -> None:
        self.app = app
        self.moods = moods

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
        elif self.moods.down:
            await hang_up(scope, receive)
        else:
            await self._admit(scope, receive, self._dated(send))

    async def _admit(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        scope["path"] = scope["path"].rstrip("/")
        query, headers = dict(request.query_params), dict(request.headers)
        seen = Seen(scope["method"], scope["path"], query, headers, await request.body())
        self.moods.requests.append(seen)
        trouble = self.moods.trouble_for(seen.line)
        if self.moods.delay:
            await asyncio.sleep(self.moods.delay)
        if trouble is None:
            await self.app(scope, again(seen.body, receive), send)
        else:
            await self._suffer(trouble, seen.body, scope, receive, send)

    async def _suffer(self, trouble: Misbehaviour, body: bytes, scope: Scope, receive: Receive, send: Send) -> None:
        fault, request = trouble.fault, again(body, receive)
        if fault is Fault.SLOW:
            await asyncio.sleep(trouble.value)
            await self.app(scope, request, send)
            return
        if fault is Fault.LATE:
            self._later(trouble.value, self.app(dict(scope), request, nowhere))
        elif fault.name.endswith("_AFTER"):
            await self.app(dict(scope), request, nowhere)
        await self._answer(trouble, scope, receive, send)

    async def _answer(self, trouble: Misbehaviour, scope: Scope, receive: Receive, send: Send) -> None:
        if trouble.fault in ANSWERS:
            await ANSWERS[trouble.fault](trouble)(scope, receive, send)
        elif trouble.fault in (Fault.SILENT_BEFORE, Fault.SILENT_AFTER):
            await left(receive)
        else:
            await hang_up(scope, receive)

    def _later(self, seconds: float, work: Awaitable[None]) -> None:
        async def wait_and_work() -> None:
            await asyncio.sleep(seconds)
            await work

        task = asyncio.create_task(wait_and_work())
        # The loop itself keeps only a weak reference.
        self.moods.late.add(task)
        task.add_done_callback(self.moods.late.discard)

    def _dated(self, send: Send) -> Send:
        async def dated(message: Message) -> None:
            if message["type"] == "http.response.start":
                now = formatdate(time.time() + self.moods.clock_skew, usegmt=True)
                message["headers"] = [*message.get("headers", ()), (b"date", now.encode())]
            await send(message)

        return dated
