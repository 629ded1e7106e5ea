"""Reading a thread of Slack, page by page, as far as Slack lets us.

Read when somebody chooses the whole thread in an open form, never before: nobody's words are fetched unasked,
and what the form then says is what crosses. https://docs.slack.dev/reference/methods/conversations.replies
"""

import asyncio
import time
from collections.abc import Mapping
from typing import Any

from bridge.post.conversation import Conversation, in_order
from bridge.slack.webapi import CallFailed, WebApi

# Slack recommends no more than 200 for one page; where it gives less, it says so by the next cursor.
PAGE = 200
# Seconds: somebody is looking at the form meanwhile.
PATIENCE = 15.0
LONGEST_WAIT = 5.0


async def read(api: WebApi, channel: str, ts: str, most: int) -> Conversation:
    """The thread's first message and at most `most` replies. Raises CallFailed when not even the first page came.

    A new app that is sold outside the Marketplace gets 15 messages and a minute's wait: then it ends there, and
    `replies` tells how many there are. https://docs.slack.dev/apis/web-api/rate-limits
    """
    until, cursor = time.monotonic() + PATIENCE, None
    messages: tuple[Mapping[str, Any], ...] = ()
    while len(messages) <= most:
        try:
            page = await _page(api, until, channel=channel, ts=ts, limit=min(PAGE, most + 1), cursor=cursor)
        except CallFailed:
            if not messages:
                raise
            break
        before, cursor = len(messages), _following(page)
        messages = in_order([*messages, *_messages(page)])
        if not cursor or len(messages) == before:
            break
    if not messages:
        raise CallFailed("thread_not_found", passing=False)
    told = messages[0].get("reply_count")
    total = max(told if isinstance(told, int) else 0, len(messages) - 1)
    return Conversation(messages[: most + 1], total)


def _messages(page: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    listed = page.get("messages")
    return [each for each in listed if isinstance(each, Mapping)] if isinstance(listed, list) else []


def _following(page: Mapping[str, Any]) -> str:
    """The cursor of the next page, "" on the last one."""
    told = page.get("response_metadata")
    return str(told.get("next_cursor") or "") if isinstance(told, Mapping) else ""


async def _page(api: WebApi, until: float, **asked: Any) -> Mapping[str, Any]:
    """One page; when Slack asks for a short wait, once more after it. Raises CallFailed."""
    try:
        return await api.call("conversations.replies", read=True, within=_left(until), **asked)
    except CallFailed as failed:
        wait = failed.wait
        if wait is None or wait > min(LONGEST_WAIT, _left(until)):
            raise
    await asyncio.sleep(wait)
    return await api.call("conversations.replies", read=True, within=_left(until), **asked)


def _left(until: float) -> float:
    return max(0.1, until - time.monotonic())
