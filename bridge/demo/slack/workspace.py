"""A stand-in for Slack: the Web API that bridge calls and the response_urls that it answers to."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import (
    HTMLResponse,
    JSONResponse,
    PlainTextResponse,
    RedirectResponse,
    Response,
    StreamingResponse,
)
from starlette.routing import Mount, Route
from starlette.types import Receive, Scope, Send

from bridge.demo.loopback import Json, hang_up
from bridge.demo.slack.limits import block_faults
from bridge.demo.slack.memory import Call
from bridge.demo.slack.methods import Methods, Refusal, now


@dataclass
class Trouble:
    """What a method does instead of its work: an error by name, or an HTTP status with its header."""

    error: str | int
    times: int | None
    retry_after: float | None = None


class Workspace(Methods):
    """One workspace with one app installed. Seed it, serve `app`, and set `url` to where it is served."""

    def __init__(self, token: str = "xoxb-demo", team_id: str = "T0BRIDGE") -> None:  # noqa: S107 - opens nothing
        super().__init__(token, team_id)
        self.down = self.dead_hooks = False
        self._app_token = ""
        self.slowness: dict[str, float] = {}
        self.troubles: dict[str, Trouble] = {}
        self._methods: dict[str, Callable[[Json], Json]] = self.table()
        hooks = Route("/hooks/{kind}/{id}", self._hook, methods=["POST"])
        api = Route("/api/{method}", self._call, methods=["GET", "POST"])
        files = Route("/files-pri/{id}/{name}", self._file)
        self.tokens_seen: list[tuple[str, str | None]] = []
        self.app = Starlette(routes=[Mount("/", self._unless_down(Starlette(routes=[hooks, api, files])))])

    def _unless_down(self, app: Starlette) -> Any:
        async def door(scope: Scope, receive: Receive, send: Send) -> None:
            await (hang_up(scope, receive) if self.down else app(scope, receive, send))

        return door

    def serve_sockets(self, app_token: str, address: str) -> None:
        """apps.connections.open answers with this address, to the app-level token alone."""
        self._methods["apps.connections.open"] = lambda _: {"url": address}
        self._app_token = app_token

    def slow(self, method: str, seconds: float) -> None:
        self.slowness[method] = seconds

    def fail(self, method: str, error: str | int, times: int | None = 1) -> None:
        """An error by Slack's name, or a bare HTTP status; `times` None is until `behave()`."""
        self.troubles[method] = Trouble(error, times)

    def ratelimit(self, method: str, seconds: float, times: int | None = 1) -> None:
        self.troubles[method] = Trouble("ratelimited", times, seconds)

    def behave(self) -> None:
        self.slowness.clear()
        self.troubles.clear()
        self.down = self.dead_hooks = False

    async def _trouble(self, method: str) -> Response | None:
        await asyncio.sleep(self.slowness.get(method, 0))
        trouble = self.troubles.get(method)
        if trouble is None:
            return None
        trouble.times = trouble.times and trouble.times - 1
        if trouble.times == 0:
            del self.troubles[method]
        body = {"ok": False, "error": str(trouble.error)}
        if trouble.retry_after is not None:
            return JSONResponse(body, 429, {"Retry-After": f"{trouble.retry_after:g}"})
        return JSONResponse(body, trouble.error if isinstance(trouble.error, int) else 200)

    async def _call(self, request: Request) -> Response:
        """JSON, a form, or a query; always 200 with `ok`, except for rate limits and broken days."""
        method, args = request.path_params["method"], await _arguments(request)
        token = request.headers.get("authorization", "").removeprefix("Bearer ") or args.pop("token", None)
        self.calls.append(Call(method, args))
        if answer := await self._trouble(method):
            return answer
        try:
            reply = self._answer(method, token, args)
        except Refusal as refusal:
            detail = {"response_metadata": {"messages": refusal.messages}} if refusal.messages else {}
            reply = {"ok": False, "error": refusal.error} | detail
        return JSONResponse(reply, headers={"x-oauth-scopes": self.scopes})

    def _answer(self, method: str, token: str | None, args: Json) -> Json:
        if method not in self._methods:
            raise Refusal("unknown_method")
        if token != (self._app_token if method == "apps.connections.open" else self.token):
            raise Refusal("invalid_auth" if token else "not_authed")
        return {"ok": True} | self._methods[method](args)

    async def _file(self, request: Request) -> Response:
        """With a token that may read files its bytes, else the login page, with 200 as Slack has it."""
        token = request.headers.get("authorization")
        self.tokens_seen.append((request.path_params["id"], token))
        await asyncio.sleep(self.slowness.get("file", 0))
        file = self.files.get(request.path_params["id"])
        if file is None:
            return PlainTextResponse("not found", 404)
        if file.elsewhere:
            return RedirectResponse(file.elsewhere, 302)
        if token != f"Bearer {self.token}" or "files:read" not in self.scopes.split(","):
            return HTMLResponse("<!DOCTYPE html><html><title>Sign in | Slack</title></html>")

        async def pieces() -> AsyncIterator[bytes]:
            size = 1 if file.drip else 65536
            for at in range(0, len(file.content), size):
                yield file.content[at : at + size]
                await asyncio.sleep(file.drip)

        length = {"content-length": str(len(file.content))} if file.told else {}
        return StreamingResponse(pieces(), file.status, headers=file.headers | length, media_type=file.kind)

    async def _hook(self, request: Request) -> Response:
        """A response_url takes a message of the app, five times within 30 minutes."""
        id_, payload = request.path_params["id"], await _arguments(request)
        self.calls.append(Call("hooks", {"id": id_} | payload))
        if answer := await self._trouble("hooks"):
            return answer
        hook = self.hooks.get(id_)
        if hook is None or self.dead_hooks or hook.uses >= self.hook_uses or hook.age > self.hook_life:
            return PlainTextResponse("used_url", 404)
        if block_faults(payload.get("blocks", []), 50):
            return PlainTextResponse("invalid_blocks", 400)
        hook.uses += 1
        ephemeral = payload.get("response_type") != "in_channel"
        self.responses[id_].append(payload | {"ts": now(), "channel": hook.channel, "is_ephemeral": ephemeral})
        return PlainTextResponse("ok")


async def _arguments(request: Request) -> Json:
    """Form values that hold JSON (view, blocks) are read as such."""
    body = (await request.body()).decode()
    if "json" in request.headers.get("content-type", ""):
        return dict(json.loads(body))
    form = dict(request.query_params) | dict(parse_qsl(body))
    return {key: json.loads(value) if value[:1] in ("{", "[") else value for key, value in form.items()}
