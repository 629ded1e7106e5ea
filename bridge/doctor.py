"""What holds, what does not, and what to do about it: asked anew each time, and nothing is changed by it."""

import asyncio
import contextlib
import json
import logging
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from redis.asyncio import Redis
from redis.exceptions import AuthenticationError, RedisError, ResponseError
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

from bridge import doctor_board, ledger, manifest, store
from bridge.doctor_board import Finding
from bridge.settings import Settings
from bridge.wire import server_offset

OLDEST_REDIS = (6, 2)
# Signed requests are believed for five minutes; the last use of a response_url leaves one.
MOST_SKEW = 60

Config = Mapping[str, Any]


def examine(settings: Settings) -> list[Finding]:
    """Every check; what rests on something that does not hold is left out."""
    first = Finding("Settings", True, "all there and well formed")
    try:
        with _store(settings) as url:
            return [first, *asyncio.run(_examine(settings, url))]
    except store.StoreUnavailable as error:
        remedy = "set REDIS_URL, for example REDIS_URL=redis://localhost:6379/0"
        return [first, Finding("Redis", False, str(error), remedy), *asyncio.run(_examine(settings, None))]


def report(findings: Sequence[Finding], *, as_json: bool) -> str:
    """One line each, or a list for machines."""
    if as_json:
        return json.dumps([asdict(each) for each in findings], indent=2)
    return "\n".join(each.line() for each in findings)


@contextlib.contextmanager
def _store(settings: Settings) -> Iterator[str]:
    if settings.redis_url or settings.dyno or ledger.was_kept(settings):
        with ledger.store_at_hand(settings) as url:
            yield url
        return
    # Nothing was ever kept here, and the doctor does not begin: it only looks whether a store would start.
    with tempfile.TemporaryDirectory(prefix="bridge-") as folder, store.embedded(Path(folder)) as url:
        yield url


async def _examine(settings: Settings, url: str | None) -> list[Finding]:
    checks = [*([_redis(url)] if url else []), _slack(settings), doctor_board.examine(settings)]
    return [each for findings in await asyncio.gather(*checks) for each in findings]


# ── Redis ────────────────────────────────────────────────────────────────────


async def _redis(url: str) -> list[Finding]:
    parts = urlsplit(url)
    place = parts.path if parts.scheme == "unix" else f"{parts.hostname}:{parts.port or 6379}"
    async with contextlib.aclosing(store.connect(url, timeout=3)) as redis:
        try:
            await redis.ping()
            info, config = await _info(redis), await _config(redis)
        except (RedisError, OSError) as error:
            return [_no_redis(place, error)]
    return [_version(place, info), persistence(config, info), eviction(config, info)]


def _no_redis(place: str, error: Exception) -> Finding:
    # redis-py wraps a refused login into a ConnectionError.
    if isinstance(error, AuthenticationError) or isinstance(error.__cause__, AuthenticationError):
        return Finding("Redis", False, f"{place} refuses the login", "correct user and password in REDIS_URL")
    said = f"does not answer at {place} ({type(error).__name__})"
    return Finding("Redis", False, said, "start it, or correct REDIS_URL")


async def _info(redis: Redis) -> Config:
    try:
        return dict(await redis.info())
    except ResponseError:
        return {}


async def _config(redis: Redis) -> Config:
    """Hosts often forbid this; then INFO has to do."""
    try:
        found = await redis.config_get("appendonly", "appendfsync", "save", "maxmemory-policy")
    except ResponseError:
        return {}
    return {str(name): value for name, value in found.items()}


def _version(place: str, info: Config) -> Finding:
    version = str(info.get("redis_version") or "of an unknown version")
    numbers = tuple(int(each) for each in version.split(".")[:2] if each.isdigit())
    if numbers and numbers < OLDEST_REDIS:
        return Finding("Redis", False, f"{version} at {place} is too old", "run 6.2 or newer")
    return Finding("Redis", True, f"{version} answers at {place}")


def persistence(config: Config, info: Config) -> Finding:
    """Which promise of the contract this Redis supports: a restart, and power loss."""
    check, aof = "Persistence", config.get("appendonly") or {0: "no", 1: "yes"}.get(info.get("aof_enabled", -1))
    if aof == "yes":
        return Finding(check, True, f"kept posts survive a restart of Redis; {_power_loss(config.get('appendfsync'))}")
    if aof is None or not config:
        return Finding(check, None, "unknown; this Redis does not tell", "ask its host whether data survive a restart")
    remedy = "set appendonly yes in redis.conf, or choose a plan whose data are kept on disk"
    if config.get("save"):
        return Finding(check, False, "snapshots only: if Redis dies, the posts since the last one are lost", remedy)
    return Finding(check, False, "none: every kept post is lost when Redis restarts", remedy)


