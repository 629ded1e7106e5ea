"""The web process's face: routes, the signature on the raw bytes, health and metrics.

Everything is verified before anything is parsed, because Bolt parses first, loses a command that
holds the letters "payload", and answers unsigned junk with 500.
"""

import asyncio
import hmac
import ipaddress
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import structlog
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from slack_bolt.response import BoltResponse
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from bridge import metrics
from bridge.slack.dispatch import App
from bridge.slack.intake import Refusal, hung_up, parse, sent_at
from bridge.slack.protocol import MOST_BYTES
from bridge.slack.signature import verify
from bridge.slack.warnings import at_most_once_a_minute

log = structlog.get_logger()

# Slack's own way, and what people make of it.
EVENTS = ("/slack/events", "/slack/events/")


@dataclass(frozen=True)
class Health:
    """Remembered state, never a call to a remote service; `measure` brings the gauges up to date.

    `slack_trouble` answers what makes us useless in Slack, if anything does, and whether Slack is away; `slack` how we
    hear Slack, and whether it lets us.
    """

    store_answers: Callable[[], Awaitable[bool]]
    login_refused: Callable[[], Awaitable[str | None]]
    board_away: Callable[[], Awaitable[bool]]
    slack_trouble: Callable[[], Awaitable[tuple[str | None, bool]]]
    measure: Callable[[], Awaitable[None]]
    slack: Callable[[], tuple[str, bool]]


def build(bolt: App, secret: str, health: Health, metrics_token: str | None, files: ASGIApp | None = None) -> ASGIApp:
    """What the open port answers. Without a `secret` (Socket Mode) there is nothing to post to."""
    signs = Signs(health)
    routes = signs.routes()
    if metrics_token:
        routes.append(Route("/metrics", _with_token(metrics_token, signs.metrics)))
    if files is not None:
        routes.append(Route("/files/{token}", files, methods=["GET"]))
    rest = Starlette(routes=routes)
    return Events(bolt, secret, rest) if secret else rest


def private(health: Health) -> ASGIApp:
    """What a port answers that only this machine can reach."""
    signs = Signs(health)
    return Starlette(routes=[*signs.routes(), Route("/metrics", _from_here(signs.metrics))])


class Events:
    """Slack's route, in front of all others: it is the one that somebody waits for."""

    def __init__(self, bolt: App, secret: str, rest: ASGIApp) -> None:
        self._bolt, self._secret, self._rest = bolt, secret.encode(), rest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope.get("path") not in EVENTS:
            await self._rest(scope, receive, send)
        elif scope["method"] != "POST":
            await Response(status_code=405, headers={"allow": "POST"})(scope, receive, send)
        else:
            await _say(send, *await self._answered(scope, receive))

    async def _answered(self, scope: Scope, receive: Receive) -> tuple[int, bytes, str]:
        """Everything that Slack sends: 413, 401, 400 or what the listeners answer; never 5xx for a bad request."""
        began = time.perf_counter()
        status, body, kind = 200, b"", ""
        try:
            answer = await self._heard(_headers(scope), await _body(receive), Request(scope, receive))
            status, body = answer.status, (answer.body or "").encode()
            kind = answer.headers.get("content-type", ["text/plain"])[0]
        except Refusal as refused:
            if refused.status == 401:
                # A wrong secret is the likeliest mistake of a set-up, and silent in Slack.
                remedy = "check SLACK_SIGNING_SECRET and this machine's clock"
                at_most_once_a_minute("signature_refused", remedy=remedy)
            status = refused.status
        metrics.answered(status, began)
        return status, body, kind

    async def _heard(self, headers: Mapping[str, str], raw: bytes, request: Request) -> BoltResponse:
        """Raises Refusal."""
        verify(raw, headers, self._secret)
        body = parse(raw, headers.get("content-type", ""))
        hung_up.set(request.is_disconnected)
        sent_at.set(int(headers["x-slack-request-timestamp"]))
        return await self._bolt.answer(body)


def _headers(scope: Scope) -> dict[str, str]:
    """Of a name that comes twice the first one counts."""
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in reversed(scope["headers"])}


async def _body(receive: Receive) -> bytes:
    """The raw bytes. Bridge's own server has the limits; whatever else serves this has this one. Raises Refusal."""
    raw, more = b"", True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Refusal(400)
        raw += message.get("body", b"")
        more = message.get("more_body", False)
        if len(raw) > MOST_BYTES:
            raise Refusal(413)
    return raw


async def _say(send: Send, status: int, body: bytes, kind: str) -> None:
    headers = [(b"content-length", b"%d" % len(body))]
    if kind:
        headers.append((b"content-type", (kind if ";" in kind else f"{kind}; charset=utf-8").encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


class Signs:
    """How a process is, and what it counted."""

    def __init__(self, health: Health) -> None:
        self._health = health
        self._looking: asyncio.Task[Response] | None = None

    def routes(self) -> list[BaseRoute]:
        return [Route("/livez", self.livez), Route("/readyz", self.readyz)]

    async def livez(self, _: Request) -> Response:
        return JSONResponse({"ok": True})

    async def readyz(self, _: Request) -> Response:
        """Who asks while somebody else's look is under way hears the same: a crowd costs the store no more than one."""
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look())
        return await asyncio.shield(self._looking)

    async def _look(self) -> Response:
        """503 when nothing can be kept, or the board has rejected the login, or Slack the token.

        Whoever is slow or away is named, and is no reason.
        """
        store = await self._health.store_answers()
        refused = await self._health.login_refused() if store else None
        away = await self._health.board_away() if store else False
        useless, slack_away = await self._health.slack_trouble() if store else (None, False)
        line, hears = self._health.slack()
        ready = store and refused is None and useless is None and hears
        told = {
            "ok": ready,
            "store": "ok" if store else "away",
            "board": ", ".join([*(["login rejected"] if refused else []), *(["away"] if away else [])]) or "ok",
            "slack": ", ".join([line, *([useless] if useless else []), *(["away"] if slack_away else [])]),
        }
        return JSONResponse(told, 200 if ready else 503)

    async def metrics(self, _: Request) -> Response:
        await self._health.measure()
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


Handler = Callable[[Request], Awaitable[Response]]


def _with_token(token: str, told: Handler) -> Handler:
    """Behind a proxy a stranger cannot be told from this machine; a token can."""
    wanted = f"Bearer {token}".encode()

    async def answer(request: Request) -> Response:
        given = request.headers.get("authorization", "").encode()
        return await told(request) if hmac.compare_digest(given, wanted) else Response(status_code=404)

    return answer


def _from_here(told: Handler) -> Handler:
    """A page in a browser on this machine may ask by a name of its own that leads here: it is from outside."""

    async def answer(request: Request) -> Response:
        return await told(request) if _is_loopback(_host(request)) else Response(status_code=404)

    return answer


def _host(request: Request) -> str:
    """The name by which we were asked; empty for what is none."""
    try:
        return urlsplit(f"//{request.headers.get('host', '')}").hostname or ""
    except ValueError:
        return ""


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
