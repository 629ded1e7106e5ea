"""The doctor's look at what keeps the posts: the folder of the embedded store, or the Redis of REDIS_URL."""

import contextlib
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError

from bridge.operator.doctor.finding import Finding
from bridge.outbox import ledger, trial
from bridge.outbox.ledger import Outbox
from bridge.settings.environment import Settings
from bridge.store import choice, trouble
from bridge.store.client import connect
from bridge.store.embedded import StoreUnavailable, embedded, is_locked, of_running, was_kept

OLDEST_REDIS = (6, 2)
OWN = "the embedded store"
OTHERS = "or set BRIDGE_DATA to another folder, or set REDIS_URL"

Config = Mapping[str, Any]


# ── where it is ──────────────────────────────────────────────────────────────


@contextlib.contextmanager
def at_hand(settings: Settings, *, begin: bool) -> Iterator[tuple[str | None, list[Finding]]]:
    """The URL of a Redis to ask (None: there is none), and what there is to say of its place.

    Nothing stays behind in a folder where nothing was kept yet, unless a store is to `begin` there.
    """
    if settings.redis_url:
        yield settings.redis_url, []
        return
    with contextlib.ExitStack() as opened:
        yield _on_disk(settings, begin, opened)


def _on_disk(settings: Settings, begin: bool, opened: contextlib.ExitStack) -> tuple[str | None, list[Finding]]:
    try:
        folder = choice.on_disk(settings.bridge_data.absolute(), lasting=not settings.dyno)
    except StoreUnavailable as error:
        return None, [Finding("Redis", False, error.said, f"set REDIS_URL, for example {error.example}")]
    return _embedded(folder, begin, opened)


def _embedded(folder: Path, begin: bool, opened: contextlib.ExitStack) -> tuple[str | None, list[Finding]]:
    if is_locked(folder):
        url = _soon(folder)
        return url, [_in_use(folder, url)]
    try:
        place = folder if begin or was_kept(folder) else _aside(folder, opened)
        url = opened.enter_context(embedded(place))
    except StoreUnavailable as error:
        return None, [Finding("Store", False, error.said, _instead(folder, f"or set {error.example}"))]
    except OSError as error:
        return None, [Finding("Store", False, f"{folder} cannot be used: {error.strerror}", _instead(folder, OTHERS))]
    new = "" if was_kept(folder) else ", which can be written to" if folder.is_dir() else ", which can be made"
    return url, [Finding("Store", True, f"posts are kept in {folder}{new}; no running bridge uses it now")]


def _instead(folder: Path, others: str) -> str:
    """Where something was kept, another place would leave it behind."""
    mend = "let the user that runs bridge write there"
    return mend if was_kept(folder) else f"{mend}, {others}"


def _aside(folder: Path, opened: contextlib.ExitStack) -> Path:
    """A folder beside what will be there, on the same disk; gone again afterwards."""
    standing = next(each for each in (folder, *folder.parents) if each.exists())
    return Path(opened.enter_context(tempfile.TemporaryDirectory(prefix=".bridge-doctor-", dir=standing)))


def _soon(folder: Path) -> str | None:
    """A bridge that has just begun answers within a second."""
    for _ in range(10):
        if url := of_running(folder):
            return url
        time.sleep(0.1)
    return None


def _in_use(folder: Path, url: str | None) -> Finding:
    if url:
        return Finding("Store", True, f"a running bridge keeps its posts in {folder}; looked at through it")
    said = f"{folder} is locked by a running bridge, whose store does not answer"
    remedy = (
        "bridge starts it again by itself within a minute; if it stays so, make room on the disk, read store.log "
        "there, and see the runbook, The store hangs. Change no setting"
    )
    return Finding("Store", False, said, remedy)


# ── what it promises ─────────────────────────────────────────────────────────


async def examine(settings: Settings, url: str) -> list[Finding]:
    """Whether it keeps a post and wakes a worker, its version, and what it promises."""
    place = OWN if settings.redis_url is None else _place(url)
    async with contextlib.aclosing(connect(url, timeout=3, certificate=settings.certificate)) as redis:
        try:
            await redis.ping()
            info, config = await _info(redis), await _config(redis)
            tried = await _tried(place, ledger.build(settings, redis, redis))
        except (RedisError, OSError) as error:
            return [_trouble(place, error)]
    version = _version(place, info)
    found = [tried or version if version.holds else version, persistence(config, info), eviction(config, info)]
    return [*found, *_room(settings, config, info)]


def _place(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme == "unix":
        return unquote(parts.path) or "a socket without a path"
    return f"{parts.hostname or 'localhost'}:{parts.port or 6379}"


def _trouble(place: str, error: Exception) -> Finding:
    found = trouble.of(error)
    return Finding("Redis", False, found.sentence(place), found.remedy)


async def _tried(place: str, outbox: Outbox) -> Finding | None:
    """What keeps it from keeping a post: to a PING it may answer all the same. Raises RedisError when it is away."""
    try:
        await trial.keeps_and_wakes(outbox)
    except RedisError as error:
        if not trouble.is_answer(error):
            raise
        return _trouble(place, error)
    return None


async def _info(redis: Redis) -> Config:
    try:
        return dict(await redis.info())
    except ResponseError:
        return {}


async def _config(redis: Redis) -> Config:
    """Hosts often forbid this; then INFO has to do. Before 7.0 it takes one name at a time."""
    found: dict[str, Any] = {}
    with contextlib.suppress(ResponseError):
        for name in ("appendonly", "appendfsync", "save", "maxmemory-policy", "maxclients"):
            found |= {str(key): value for key, value in (await redis.config_get(name)).items()}
    return found


def _room(settings: Settings, config: Config, info: Config) -> list[Finding]:
    """A hint where web and worker, and the next of either while a release replaces one, find too few connections."""
    most, each = int(info.get("maxclients") or config.get("maxclients") or 0), settings.redis_connections
    if settings.redis_url is None or not most or most >= 3 * each:
        return []
    said = f"it takes {most} connections from everybody together; each process of bridge opens up to {each}"
    return [Finding("Connections", None, said, f"set REDIS_CONNECTIONS={max(2, most // 4)}, or choose a larger plan")]


def _version(place: str, info: Config) -> Finding:
    version = str(info.get("redis_version") or "of an unknown version")
    numbers = tuple(int(each) for each in version.split(".")[:2] if each.isdigit())
    if numbers and numbers < OLDEST_REDIS:
        return Finding("Redis", False, f"{version} at {place} is too old", "run 6.2 or newer")
    return Finding("Redis", True, f"{place} answers ({version})" if place == OWN else f"{version} answers at {place}")


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
        remedy = "set maxmemory-policy noeviction in redis.conf, or in the dashboard of its host"
        return Finding(check, False, f"{policy}: kept posts may vanish when memory is short", remedy)
    return Finding(check, True, "noeviction: nothing is thrown away to make room")
