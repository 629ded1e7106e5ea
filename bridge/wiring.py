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
from slack_bolt.async_app import AsyncApp

from bridge.delivery.attempt import Delivery, Policy
from bridge.delivery.board_health import BoardWatch
from bridge.desk import listeners
from bridge.desk.installation import Installation
from bridge.desk.keeping import Desk
from bridge.files.carrying import Carrying
from bridge.files.download import SlackFiles
from bridge.files.queue import FileBox
from bridge.files.serving import Files
from bridge.form.lookups import Furnishing
from bridge.form.prefill import Prefilling
from bridge.form.private_sources import Leaving
from bridge.form.redraw import Drawing
from bridge.form.signed_metadata import Seal
from bridge.form.sources import Sources
from bridge.form.stash import Originals
from bridge.language import sentences
from bridge.members import places
from bridge.members.cache import Cache
from bridge.members.people import People, Rules, SlackSide
from bridge.nexudus.client import Nexudus
from bridge.nexudus.pace import Pace
from bridge.nexudus.tokens import Tokens
from bridge.outbox.census import measure
from bridge.outbox.ledger import Outbox
from bridge.post import attachment
from bridge.post.draft import Limits
from bridge.settings.environment import Settings
from bridge.settings.network import http_client
from bridge.slack.http import Health
from bridge.slack.socketmode import SocketMode
from bridge.slack.webapi import CallFailed, WebApi
from bridge.store import other_accounts
from bridge.store.client import connect, connect_blocking
from bridge.telling.notify import Telling

log = structlog.get_logger()


@dataclass(frozen=True)
class Bridge:
    """The parts that the processes run."""

    settings: Settings
    redis: Redis
    outbox: Outbox
    installation: Installation
    tokens: Tokens
    people: People
    board: Nexudus
    watch: BoardWatch
    desk: Desk
    delivery: Delivery
    carrying: Carrying
    bolt: AsyncApp
    socket: SocketMode | None

    def health(self) -> Health:
        return Health(
            self.store_answers, self.login_refused, self.board_away, self.measure,
            lambda: self.socket.state if self.socket else "http",
        )  # fmt: skip

    async def store_answers(self) -> bool:
        """Whether it takes what is to be kept: with full memory it still answers."""
        try:
            # Refused like any write, and one a minute at most, however often somebody asks.
            await self.redis.set(self.outbox.key("writable"), 1, ex=60, nx=True)
            return True
        except (RedisError, OSError):
            return False

    async def login_refused(self) -> str | None:
        with contextlib.suppress(RedisError):
            return await self.tokens.refused() or await self.watch.login_refused()
        return None

    async def board_away(self) -> bool:
        with contextlib.suppress(RedisError):
            return await self.watch.is_away()
        return False

    async def measure(self) -> None:
        with contextlib.suppress(RedisError):
            await measure(self.outbox)

    async def greet_slack(self) -> None:
        """auth.test once, ahead of the first request; Slack being away is no reason not to start."""
        for wait in (1, 5, 30, 60, 300):
            try:
                team, _ = await self.desk.api.home()
                log.info("slack_ready", team=team)
                return
            except CallFailed as failed:
                log.warning("slack_not_ready", error=failed.error)
                await asyncio.sleep(wait)

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

    async def watch_board(self) -> None:
        """Asks the board at the start and while there is trouble, so that /readyz need not wait for a post."""
        await self.watch.keep(self.board.businesses, self.login_refused)


@contextlib.asynccontextmanager
async def build(settings: Settings, redis_url: str) -> AsyncIterator[Bridge]:
    """Every part, connected, for as long as the block runs."""
    hush()
    redis, blocking = connect(redis_url), connect_blocking(redis_url, block=1.0)
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
    api = WebApi(settings.slack_bot_token.get_secret_value(), settings.slack_api_url, session, http)
    outbox = Outbox(
        redis,
        blocking,
        settings.prefix,
        lease=settings.lease,
        keep=settings.keep_days * 86400,
        per_hour=settings.posts_per_person_per_hour,
    )
    installation = Installation(outbox, settings.slack_bot_token.get_secret_value())
    tokens, board = _board(settings, redis, http)
    cache = Cache(redis, settings.prefix)
    people = People(board, SlackSide(api.user, api.channel, api.home), cache, _rules(settings))
    whereabouts = places.Places(people, board, cache, _place_rules(settings))
    sources = Sources(
        api, Originals(redis, settings.prefix), people, _limits(settings), _file_rules(settings),
        settings.thread_replies_max,
    )  # fmt: skip
    seal = Seal.of(settings.slack_bot_token.get_secret_value())
    leaving = Leaving(people, settings.private_sources)
    prefilling = Prefilling(sources, people, leaving)
    furnishing = Furnishing(outbox, whereabouts, sources, Drawing(api, outbox, sources, seal), leaving)
    locale = people.locale if sentences.are_translated() else _english
    desk = Desk(api, outbox, installation, whereabouts, prefilling, furnishing, locale)
    policy = Policy(
        patience=settings.patience,
        timeout=settings.nexudus_timeout,
        search_lag=settings.nexudus_search_lag,
        quiet=settings.still_trying_after,
        longest_wait=settings.longest_wait,
        thread_url=settings.nexudus_thread_url,
    )
    telling = Telling(api, outbox, locale)
    watch = BoardWatch(redis, settings.prefix, settings.longest_wait)
    delivery = Delivery(outbox, board, whereabouts, telling, policy, watch)
    files = Files(
        redis,
        settings.prefix,
        settings.public_url or "",
        SlackFiles(api, files_http, sources.file_rules),
        settings.file_ttl,
    )
    carrying = Carrying(FileBox(outbox), board, files, telling, policy)
    bolt, token = listeners.build(desk, settings.slack_command), settings.slack_app_token
    socket = SocketMode(bolt, api.client, token.get_secret_value()) if token else None
    return Bridge(
        settings, redis, outbox, installation, tokens, people, board, watch, desk, delivery, carrying, bolt, socket
    )  # fmt: skip


async def _english(_: str) -> str:
    """As long as there is no other language, an acknowledgement does not ask Redis for one."""
    return ""


def _board(settings: Settings, redis: Redis, http: httpx.AsyncClient) -> tuple[Tokens, Nexudus]:
    tokens = Tokens(
        http,
        settings.nexudus_url,
        settings.nexudus_username,
        settings.nexudus_password.get_secret_value(),
        redis,
        settings.prefix,
        settings.nexudus_client_id,
        settings.nexudus_timeout,
    )
    pace = Pace(
        redis,
        settings.prefix,
        settings.nexudus_writes_per_minute,
        settings.nexudus_writes_per_day,
        settings.nexudus_call_interval_ms / 1000,
    )
    return tokens, Nexudus(http, settings.nexudus_url, tokens, pace, settings.nexudus_timeout)


def _rules(settings: Settings) -> Rules:
    return Rules(settings.identity_ttl, settings.slack_guests, settings.nexudus_url)


def _place_rules(settings: Settings) -> places.Rules:
    return places.Rules(
        settings.groups_ttl, settings.nexudus_business_id, settings.may_choose_instant, settings.subject_max
    )


def _file_rules(settings: Settings) -> attachment.Rules:
    on = settings.public_url is not None
    return attachment.Rules(on, frozenset(settings.file_types.split(",")), settings.file_bytes_max)


def _limits(settings: Settings) -> Limits:
    return Limits(settings.subject_max, settings.message_max, settings.tags_max)


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
