"""Builds everything once from the settings, and hands it in."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass

import aiohttp
import httpx
import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from bridge.delivery import attempt
from bridge.delivery.attempt import Delivery
from bridge.desk import app, keeping
from bridge.desk.keeping import Desk
from bridge.files import carrying
from bridge.files.carrying import Carrying
from bridge.form import lookups
from bridge.language import sentences
from bridge.members import places
from bridge.members.people import SlackSide
from bridge.nexudus import client
from bridge.nexudus.client import Nexudus
from bridge.outbox import ledger, trial
from bridge.outbox.census import measure
from bridge.outbox.ledger import Outbox
from bridge.outbox.worker import LOOK
from bridge.settings.environment import Settings
from bridge.settings.network import http_client
from bridge.slack.dispatch import App
from bridge.slack.http import Health
from bridge.slack.slack_health import SlackHealth
from bridge.slack.socketmode import SocketMode
from bridge.slack.webapi import WebApi
from bridge.store import other_accounts
from bridge.store.client import connect, to_the_log, waiting
from bridge.telling.notify import Telling

log = structlog.get_logger()


@dataclass(frozen=True)
class Bridge:
    """The parts that the processes run."""

    settings: Settings
    redis: Redis
    outbox: Outbox
    board: Nexudus
    delivery: Delivery
    carrying: Carrying
    slack_health: SlackHealth
    desk: Desk
    bolt: App
    socket: SocketMode | None

    def health(self) -> Health:
        return Health(
            self.store_answers, self.login_refused, self.board_away, self.slack_trouble, self.measure,
            lambda: (self.socket.state, not self.socket.is_refused) if self.socket else ("http", True),
        )  # fmt: skip

    async def store_answers(self) -> bool:
        """Whether it takes what is to be kept: without scripts, as a replica or with full memory it still answers."""
        try:
            await trial.keeps(self.outbox)
            return True
        except (RedisError, OSError):
            return False

    async def login_refused(self) -> str | None:
        with contextlib.suppress(RedisError):
            return await self.board.tokens.refused() or await self.delivery.board_health.login_refused()
        return None

    async def board_away(self) -> bool:
        with contextlib.suppress(RedisError):
            return await self.delivery.board_health.is_away()
        return False

    async def measure(self) -> None:
        with contextlib.suppress(RedisError):
            await measure(self.outbox)

    async def slack_trouble(self) -> tuple[str | None, bool]:
        """What keeps us from working in Slack, if anything does; and whether Slack is away."""
        with contextlib.suppress(RedisError):
            refused, away = await self.slack_health.last()
            if await self.desk.installation.is_closed():
                return "app removed", away
            return f"token refused: {refused}" if refused else None, away
        return None, False

    async def greet_slack(self) -> None:
        """Ahead of the first request; Slack being away is no reason not to start."""
        await self.desk.installation.greet()

    async def watch_slack(self) -> None:
        """Greets Slack, then asks it while there is trouble, so that what was mended is known at once."""
        await self.greet_slack()
        await self.desk.installation.watch(self.slack_health.has_trouble)

    @property
    def is_alone(self) -> bool:
        """Whether no other bridge can be at work on this store: the embedded one has one process."""
        return self.settings.redis_url is None

    async def look_beside(self) -> None:
        """Says in the log, once, that posts wait under another account and nobody takes them."""
        while True:
            try:
                return await other_accounts.warn(self.redis, self.settings.prefix, alone=self.is_alone)
            except (RedisError, OSError):
                await asyncio.sleep(5)


@contextlib.asynccontextmanager
async def build(settings: Settings, redis_url: str, *, serving: bool = True) -> AsyncIterator[Bridge]:
    """Every part, connected, for as long as the block runs. A command, which is not `serving`, tells trouble itself."""
    hush()
    redis = connect(
        redis_url,
        connections=settings.redis_connections,
        certificate=settings.certificate,
        tell=to_the_log() if serving else None,
    )
    blocking = waiting(redis, block=LOOK)
    # Slack's own default of five minutes would outlive every promise; single calls set their own limits.
    timeout = aiohttp.ClientTimeout(total=15, connect=5)
    async with (
        contextlib.aclosing(redis),
        contextlib.aclosing(blocking),
        aiohttp.ClientSession(timeout=timeout) as session,
        http_client() as http,
        # Readers of files keep their connections for as long as they like to read; the board's must not be among them.
        http_client() as files_http,
    ):
        yield _assemble(settings, redis, blocking, session, http, files_http)


def _assemble(
    settings: Settings,
    redis: Redis,
    blocking: Redis,
    session: aiohttp.ClientSession,
    http: httpx.AsyncClient,
    files_http: httpx.AsyncClient,
) -> Bridge:
    """Wing by wing, from below."""
    outbox = ledger.build(settings, redis, blocking)
    board = client.build(settings, redis, http)
    token = settings.slack_bot_token.get_secret_value()
    slack_health = SlackHealth(redis, settings.prefix, token)
    api = WebApi(token, settings.slack_api_url, session, http, slack_health.note)
    whereabouts = places.build(settings, redis, board, SlackSide(api.user, api.channel, api.home))
    # Without another language an acknowledgement does not ask Redis for one.
    locale = whereabouts.people.locale if sentences.are_translated() else None
    forms = lookups.build(settings, redis, api, outbox, whereabouts)
    delivery = attempt.build(settings, outbox, board, whereabouts, Telling(api, outbox, locale))
    files = carrying.build(settings, files_http, api, forms.sources.file_rules, delivery)
    desk = keeping.build(settings, api, outbox, forms, locale)
    bolt, line = app.build(desk, settings.slack_command), settings.slack_app_token
    socket = SocketMode(bolt, api.client, line.get_secret_value()) if line else None
    return Bridge(settings, redis, outbox, board, delivery, files, slack_health, desk, bolt, socket)


def hush() -> None:
    """Silences whoever writes whole bodies, views, addresses and response_urls: they say errors only."""
    for chatty in ("slack_bolt", "slack_sdk", "httpx", "httpcore", "aiohttp"):
        logging.getLogger(chatty).setLevel(logging.ERROR)


def set_up_logs(level: str) -> None:
    """Events with keys as JSON lines; never a body, a token or an address."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level.upper())),
        logger_factory=structlog.PrintLoggerFactory(),
    )
