"""The stand-ins in a storm: every call may meet every fault, by chance of a given seed."""

import random
from collections import defaultdict
from collections.abc import Awaitable, Sequence

from starlette.requests import Request
from starlette.responses import Response

from bridge.demo.loopback import Json
from bridge.demo.nexudus.board import Board
from bridge.demo.nexudus.entities import THREADS, Entity
from bridge.demo.nexudus.faults import CREATE, Fault, Misbehaviour
from bridge.demo.slack.workspace import Trouble, Workspace
from tests.chaos.ambush import Ambush

# What a disturbed creation meets: the fault, how often beside the others, and for how long (seconds, where it matters).
# The longest lateness stays within what README.md says can be waited for: twice NEXUDUS_TIMEOUT.
CREATION: Sequence[tuple[Fault | str, float, float]] = (
    (Fault.THROTTLE_429, 1, 0.3), (Fault.THROTTLE_429_BODY, 1, 0.3), (Fault.THROTTLE_409, 1, 0.3),
    ("429 without a hint", 0.1, 0), (Fault.FORBIDDEN_HTML, 1, 0), (Fault.UNSUCCESSFUL, 1, 0),
    (Fault.OOPS_BEFORE, 2, 0), (Fault.OOPS_AFTER, 2, 0), (Fault.OOPS_400, 2, 0), (Fault.OOPS_400_AFTER, 2, 0),
    (Fault.HTML_200, 2, 0), (Fault.HTML_200_AFTER, 2, 0), (Fault.HANGUP_BEFORE, 2, 0), (Fault.HANGUP_AFTER, 2, 0),
    (Fault.SILENT_BEFORE, 2, 0), (Fault.SILENT_AFTER, 2, 0), (Fault.SLOW, 1, 0.6), (Fault.SLOW, 1, 2.5),
    (Fault.LATE, 1, 1.5), ("the token expires", 1, 0), ("401: a bad reference", 1, 0),
)  # fmt: skip
READING: Sequence[tuple[Fault | str, float, float]] = (
    (Fault.THROTTLE_429, 0.3, 0.3), (Fault.OOPS_BEFORE, 2, 0), (Fault.HTML_200, 2, 0), (Fault.HANGUP_BEFORE, 2, 0),
    (Fault.SILENT_BEFORE, 0.5, 0), (Fault.SLOW, 1, 0.6), ("the token expires", 0.5, 0),
    ("the list is unfiltered", 2, 0),
)  # fmt: skip


class StormyBoard(Board):
    """Disturbs `rate` of the calls once `rate` is set; its lists lag behind by `search_lag` seconds."""

    def __init__(self, ambush: Ambush, seed: int) -> None:
        self._of_user: dict[str, dict[int, Json]] = defaultdict(dict)
        super().__init__()
        self.ambush, self.rate = ambush, 0.0
        self.random = random.Random(f"board {seed}")
        self.met: dict[str, int] = defaultdict(int)

    def trouble_for(self, line: str) -> Misbehaviour | None:
        if asked := super().trouble_for(line):
            return asked
        if self.random.random() >= self.rate or line.endswith("/token"):
            return None
        faults = CREATION if line.startswith(CREATE) else READING
        ((fault, _, value),) = self.random.choices(faults, [weight for _, weight, _ in faults])
        kind = "a creation" if faults is CREATION else "a reading"
        self.met[f"{kind}: {fault.value if isinstance(fault, Fault) else fault}"] += 1
        return Misbehaviour(fault, value=value) if isinstance(fault, Fault) else self._by_name(fault)

    def _by_name(self, fault: str) -> Misbehaviour | None:
        if fault == "the token expires":
            self.expire_access_tokens()
        elif fault == "429 without a hint":
            # 'Wait' and no number: the body that the board is known for, cut short.
            return Misbehaviour(Fault.THROTTLE_429_BODY, value=float("nan"))
        elif fault == "401: a bad reference":
            self._refusing = True
        else:
            self.unfiltered = True
        return None

    _refusing = False

    async def _write(self, entity: Entity, store: dict[int, Json], request: Request) -> Response:
        port = request.client.port if request.client else 0
        await self.ambush.passing("the creation", "before", port)
        refusing, self._refusing = self._refusing, False
        answer = Response(b"", 401) if refusing else await super()._write(entity, store, request)
        await self.ambush.passing("the creation", "after", port)
        return answer

    async def _many(self, entity: Entity, store: dict[int, Json], request: Request) -> Response:
        looking = entity is THREADS and request.method == "GET" and "CommunityThread_User" in request.query_params
        port = request.client.port if request.client and looking else 0
        await self.ambush.passing("the look", "before", port)
        answer = await super()._many(entity, store, request)
        await self.ambush.passing("the look", "after", port)
        return answer

    def _page(self, entity: Entity, store: dict[int, Json], query: dict[str, str]) -> Json:
        """An index, so that ten thousand threads are not compared at every look."""
        user, unfiltered = query.get("CommunityThread_User"), self.unfiltered
        if entity is THREADS and user and not unfiltered:
            store = self._of_user[user]
        page = super()._page(entity, store, query)
        self.unfiltered = unfiltered and entity is not THREADS
        return page

    def add_thread(self, **fields: object) -> Json:
        record = super().add_thread(**fields)
        self._of_user[str(record["UserId"])][record["Id"]] = record
        return record


class StormyWorkspace(Workspace):
    """Fails `rate` of the calls, before doing anything, with what passes."""

    def __init__(self, ambush: Ambush, seed: int) -> None:
        super().__init__()
        self.ambush, self.rate = ambush, 0.0
        self.random = random.Random(f"workspace {seed}")

    async def _trouble(self, method: str) -> Response | None:
        if method not in self.troubles and self.random.random() < self.rate:
            errors: list[str | int] = [500, "internal_error", "ratelimited"]
            error = self.random.choice(errors)
            self.troubles[method] = Trouble(error, 1, 1.0 if error == "ratelimited" else None)
        return await super()._trouble(method)

    async def _call(self, request: Request) -> Response:
        telling = request.path_params["method"] in ("views.update", "chat.postEphemeral", "chat.postMessage")
        return await self._watched(super()._call(request), request, telling)

    async def _hook(self, request: Request) -> Response:
        return await self._watched(super()._hook(request), request, True)

    async def _watched(self, work: Awaitable[Response], request: Request, telling: bool) -> Response:
        port = request.client.port if request.client and telling else 0
        await self.ambush.passing("the telling", "before", port)
        answer = await work
        await self.ambush.passing("the telling", "after", port)
        return answer
