"""Slack's end of Socket Mode: a WebSocket server on loopback, beside the Web API's stand-in."""

import asyncio
import json
import uuid
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from aiohttp import WSCloseCode, WSMsgType, web

from bridge.demo.slack.sender import Reply, Sender
from bridge.demo.slack.workspace import Workspace
from tests.support import overheard


@dataclass
class SlackSocket:
    """Gives out its address by apps.connections.open, sends envelopes, and waits for their acknowledgements.

    Each address is good for one try, as Slack's tickets are; `down`: it leads nowhere.
    """

    workspace: Workspace
    app_token: str = "xapp-demo"
    lines: list[web.WebSocketResponse] = field(default_factory=list)
    acknowledged: dict[str, "asyncio.Future[Any]"] = field(default_factory=dict)
    connections: int = 0
    given: int = 0
    used: set[str] = field(default_factory=set)
    down: bool = False

    async def start(self) -> None:
        app = web.Application()
        app.router.add_get("/link", self._link)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.address = f"ws://{host}:{port}/link"
        self.workspace.serve_sockets(self.app_token, self.address)
        self.workspace._methods["apps.connections.open"] = lambda _: {"url": self.give()}

    def give(self) -> str:
        self.given += 1
        return f"{self.address}?ticket={self.given}"

    async def stop(self) -> None:
        await self._runner.cleanup()

    async def _link(self, request: web.Request) -> web.StreamResponse:
        ticket = request.query["ticket"]
        if self.down or ticket in self.used:
            self.used.add(ticket)
            return web.Response(status=503 if self.down else 401)
        self.used.add(ticket)
        line = web.WebSocketResponse()
        await line.prepare(request)
        self.lines.append(line)
        self.connections += 1
        await line.send_json({"type": "hello", "num_connections": len(self.lines)})
        async for message in line:
            if message.type == WSMsgType.TEXT:
                answer = json.loads(message.data)
                self.acknowledged[answer["envelope_id"]].set_result(answer.get("payload"))
        self.lines.remove(line)
        return line

    async def send(self, kind: str, payload: Any, within: float = 3) -> Any:
        """One envelope; the acknowledgement's payload. Raises TimeoutError after Slack's three seconds, or `within`."""
        envelope = str(uuid.uuid4())
        self.acknowledged[envelope] = asyncio.get_running_loop().create_future()
        await self.lines[-1].send_json({"envelope_id": envelope, "type": kind, "payload": payload})
        return await asyncio.wait_for(self.acknowledged[envelope], within)

    async def drop(self, *, politely: bool) -> None:
        """Slack refreshes a connection with a word, or the line is simply closed."""
        line = self.lines[-1]
        if politely:
            await line.send_json({"type": "disconnect", "reason": "refresh_requested"})
        else:
            await line.close(code=WSCloseCode.GOING_AWAY)


class SocketSender(Sender):
    """The people of `Sender`, whose doings come over the socket instead of by HTTP."""

    line: SlackSocket

    async def form(self, fields: dict[str, Any]) -> Reply:
        overheard.hear(urlencode(fields).encode())
        if "payload" in fields:
            answer = await self.line.send("interactive", json.loads(fields["payload"]))
        else:
            answer = await self.line.send("slash_commands", fields)
        return Reply(200, json.dumps(answer) if answer is not None else "", 0)
