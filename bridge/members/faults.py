"""Whose fault it is that nobody could be looked up: Slack's, the board's or the store's. Never the person's. Pure."""

from redis.exceptions import RedisError

from bridge.nexudus.wire import NexudusError, Unauthorized
from bridge.post.refusals import SlackAway

# What a look-up may end in while Slack, the board or Redis is away: never a refusal.
AWAY = (SlackAway, NexudusError, RedisError)


def whose(error: Exception) -> str:
    """The name of the sentence in FAULTS that says who failed."""
    if isinstance(error, RedisError):
        return "store"
    if isinstance(error, SlackAway):
        return "slack_refused" if error.fault in ("token", "refused") else "slack"
    return "board_refused" if isinstance(error, Unauthorized) else "board"
