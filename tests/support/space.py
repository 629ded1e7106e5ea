"""A whole space for a test: both stand-ins, the real front, desk and worker, on one real Redis."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
from redis.asyncio import Redis
from redis.exceptions import RedisError
from starlette.applications import Starlette

from bridge import running, wiring
from bridge.demo.loopback import Loopback
from bridge.demo.nexudus.board import Board
from bridge.demo.slack.sender import Reply, Sender
from bridge.demo.slack.workspace import Workspace
from bridge.settings.environment import GivenSettings, Settings
from bridge.slack.protocol import connection
from tests.support import keys
from tests.support.overheard import Overheard

SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
PASSWORD = "hush-4711"
HALL, ANNEX = 1421021016, 1421021017
ANA, BEN, CARL = "U0ANA", "U0BEN", "U0CARL"


@dataclass
class Space:
    board: Board
    workspace: Workspace
    board_server: Loopback
    workspace_server: Loopback
    settings: Settings
    redis: Redis
    bridge: wiring.Bridge
    sender: Sender
    worker: "asyncio.Task[None] | None" = None
    url: str = ""
    extra: dict[str, Any] = field(default_factory=dict)

    def start_worker(self) -> None:
        self.worker = asyncio.create_task(self._work())

    async def _work(self) -> None:
        await self.bridge.delivery.run(self.bridge.desk.installation.is_closed, self.bridge.carrying.work)

    async def stop_worker(self) -> None:
        """As kill -9 would: nothing is finished, nothing is noted."""
        if self.worker is not None:
            self.worker.cancel()
            await asyncio.gather(self.worker, return_exceptions=True)
            self.worker = None

    @property
    def threads(self) -> list[dict[str, Any]]:
        return list(self.board.threads.values())

    def heard(self, user: str) -> list[str]:
        """Every text that reached a person outside of a form: response_urls, ephemerals, direct messages."""
        answers = [str(each.get("text")) for messages in self.workspace.responses.values() for each in messages]
        quiet = [str(each.get("text")) for each in self.workspace.ephemerals if each.get("user") == user]
        direct = [str(each.get("text")) for each in self.workspace.dms.get(user, [])]
        return [*answers, *quiet, *direct]

    def view(self) -> dict[str, Any]:
        """The view that was opened last, as it stands now."""
        return dict(list(self.workspace.views.values())[-1])

    def view_text(self) -> str:
        return str(self.view()["blocks"])


async def until(condition: Callable[[], Any], seconds: float = 10) -> Any:
    """Wait for a condition instead of for a time."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "the condition never held"
        await asyncio.sleep(0.02)
    return found


async def until_async(condition: Callable[[], Awaitable[Any]], seconds: float = 10) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := await condition()):
        assert time.monotonic() < deadline, "the condition never held"
        await asyncio.sleep(0.02)
    return found


def seed(board: Board, workspace: Workspace) -> None:
    """One location with a public, a restricted and a private group; three people who match."""
    board.logins["api@space.example"] = PASSWORD
    board.add_business(HALL, "Hall", "hall")
    board.add_group(11, HALL, "General", 2)
    board.add_group(12, HALL, "Makers", 1, members=[201])
    board.add_group(13, HALL, "Founders", 3, members=[201])
    for number, (user, name) in enumerate([(ANA, "Ana"), (BEN, "Ben"), (CARL, "Carl")], 1):
        email = f"{name.lower()}@space.example"
        workspace.add_user(user, name, email)
        board.add_member(name, email, user_id=100 + number, coworker_id=200 + number, businesses=[HALL])
    workspace.add_channel("C1", "general", members=[ANA, BEN, CARL, workspace.bot_user_id])
    workspace.add_channel("C2", "random", members=[ANA])
    workspace.add_channel("G1", "secret", private=True, members=[ANA])


def settings_for(board_url: str, workspace_url: str, **more: Any) -> Settings:
    quick: dict[str, Any] = {
        "nexudus_timeout": 1.0,
        "nexudus_search_lag": 0.3,
        "nexudus_call_interval_ms": 0,
        "nexudus_writes_per_minute": 10000,
        "nexudus_writes_per_endpoint": 10000,
        "nexudus_writes_per_day": 100000,
        "lease": 4.0,
        "posts_per_person_per_hour": 1000,
    }
    return GivenSettings(
        **{
            "slack_signing_secret": SECRET,
            "slack_bot_token": "xoxb-demo",
            "slack_api_url": f"{workspace_url}/api/",
            "nexudus_url": board_url,
            "nexudus_username": "api@space.example",
            "nexudus_password": PASSWORD,
            **quick,
            **more,
        }
    )


@contextlib.asynccontextmanager
async def open_space(redis_url: str, *, worker: bool = True, files: bool = False, **more: Any) -> AsyncIterator[Space]:
    """With `files` they are switched on: PUBLIC_URL is this bridge's own address, and Slack grants files:read."""
    board, workspace = Board(), Workspace()
    seed(board, workspace)
    banks = Loopback(board.app), Loopback(workspace.app)
    board_url, workspace_url = [await each.start() for each in banks]
    workspace.url = workspace_url
    door = Loopback(Starlette())
    if files:
        workspace.scopes += ",files:read"
        more["public_url"] = await door.start()
        await door.stop()
    settings = settings_for(board_url, workspace_url, **more)
    async with wiring.build(settings, redis_url) as bridge, httpx.AsyncClient() as client:
        front = Loopback(running.app(bridge), connection())
        url = await front.start(door.port)
        await bridge.greet_slack()
        sender = Overheard(workspace, SECRET, client, f"{url}/slack/events")
        space = Space(board, workspace, *banks, settings, bridge.redis, bridge, sender, url=url)
        if worker:
            space.start_worker()
        try:
            yield space
            await space.stop_worker()
            with contextlib.suppress(RedisError):  # where a test took it away, nothing can be left in it
                leaks = await keys.leaks(bridge.redis, settings.prefix)
                assert not leaks, leaks
        finally:
            bridge.delivery.stop()
            bridge.carrying.stop()
            await space.stop_worker()
            for task in list(bridge.desk.tasks):
                task.cancel()
            for server in (front, *banks):
                await server.stop()


def answer_text(reply: Reply) -> str:
    return str(reply.json.get("text", ""))