def _power_loss(fsync: str | None) -> str:
    if fsync == "always":
        return "power loss too (appendfsync always)"
    cost = {"everysec": "may cost the last second", "no": "may cost the last half minute"}.get(fsync or "")
    return f"power loss {cost} (appendfsync {fsync})" if cost else "whether power loss too, it does not tell"


def eviction(config: Config, info: Config) -> Finding:
    """A Redis that makes room by itself would throw away kept posts."""
    check, policy = "Eviction", config.get("maxmemory-policy") or info.get("maxmemory_policy")
    if policy is None:
        return Finding(check, None, "unknown; this Redis does not tell", "ask its host for maxmemory-policy noeviction")
    if policy != "noeviction":
        return Finding(
            check, False, f"{policy}: kept posts may vanish when memory is short", "set maxmemory-policy noeviction"
        )
    return Finding(check, True, "noeviction: nothing is thrown away to make room")


# ── Slack ────────────────────────────────────────────────────────────────────


async def _slack(settings: Settings) -> list[Finding]:
    quiet = logging.getLogger("bridge.doctor")
    quiet.setLevel(logging.CRITICAL)
    token = settings.slack_bot_token.get_secret_value()
    client = AsyncWebClient(token, settings.slack_api_url, timeout=10, logger=quiet, retry_handlers=[])
    try:
        answer = await client.auth_test()
    except SlackApiError as error:
        data: object = getattr(error.response, "data", error.response)
        name = data.get("error") if isinstance(data, dict) else None
        return [_refused(str(name or getattr(error.response, "status_code", "no answer of Slack's")))]
    except (SlackClientError, aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
        said = f"could not be asked at {urlsplit(settings.slack_api_url).hostname} ({type(error).__name__})"
        return [Finding("Slack", False, said, "look at this computer's way to the internet, and at SLACK_API_URL")]
    headers = {str(name).lower(): str(value) for name, value in answer.headers.items()}
    return [_bot(answer), _scopes(headers.get("x-oauth-scopes")), *_clock(headers)]


def _refused(error: str) -> Finding:
    said = f"the bot token is not accepted ({error})"
    if error in ("account_inactive", "token_revoked", "token_expired"):
        remedy = "install the app again (api.slack.com/apps, Install App) and put the new token into SLACK_BOT_TOKEN"
        return Finding("Slack", False, said, remedy)
    if error in ("invalid_auth", "not_authed", "not_allowed_token_type"):
        remedy = "copy the Bot User OAuth Token (api.slack.com/apps, OAuth & Permissions) into SLACK_BOT_TOKEN"
        return Finding("Slack", False, said, remedy)
    return Finding("Slack", False, f"answered {error}", "try again in a minute; status.slack.com tells about outages")


def _bot(answer: Any) -> Finding:
    if not answer.get("bot_id"):
        remedy = "copy the Bot User OAuth Token, which begins with xoxb-, into SLACK_BOT_TOKEN"
        return Finding("Slack", False, "SLACK_BOT_TOKEN is a person's token", remedy)
    said = f"the token is that of {answer.get('user')} in {answer.get('team')} ({answer.get('team_id')})"
    return Finding("Slack", True, said)


def _scopes(held: str | None) -> Finding:
    if held is None:
        return Finding("Slack scopes", None, "unknown; Slack did not tell", "compare the app with `bridge manifest`")
    missing = [scope for scope in manifest.SCOPES if scope not in {each.strip() for each in held.split(",")}]
    if missing:
        remedy = "add to the app what `bridge manifest` shows (OAuth & Permissions), then install it again"
        return Finding("Slack scopes", False, f"missing: {', '.join(missing)}", remedy)
    return Finding("Slack scopes", True, "every one that is needed")


def _clock(headers: Mapping[str, str]) -> list[Finding]:
    offset = server_offset(headers, datetime.now(UTC))
    if offset is None:
        return []
    where = f"{abs(offset):.0f} s {'behind' if offset > 0 else 'ahead of'} Slack's"
    if abs(offset) > MOST_SKEW:
        remedy = "set this computer's clock by the network (NTP)"
        return [Finding("Clock", False, f"ours is {where}, so Slack's requests look forged", remedy)]
    return [Finding("Clock", True, f"ours is {where}" if abs(offset) > 2 else "ours agrees with Slack's")]
