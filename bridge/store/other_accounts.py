"""Posts that wait in the same Redis under another account, where this bridge would never look.

Keys are named after the account, and that after the board's address and the API user: who changes one of them leaves
what waits behind. Two bridges may also share a Redis on purpose, so only what nobody takes is a matter for anybody.
"""

import asyncio
import re
from dataclasses import dataclass

import structlog
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from bridge.settings.environment import ACCOUNT, prefix_of

log = structlog.get_logger()

# A worker takes what is due within a second; even one that died is relieved after LEASE.
OVERDUE = 60
_KEY = re.compile(re.escape(prefix_of("*") + "due").replace(r"\*", f"({ACCOUNT})"))
# A Redis that others use may hold millions of keys; a thousand are a millisecond's work for it.
_AT_ONCE, _LONGEST = 1000, 5.0


@dataclass(frozen=True)
class Other:
    """Another account with posts in its queue; the first is due in `left` seconds.

    `alone`: no other bridge can be at work on this store, as it is the embedded one.
    """

    account: str
    waiting: int
    left: float
    alone: bool

    @property
    def is_left_behind(self) -> bool:
        """Whether surely or most likely nobody takes them."""
        return self.alone or self.left < -OVERDUE

    @property
    def said(self) -> str:
        posts = "1 post waits" if self.waiting == 1 else f"{self.waiting} posts wait"
        made = "made with another NEXUDUS_USERNAME, NEXUDUS_URL or BRIDGE_ACCOUNT"
        return f"{posts} under another account in this store ({self.account}, {made})"

    @property
    def remedy(self) -> str:
        """It must lead nobody to carry what another bridge carries: that may be for another board."""
        carry = f"to carry them, set BRIDGE_ACCOUNT={self.account}, or put the old name back"
        if self.alone:
            return carry
        if self.is_left_behind:
            return f"{carry}; not if a bridge of that account still runs"
        return "they are not overdue, so a bridge of their own may carry them; if none does, look again in ten minutes"


async def others(redis: Redis, prefix: str, *, alone: bool) -> list[Other]:
    """All but the account of `prefix`, as far as five seconds of looking go, those due first ahead. Raises RedisError.

    Read from the names of the keys, because no list of accounts could stand in the slot of each of them in a Redis
    Cluster; there one sees those of the same node.
    """
    names = await _names(redis) - {prefix}
    found = [await _look(redis, each, alone=alone) for each in names]
    return sorted((each for each in found if each), key=lambda each: each.left)


async def warn(redis: Redis, prefix: str, *, alone: bool) -> None:
    """A line in the log for each that nobody takes; what is not due yet, once it is overdue. Raises RedisError."""
    clock = asyncio.get_running_loop().time
    found, began = await others(redis, prefix, alone=alone), clock()
    for each in found:
        now: Other | None = each
        if not each.is_left_behind:
            await asyncio.sleep(max(0.0, began + each.left + OVERDUE + 1 - clock()))
            now = await _look(redis, prefix_of(each.account), alone=alone)
        if now and now.is_left_behind:
            log.warning("another_account_waits", account=now.account, said=now.said, remedy=now.remedy)


async def _names(redis: Redis) -> set[str]:
    """The prefixes of all accounts that have a queue; SCAN may tell a key twice."""
    clock = asyncio.get_running_loop().time
    names, cursor, until = set[str](), None, clock() + _LONGEST
    while cursor != 0 and clock() < until:
        cursor, keys = await redis.scan(cursor or 0, match=prefix_of("*") + "due", count=_AT_ONCE)
        names |= {prefix_of(named[1]) for each in keys if (named := _KEY.fullmatch(str(each)))}
    return names


async def _look(redis: Redis, prefix: str, *, alone: bool) -> Other | None:
    try:
        first, waiting = await redis.zrange(prefix + "due", 0, 0, withscores=True), await redis.zcard(prefix + "due")
        seconds, micro = await redis.time()
    except ResponseError:  # no queue of ours, or one of another node
        return None
    if not first:
        return None
    left = float(first[0][1]) / 1000 - (seconds + micro / 1e6)
    return Other(prefix.partition("{")[2].partition("}")[0], waiting, left, alone)
