"""The queue of posts whose files are on their way: a lease on each, like the outbox's, and the same records.

A post is in it from the moment when its thread is noted. It leaves when every file has ended and the person knows.
"""

import asyncio
import json
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import structlog
from redis.exceptions import TimeoutError as RedisTimeout

from bridge.attachment import ENDED, File
from bridge.entry import Entry, read_entry
from bridge.outbox import Lost, Outbox

log = structlog.get_logger()

_HEAD = """
local prefix, queue = ARGV[1], KEYS[1]
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local function record(id) return prefix .. 'draft:' .. id end
local function ours(id, token) return redis.call('HGET', record(id), 'attach_claim') == token end
"""

# Lease the post that has been due longest. Answers its record, or the milliseconds until one is due.
_CLAIM = (
    _HEAD
    + """
while true do
  local first = redis.call('ZRANGE', queue, 0, 0, 'WITHSCORES')
  if not first[1] then return -1 end
  local id, at = first[1], tonumber(first[2])
  if at > now then return at - now end
  if redis.call('EXISTS', record(id)) == 1 then
    redis.call('ZADD', queue, now + tonumber(ARGV[3]), id)
    redis.call('HSET', record(id), 'attach_claim', ARGV[2], 'attach_claimed', now)
    redis.call('HINCRBY', record(id), 'attach_stuck', 1)
    return redis.call('HGETALL', record(id))
  end
  redis.call('ZREM', queue, id)
end
"""
)

_RENEW = (
    _HEAD
    + """
if not ours(ARGV[2], ARGV[3]) then return 0 end
redis.call('ZADD', queue, 'XX', now + tonumber(ARGV[4]), ARGV[2])
return 1
"""
)

# How the files stand. `delay` >= 0 gives the lease back; with nothing left to do or to tell the post leaves the queue.
_SAVE = (
    _HEAD
    + """
local id, token, files, attaching, staying, delay = ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6], tonumber(ARGV[7])
if not ours(id, token) then return 'lost' end
redis.call('HSET', record(id), 'files', files, 'attaching', attaching)
if delay < 0 then return 'ok' end
redis.call('HDEL', record(id), 'attach_claim')
redis.call('HSET', record(id), 'attach_stuck', 0)
if tonumber(attaching) > 0 then redis.call('ZADD', queue, now + delay, id) return 'ok' end
local early = redis.call('HGET', record(id), 'told_early') == '1'
if early and tonumber(staying) > 0 then redis.call('ZADD', queue, now + delay, id) return 'ok' end
redis.call('HDEL', record(id), 'told_early')
redis.call('ZREM', queue, id)
return 'ok'
"""
)

_KNOWN = (
    _HEAD
    + """
if not ours(ARGV[2], ARGV[3]) then return 'lost' end
redis.call('HDEL', record(ARGV[2]), 'told_early', 'attach_claim')
redis.call('ZREM', queue, ARGV[2])
return 'ok'
"""
)


# Seconds that a thread's link waits for its files at most, so that it is told once, with the final picture.
_PICTURE = 4


async def pictured(outbox: Outbox, id_: str) -> Entry | None:
    """The entry once its files have ended, or as it stands after a few seconds."""
    for _ in range(_PICTURE * 10):
        entry = await outbox.get(id_)
        if entry is None or not entry.attaching:
            return entry
        await asyncio.sleep(0.1)
    return await outbox.get(id_)


@dataclass(frozen=True)
class FileBox:
    """A claimed entry's `claim` is the lease of its files; that of its telling is another one."""

    outbox: Outbox

    @property
    def lease(self) -> float:
        return self.outbox.lease

    async def claim(self) -> Entry | float:
        """Lease the next due post, or answer how many seconds nothing will be due (-1: nothing waits)."""
        found = await self._run(_CLAIM, secrets.token_hex(8), round(self.outbox.lease * 1000))
        if isinstance(found, int):
            return found / 1000 if found >= 0 else -1.0
        fields = found if isinstance(found, dict) else dict(zip(found[::2], found[1::2], strict=True))
        closed = await self.outbox.redis.hget(fields["form"], "closed") if "form" in fields else None
        try:
            entry = read_entry(fields, form_closed=bool(closed))
        except (ValueError, TypeError, KeyError):
            # Another version's record: it must not stop the others.
            log.error("unreadable", id=fields.get("id"))
            await self.outbox.redis.zrem(f"{self.outbox.prefix}attach", fields.get("id", ""))
            return 0.0
        claimed = int(fields["attach_claimed"]) / 1000
        stuck = int(fields["attach_stuck"])
        return replace(entry, claim=fields["attach_claim"], claimed=claimed, drift=time.time() - claimed, stuck=stuck)

    async def wait(self, seconds: float) -> None:
        """Sleep until a thread with files was noted, or for so long (at most)."""
        try:
            await self.outbox.blocking.blpop([f"{self.outbox.prefix}attach-wake"], timeout=max(0.01, seconds))
        except RedisTimeout:
            return

    async def renew(self, entry: Entry) -> None:
        """Hold the lease for another `lease` seconds. Raises Lost."""
        if not await self._run(_RENEW, entry.id, entry.claim, round(self.outbox.lease * 1000)):
            raise Lost(entry.id)

    async def save(self, entry: Entry, files: Sequence[File], *, delay: float = -1) -> None:
        """Note how the files stand; with a `delay` (seconds) give the lease back. Raises Lost.

        When all have ended, the post is due once more only if something stays that the person has not been told.
        """
        attaching = sum(each["state"] not in ENDED for each in files)
        staying = sum(each["state"] == "stays" for each in files)
        text, wait = json.dumps(list(files)), round(delay * 1000) if delay >= 0 else -1
        self._not_lost(entry, await self._run(_SAVE, entry.id, entry.claim, text, attaching, staying, wait))

    async def known(self, entry: Entry) -> None:
        """The person knows how all of it ended. Raises Lost."""
        self._not_lost(entry, await self._run(_KNOWN, entry.id, entry.claim))

    def _not_lost(self, entry: Entry, said: str) -> None:
        if said == "lost":
            raise Lost(entry.id)

    async def _run(self, script: str, *args: str | int) -> Any:
        call = self.outbox.redis.register_script(script)
        return await call(keys=[f"{self.outbox.prefix}attach"], args=[self.outbox.prefix, *args])
