"""Two banks in good health, for a test to spoil, and the doctor to send there."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from email.utils import formatdate
from time import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from typer.testing import Result

from bridge.demo.loopback import serve
from bridge.demo.nexudus.board import Board
from bridge.demo.slack.workspace import Workspace
from bridge.operator.manifest import SCOPES
from tests.support.commanding import Environment, command, environment
from tests.support.space import HALL, seed, settings_for

# In the form of Slack's own; the one in their documentation, which the other tests use, is not.
SECRET = "8f742231b10e8888abcd99efabcd85a5"


@dataclass
class Clinic:
    """Two banks in good health, and the environment that leads to them."""

    board: Board
    workspace: Workspace
    env: Environment

    async def doctor(self, *args: str, **env: str | None) -> Result:
        return await self.command("doctor", *args, **env)

    async def command(self, *args: str, **env: str | None) -> Result:
        return await command(self.env | env, *args)

    async def line(self, check: str, **env: str | None) -> str:
        """What the doctor says of one check, when it finds that something does not hold."""
        return await self.line_of(check, **env)

    async def line_of(self, check: str, *args: str, **env: str | None) -> str:
        """The same, of a doctor who is called with arguments."""
        result = await self.doctor(*args, **env)
        assert result.exit_code == 1, result.output
        assert not result.stderr
        (found,) = [each for each in result.stdout.splitlines() if each[4:].startswith(f"{check}: ")]
        return found


class Dated:
    """Slack's Date header, some seconds ahead of ours."""

    def __init__(self, app: ASGIApp) -> None:
        self.app, self.ahead = app, 0.0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def dated(message: Message) -> None:
            if message["type"] == "http.response.start":
                now = formatdate(time() + self.ahead, usegmt=True).encode()
                message["headers"] = [*message.get("headers", ()), (b"date", now)]
            await send(message)

        await self.app(scope, receive, dated)


@contextlib.asynccontextmanager
async def open_clinic(redis_url: str) -> AsyncIterator[Clinic]:
    board, workspace = Board(), Workspace()
    seed(board, workspace)
    board.add_thread(BusinessId=HALL, UserId=101, Subject="Coffee is back", Message="It works")
    workspace.scopes = ",".join(SCOPES)
    async with serve(board.app) as board_url, serve(workspace.app) as workspace_url:
        env = environment(settings_for(board_url, workspace_url), REDIS_URL=redis_url, SLACK_SIGNING_SECRET=SECRET)
        yield Clinic(board, workspace, env)
