"""The same listeners over Slack's socket, for a computer without a public address.

slack_sdk's client keeps the connection. What it does not do is done here: an address that led nowhere
is not tried for ever, a token that Slack turns down is said in one line instead of a traceback every
few seconds, whether the socket stands is known to /readyz, and what is being answered is answered
before the socket is closed.

https://docs.slack.dev/apis/events-api/using-socket-mode
"""

import asyncio
import contextlib
import json
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import structlog
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.async_client import AsyncBaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse
from slack_sdk.web.async_client import AsyncWebClient

from bridge import metrics
from bridge.settings.network import proxy_for
from bridge.slack.dispatch import App
from bridge.slack.intake import Refusal, admit, sent_at
from bridge.slack.warnings import at_most_once_a_minute
from bridge.slack.webapi import CallFailed, calling

log = structlog.get_logger()

# Seconds: how long an answer that is under way holds the socket open at the end.
GRACE = 3.0
# How long nothing is asked for after Slack gave no address, and how long one may lead nowhere before the next is asked
# for: each opens one socket, within moments. Tier 1: https://docs.slack.dev/apis/web-api/rate-limits
RETRY = 10.0


class _Client(SocketModeClient):
    """slack_sdk's, which asks `address` for a new address."""

    address: Callable[[], Awaitable[str]]

    async def issue_new_wss_url(self) -> str:
        address = await self.address()
        self.proxy = proxy_for(address)  # it stands at another host than the Web API
        return address


class SocketMode:
    """`token` is the app-level one (xapp-…); `ping` is the seconds between two signs of life."""

    def __init__(self, bolt: App, web: AsyncWebClient, token: str, *, ping: float = 5, retry: float = RETRY) -> None:
        self._bolt, self._web, self._token = bolt, web, token
        self._ping, self._retry = ping, retry
        self._answering: set[asyncio.Task[Any]] = set()
        self._connected, self._refused, self._given = False, "", 0.0

    @property
    def state(self) -> str:
        """What /readyz says of it."""
        if self._connected:
            return "socket mode"
        return f"socket mode, refused: {self._refused}" if self._refused else "socket mode, not connected"

    @property
    def is_refused(self) -> bool:
        """Whether Slack's last word on the app-level token was no."""
        return bool(self._refused) and not self._connected

    async def run(self, stopping: asyncio.Event) -> None:
        """Connect, and stay connected until `stopping`. Slack being away, or saying no, is waited for."""
        client = _Client(self._token, logger=_silent(), web_client=self._web, ping_interval=self._ping)
        client.address = lambda: self._address(stopping)
        client.socket_mode_request_listeners.append(self._heard)
        connecting = asyncio.create_task(client.connect())  # type: ignore[no-untyped-call] # slack_sdk leaves it so
        try:
            while not await _within(stopping, self._ping / 5):
                self._note(connected=await client.is_connected())
                if not self._connected and time.monotonic() - self._given > self._retry:
                    # slack_sdk would try it again for ever.
                    client.wss_uri = None
            if self._answering:
                await asyncio.wait(self._answering, timeout=GRACE)
        finally:
            connecting.cancel()
            await client.close()  # type: ignore[no-untyped-call] # likewise

    async def _address(self, stopping: asyncio.Event) -> str:
        """A socket's address, as soon as Slack gives one out. Raises ConnectionError when it is time to stop.

        https://docs.slack.dev/reference/methods/apps.connections.open
        """
        wait = 0.0
        while not await _within(stopping, wait):
            try:
                address = await self._open()
            except CallFailed as failed:
                self._tell(failed)
                wait = max(self._retry, failed.wait or 0)
            else:
                self._refused, self._given = "", time.monotonic()
                return address
        raise ConnectionError("stopping")

    async def _open(self) -> str:
        with calling():
            address = (await self._web.apps_connections_open(app_token=self._token)).get("url")
            if not str(address).startswith(("wss://", "ws://")):
                raise ValueError("no address")
            return str(address)

    def _tell(self, failed: CallFailed) -> None:
        self._refused = failed.error if failed.refused else ""
        about = ("apps.connections.open", failed.error)
        if failed.refused:
            remedy = "check SLACK_APP_TOKEN and its connections:write"
            at_most_once_a_minute("socket_mode_refused", *about, method=about[0], error=about[1], remedy=remedy)
        else:
            at_most_once_a_minute("socket_mode_away", *about, method=about[0], error=about[1])

    def _note(self, *, connected: bool) -> None:
        if connected != self._connected:
            log.info("socket_mode", connected=connected)
        self._connected = connected

    async def _heard(self, client: AsyncBaseSocketModeClient, request: SocketModeRequest) -> None:
        answering = asyncio.current_task()
        assert answering is not None
        self._answering.add(answering)
        try:
            await self._answer(client, request)
        except (ConnectionError, aiohttp.ClientError):
            # Slack asks the person to try again; what was kept is known by Slack's own id, and kept once.
            log.warning("acknowledgement_lost", kind=request.type)
        finally:
            self._answering.discard(answering)

    async def _answer(self, client: AsyncBaseSocketModeClient, request: SocketModeRequest) -> None:
        began = time.perf_counter()
        sent_at.set(time.time())
        status, payload = await self._dispatched(request)
        metrics.answered(status, began)
        if status != 200:
            log.info("envelope_refused", kind=request.type, status=status)
        # Slack repeats an event that nobody acknowledges, and shows a person an error of its own: the first is
        # noise, the second is right.
        if status == 200 or request.type == "events_api":
            await client.send_socket_mode_response(SocketModeResponse(request.envelope_id, payload))

    async def _dispatched(self, request: SocketModeRequest) -> tuple[int, dict[str, Any] | None]:
        try:
            answer = await self._bolt.answer(admit(request.payload))
        except Refusal as refused:
            return refused.status, None
        return answer.status, _payload(answer.body) if answer.status == 200 else None


def _payload(body: str | None) -> dict[str, Any] | None:
    with contextlib.suppress(ValueError):
        found = json.loads(body or "null")
        return found if isinstance(found, dict) else None
    return {"text": body}


async def _within(stopping: asyncio.Event, seconds: float) -> bool:
    """Whether it is time to stop, after so many seconds at the latest."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stopping.wait(), seconds)
    return stopping.is_set()


def _silent() -> logging.Logger:
    """slack_sdk's client writes whole messages into its tracebacks."""
    quiet = logging.getLogger("bridge.socket")
    quiet.setLevel(logging.CRITICAL + 1)
    return quiet
