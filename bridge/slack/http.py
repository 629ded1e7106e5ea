"""The web process's face: routes, the body cap, the signature on the raw bytes, health and metrics.

Everything is verified before anything is parsed, because Bolt parses first, loses a command that
holds the letters "payload", and answers unsigned junk with 500.
"""

import asyncio
import hmac
import ipaddress
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import structlog
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from slack_bolt.async_app import AsyncApp, AsyncBoltRequest
from slack_bolt.response import BoltResponse
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from bridge import metrics
from bridge.slack.intake import Refusal, hung_up, parse, sent_at
from bridge.slack.signature import verify
from bridge.slack.warnings import at_most_once_a_minute

log = structlog.get_logger()

MOST_BYTES = 1024 * 1024
# Bytes of all the bodies that are being read, and seconds for one: nobody has proven yet that they are Slack's, and
# Slack would not wait for longer. https://docs.slack.dev/interactivity/handling-user-interaction
MOST_HELD, READING = 64 * MOST_BYTES, 3.0
# Nearly everything of Slack's is smaller, and must not be refused because strangers send much.
SMALL = 64 * 1024


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


# What proxies add; no scraper on this machine sends any of it.
_PROXIES = ("x-forwarded-", "forwarded", "x-real-ip", "via", "cf-", "x-request-start")


def build(
    bolt: AsyncApp | None, secret: str, health: Health, metrics_token: str | None, files: ASGIApp | None = None
) -> Starlette:
    """The ASGI app. Without `bolt` (a worker's own port) or a `secret` (Socket Mode) there is nothing to post to."""
    front = Front(bolt, secret, health, metrics_token)
    # Slack's first: they are tried in order, and it is the one that somebody waits for.
    routes = [Route("/slack/events", front.events, methods=["POST"])] if bolt is not None and secret else []
    routes += [Route("/livez", front.livez), Route("/readyz", front.readyz), Route("/metrics", front.metrics)]
    if files is not None:
        routes.append(Route("/files/{token}", files, methods=["GET"]))
    return Starlette(routes=routes)


class Front:
    def __init__(self, bolt: AsyncApp | None, secret: str, health: Health, metrics_token: str | None) -> None:
        self._bolt, self._health, self._metrics_token = bolt, health, metrics_token
        self._secret = secret.encode()
        self._held = 0

    async def events(self, request: Request) -> Response:
        """Everything that Slack sends: 413, 401, 400 or what Bolt's listeners answer; never 5xx for a bad request."""
        began = time.perf_counter()
        try:
            raw = await self._body(request)
            verify(raw, request.headers, self._secret)
            body = parse(raw, request.headers.get("content-type", ""))
            assert self._bolt is not None
            hung_up.set(request.is_disconnected)
            sent_at.set(int(request.headers["x-slack-request-timestamp"]))
            answer = await dispatch(self._bolt, body)
            kind = answer.headers.get("content-type", ["text/plain"])[0]
            response = Response(answer.body, answer.status, media_type=kind)
        except Refusal as refused:
            if refused.status == 401:
                # A wrong secret is the likeliest mistake of a set-up, and silent in Slack.
                remedy = "check SLACK_SIGNING_SECRET and this machine's clock"
                at_most_once_a_minute("signature_refused", remedy=remedy)
            response = Response(status_code=refused.status)
        except (ClientDisconnect, TimeoutError):
            response = Response(status_code=400)
        metrics.answered(response.status_code, began)
        return response

    async def _body(self, request: Request) -> bytes:
        """The raw bytes, never more than the cap in memory. Raises TimeoutError."""
        length = request.headers.get("content-length", "0")
        if length.isdigit() and int(length[:12]) > MOST_BYTES:
            raise Refusal(413)
        raw = bytearray()
        try:
            async with asyncio.timeout(READING):
                async for chunk in request.stream():
                    before = max(0, len(raw) - SMALL)
                    raw += chunk
                    self._held += max(0, len(raw) - SMALL) - before
                    if len(raw) > MOST_BYTES or (len(raw) > SMALL and self._held > MOST_HELD):
                        raise Refusal(413)
        finally:
            self._held -= max(0, len(raw) - SMALL)
        return bytes(raw)

    async def livez(self, _: Request) -> Response:
        return JSONResponse({"ok": True})

    async def readyz(self, _: Request) -> Response:
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

    async def metrics(self, request: Request) -> Response:
        if not self._may_measure(request):
            return Response(status_code=404)
        await self._health.measure()
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    def _may_measure(self, request: Request) -> bool:
        if self._metrics_token:
            given = request.headers.get("authorization", "").encode()
            return hmac.compare_digest(given, f"Bearer {self._metrics_token}".encode())
        # Behind a proxy everybody comes from loopback; a forwarded request is from outside. So is what a page asks for
        # in a browser on this machine, by a name of its own that leads here.
        forwarded = any(name.startswith(_PROXIES) for name in request.headers)
        here = request.client is not None and _is_loopback(request.client.host)
        return here and not forwarded and _is_loopback(_host(request))


async def dispatch(bolt: AsyncApp, body: dict[str, Any]) -> BoltResponse:
    """What Bolt's listeners answer. Raises Refusal(400) for what Slack does not send.

    As Socket Mode: a parsed body and no second verification. No header reaches Bolt, which would
    take orders from some of them.
    """
    try:
        request = AsyncBoltRequest(body=body, mode="socket_mode")
    except (TypeError, AttributeError, KeyError, IndexError, ValueError):
        raise Refusal(400) from None  # Bolt looks for ids in places that Slack never leaves empty
    return await bolt.async_dispatch(request)


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
