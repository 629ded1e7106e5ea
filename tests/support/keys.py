"""The kinds of keys that bridge writes to Redis: a person can be in it or not, and it ends by itself or has a reason.

Whoever makes a new kind says so here: every space that a test closes is compared with these tables.
"""

from redis.asyncio import Redis

# Where something of a person can stand: `bridge erase` looks through these.
OF_PEOPLE = {"draft", "form", "source", "mine", "original", "originals", "slack", "member", "group", "groups", "file"}

# Why nothing of a person stands in the others.
OF_NOBODY = {
    "due": "references, which are digests of Slack's ids of views and triggers",
    "attach": "references",
    "failed": "references",
    "wake": "references",
    "attach-wake": "references",
    "held": "a thread's id on the board, and a reference",
    "air": "a digest, and a reference",
    "once": "Slack's ids of triggers and events",
    "fetched": "a random token",
    "writable": "nothing",
    "reading": "Slack's id of a view",
    "channel": "whether it is public, and its name if it is",
    "locations": "the space's own",
    "pace": "the account's own",
    "tokens": "the account's own",
    "token_lock": "the account's own",
    "client_id": "the account's own",
    "login_refused": "the account's own",
    "asking": "the account's own",
    "away": "the account's own",
    "rejected": "the account's own",
    "closed": "a digest of the bot token",
    "removal": "a digest of the bot token",
    "slack_refused": "a digest of the bot token, and Slack's word on it",
    "slack_away": "nothing",
    "learnt": "how this board behaves",
}

# Why some may stay without an end.
ENDLESS = {
    "due": "one queue",
    "attach": "one queue",
    "failed": "one list, cut after KEEP_DAYS whenever something is added",
    "wake": "one list, cut at a hundred",
    "attach-wake": "one list, cut at a hundred",
    "client_id": "one for each account",
    "learnt": "one for each account",
}


def family(key: str) -> str:
    """What kind of key this is: what follows the account's hash tag."""
    return key.partition("}:")[2].partition(":")[0]


async def leaks(redis: Redis, prefix: str) -> list[str]:
    """Keys that nobody accounts for: of no known kind, or without an end and without a reason for it."""
    found = []
    async for key in redis.scan_iter(match=f"{prefix}*", count=1000):
        kind = family(key)
        if kind not in OF_PEOPLE | OF_NOBODY.keys():
            found.append(f"{key} is of no kind that tests/support/keys.py knows")
        elif kind not in ENDLESS and not await _waits(redis, prefix, key) and await redis.ttl(key) == -1:
            found.append(f"{key} never expires")
    return found


async def _waits(redis: Redis, prefix: str, key: str) -> bool:
    """Whether it is a draft that is still to be carried or told: nobody's words end with a time.

    To be asked before its end is read: a web process that is telling just now takes it out of the queue and gives
    it its end in one step, and whoever read the end first would find neither.
    """
    id_ = key.rpartition(":")[2]
    return family(key) == "draft" and await redis.zscore(f"{prefix}due", id_) is not None
