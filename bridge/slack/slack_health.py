"""How Slack took our calls: told in the log, and remembered for the health routes and the list of every process."""

import asyncio
import hashlib
from collections.abc import Mapping
from contextlib import suppress

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from bridge.post.refusals import Fault
from bridge.slack.warnings import at_most_once_a_minute
from bridge.slack.webapi import CallFailed

log = structlog.get_logger()

# Seconds that a trouble is believed without a newer one; while there is one, Slack is asked every minute.
_AWAY_TTL, _REFUSED_TTL = 150, 600

# Answers about whom or what was asked for; whoever asked makes something of them.
_ANSWERS = frozenset({
    "channel_not_found", "hash_conflict", "message_not_found", "not_found", "not_in_channel", "thread_not_found",
    "user_not_found", "user_not_visible",
})  # fmt: skip

REINSTALL = "run bridge doctor; as a rule: install the app again and copy its new token to SLACK_BOT_TOKEN"
_REMEDIES: Mapping[Fault, str] = {
    "token": REINSTALL,
    "refused": "run bridge doctor",
    "turn": "none is needed: it is asked again when Slack said",
    "away": "none, if it passes: it is asked again; slack-status.com tells about outages",
}
# By Slack's word, where that says more. https://docs.slack.dev/reference/methods/views.open has some.
_REMEDIES_BY_WORD: Mapping[str, str] = {
    "missing_scope": "run bridge doctor, which names the scope; add it and install the app again",
    "expired_trigger_id": "this machine or its way to Slack is slow: see operation_timeout in docs/runbook.md",
}


def fingerprint(bot_token: str) -> str:
    """Tells one installation from another, and gives nothing away."""
    return hashlib.sha256(bot_token.encode()).hexdigest()[:16]


class SlackHealth:
    """Keys under `prefix`; both expire. A refusal is that of one token: another begins afresh."""

    def __init__(self, redis: Redis, prefix: str, bot_token: str) -> None:
        self._redis = redis
        self._refused, self._away = f"{prefix}slack_refused:{fingerprint(bot_token)}", f"{prefix}slack_away"
        # What is to be noted; and whether anybody may have noted a trouble that a call that works ends.
        self._now, self._trouble = "", True
        self._order, self._notes = asyncio.Lock(), set[asyncio.Task[None]]()

    def note(self, method: str, failed: CallFailed | None) -> None:
        """A call ended: in the log at most once a minute for each method and word. Nobody waits for the memory."""
        if failed is not None and failed.error not in _ANSWERS:
            _tell(method, failed)
        trouble = failed is not None and failed.fault in ("token", "away")
        if not trouble and not self._trouble:
            return  # as nearly always
        self._now = "" if not trouble or failed is None else failed.error if failed.fault == "token" else "away"
        self._trouble = trouble
        task = asyncio.create_task(self._remember())
        self._notes.add(task)
        task.add_done_callback(self._notes.discard)

    async def _remember(self) -> None:
        """What holds when its turn comes: a later call may have ended otherwise."""
        async with self._order:
            try:
                if self._now == "away":
                    await self._redis.set(self._away, 1, ex=_AWAY_TTL)
                elif self._now:
                    await self._redis.set(self._refused, self._now, ex=_REFUSED_TTL)
                elif await self._redis.delete(self._away, self._refused):
                    log.info("slack_back")
            except RedisError:
                self._trouble = True

    async def last(self) -> tuple[str | None, bool]:
        """Slack's last word on the token, if it was a no; and whether Slack is away. Raises RedisError."""
        refused, away = await self._redis.mget(self._refused, self._away)
        self._trouble = self._trouble or bool(refused or away)
        return str(refused) if refused else None, bool(away)

    async def has_trouble(self) -> bool:
        """Whether to ask again; unknown, there is none."""
        with suppress(RedisError):
            return any(await self.last())
        return False


def _tell(method: str, failed: CallFailed) -> None:
    about = (method, failed.error)
    details = {
        "method": method,
        "error": failed.error,
        "remedy": _REMEDIES_BY_WORD.get(failed.error, _REMEDIES[failed.fault]),
    }
    if failed.fault == "token":
        at_most_once_a_minute("slack_refuses_token", *about, **details)
    else:
        at_most_once_a_minute("slack_call_failed", *about, **details)
