"""The stage of the demo: both stand-ins, the real bridge between them, and the people of the terminal's story."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import httpx
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.types import ASGIApp

from bridge import running, wiring
from bridge.demo.loopback import Json, Loopback, serve
from bridge.demo.nexudus.board import Board
from bridge.demo.slack.sender import Sender
from bridge.demo.slack.workspace import Workspace
from bridge.settings.environment import GivenSettings, Settings

# In the forms that the doctor knows; they open nothing.
SECRET = "de30de30de30de30de30de30de30de30"  # noqa: S105
LOGIN, PASSWORD = "bridge@hall.example", "only for the demo"
HOSTS = ["127.0.0.1", "localhost"]
HALL = 1421021016
ANA, BEN, CARL, DORA = "U0ANA", "U0BEN", "U0CARL", "U0DORA"
NAMES = {ANA: "Ana", BEN: "Ben", CARL: "Carl", DORA: "Dora"}
BOARD_USERS = {ANA: 101, BEN: 102, CARL: 103}


class NotAsPromised(Exception):
    """Something that bridge promises did not happen; the message says what."""


@dataclass
class Stage:
    """All that the story acts with and looks at; `requests` is what Slack sent to bridge."""

    board: Board
    workspace: Workspace
    board_server: Loopback
    sender: Sender
    requests: list[httpx.Request]
    bridge: wiring.Bridge

    def seen(self, user: str) -> list[Json]:
        """What one person saw in Slack, messages first in their order, then the forms as they stand."""
        ours = self.workspace
        answers = [each for id_, told in ours.responses.items() if ours.hooks[id_].user == user for each in told]
        quiet = [each for each in ours.ephemerals if each.get("user") == user]
        messages = [*ours.answers[user], *answers, *quiet, *ours.dms[user]]
        views = [view for id_, view in ours.views.items() if ours.owners[id_] == user]
        return [*sorted(messages, key=lambda each: float(each["ts"])), *views]

    async def until(self, what: str, condition: Callable[[], Any], seconds: float = 10) -> Any:
        """Waits for something that bridge promises. Raises NotAsPromised when it does not come."""
        deadline = time.monotonic() + seconds
        while not (found := condition()):
            if time.monotonic() > deadline:
                raise NotAsPromised(f"within {seconds:.0f} s this did not happen: {what}")
            await asyncio.sleep(0.02)
        return found


def guarded(app: ASGIApp) -> ASGIApp:
    """Only under this computer's own names: a web page whose name is bent to 127.0.0.1 gets 400."""
    return TrustedHostMiddleware(app, allowed_hosts=HOSTS, www_redirect=False)


def seed(board: Board, workspace: Workspace) -> None:
    """One place with one group; Dora is in Slack, and nobody on the board."""
    board.logins[LOGIN] = PASSWORD
    board.add_business(HALL, "Hall", "hall")
    board.add_group(11, HALL, "General")
    for user, name in NAMES.items():
        workspace.add_user(user, name, f"{name.lower()}@hall.example")
    for user, number in BOARD_USERS.items():
        email = f"{NAMES[user].lower()}@hall.example"
        board.add_member(NAMES[user], email, user_id=number, coworker_id=number + 100, businesses=[HALL])
    workspace.add_channel("C1", "general", members=[*NAMES, workspace.bot_user_id])


@contextlib.asynccontextmanager
async def open_stage(
    redis_url: str, people: Callable[[Board, Workspace], None] = seed, *, alone: bool = True, **given: Any
) -> AsyncIterator[Stage]:
    """Everything runs for as long as the block does, on free ports of 127.0.0.1; `given` are settings.

    Not `alone`: the bridge is another process, which listens on the `port` that is given, on the same Redis.
    """
    board, workspace, requests = Board(), Workspace(), list[httpx.Request]()
    people(board, workspace)
    bank = Loopback(guarded(board.app))

    async def note(request: httpx.Request) -> None:
        requests.append(request)

    async with contextlib.AsyncExitStack() as opened:
        board_url = await bank.start()
        opened.push_async_callback(bank.stop)
        workspace.url = await opened.enter_async_context(serve(guarded(workspace.app)))
        settings = settings_for(board_url, workspace.url, redis_url=redis_url, **given)
        bridge = await opened.enter_async_context(wiring.build(settings, redis_url))
        url = f"http://127.0.0.1:{settings.port}"
        if alone:
            url = await opened.enter_async_context(_processes(bridge))
        client = await opened.enter_async_context(httpx.AsyncClient(trust_env=False, event_hooks={"request": [note]}))
        sender = Sender(workspace, SECRET, client, f"{url}/slack/events")
        yield Stage(board, workspace, bank, sender, requests, bridge)


@contextlib.asynccontextmanager
async def _processes(bridge: wiring.Bridge) -> AsyncIterator[str]:
    """Web and worker as in `bridge run`, but the web part behind the guard."""
    stop = asyncio.Event()
    worker = asyncio.create_task(running.run(bridge, web=False, worker=True, listening=None, stop=stop))
    try:
        async with serve(guarded(running.app(bridge))) as url:
            yield url
    finally:
        stop.set()
        await worker


def settings_for(board_url: str, workspace_url: str, **given: Any) -> Settings:
    """From these arguments alone: neither the environment nor a `.env` is read."""
    return GivenSettings.model_validate(
        {
            "slack_signing_secret": SECRET,
            "slack_bot_token": "xoxb-demo",
            "slack_api_url": f"{workspace_url}/api/",
            "nexudus_url": board_url,
            "nexudus_username": LOGIN,
            "nexudus_password": PASSWORD,
            "nexudus_timeout": 1.5,
            "nexudus_search_lag": 0.5,
            # A stand-in counts nothing: nobody has to wait for its minute.
            "nexudus_writes_per_endpoint": 60,
            # A second instead of minutes, so that nobody has to sit through them.
            "longest_wait": 1,
            "still_trying_after": 2,
            # Short enough for one line of a terminal; .example leads nowhere.
            "nexudus_thread_url": "https://{web_address}.example/thread/{id}/{slug}",
            **given,
        }
    )
