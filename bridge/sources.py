"""What a form was opened on: the message, the thread around it; and what of that a sent form carries.

Everything is named by the form's sealed memory, and was in Slack's own signed request or read with its ids.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from redis.exceptions import RedisError

from bridge import replies, sentences, words
from bridge.conversation import Conversation, kept
from bridge.draft import Draft, Limits, Origin, Problem
from bridge.filled import FormMemory
from bridge.originals import Originals
from bridge.people import NotAllowed, People, SlackAway
from bridge.webapi import CallFailed, WebApi

# Characters of a post that a whole thread leaves for what is typed above it.
ROOM_ABOVE = 1000
# How many people are named in the form; it is read on phones.
NAMED = 5


@dataclass(frozen=True)
class Sources:
    """`most_replies`: how many replies of one thread are carried at most."""

    api: WebApi
    originals: Originals
    people: People
    limits: Limits
    most_replies: int = 200

    async def keep_message(self, message: Mapping[str, Any]) -> str | None:
        return await self.originals.keep(kept(message))

    async def read_thread(self, origin: Origin) -> tuple[str | None, str]:
        """The thread around a message, read and kept: its name, and what the form says of it. Never an error."""
        try:
            whole = await replies.read(
                self.api, str(origin.channel), str(origin.thread_ts or origin.message_ts), self.most_replies
            )
        except CallFailed as failed:
            return None, _unreadable(failed.error, str(origin.channel))
        whole = replace(whole, zone=await self._zone(origin.user))
        names = await self.people.names(whole.mentioned())
        carried = whole.within(max(1, self.limits.message - ROOM_ABOVE), names)
        if not carried.messages:
            return None, sentences.THREAD_UNREADABLE["too_long"]
        name = await self.originals.keep(carried.to_json())
        if name is None:
            return None, sentences.THREAD_UNREADABLE["store_away"]
        return name, _said(carried, names, origin.message_ts)

    async def _zone(self, user: str) -> str:
        try:
            return str((await self.people.slack_profile(user)).get("tz") or "UTC")
        except (SlackAway, NotAllowed):
            return "UTC"

    async def carry(self, draft: Draft, memory: FormMemory) -> Draft | Problem:
        """The draft with what was kept below what was typed; a problem rather than without it."""
        if not memory.whole:
            return await self._with_original(draft, memory) if memory.original else draft
        if memory.conversation is None:
            return Problem("thread", "thread_unread")
        found = await self._read(memory.conversation, "thread")
        return found if isinstance(found, Problem) else self._with_thread(draft, memory, found)

    async def _with_original(self, draft: Draft, memory: FormMemory) -> Draft | Problem:
        found = await self._read(str(memory.original), "message")
        return found if isinstance(found, Problem) else replace(draft, message=(*draft.message, {"original": found}))

    def _with_thread(self, draft: Draft, memory: FormMemory, found: Mapping[str, Any]) -> Draft:
        said = Conversation.from_json(found)
        here = any(each.get("ts") == draft.origin.message_ts for each in said.messages)
        # The field opened with one of the thread's messages: left as it was, it would stand there twice.
        typed = () if here and memory.prefill and memory.prefill == prefilled(draft.message) else draft.message
        stay = sentences.REPLIES_LEFT.format(left=said.left, replies=said.replies)
        left = (*draft.left, stay) if said.left else draft.left
        return replace(draft, message=(*typed, {"conversation": dict(found)}), left=left)

    async def _read(self, name: str, field: str) -> dict[str, Any] | Problem:
        try:
            return await self.originals.read(name) or Problem(field, "original_gone")
        except RedisError:
            return Problem(field, "store_away")


def prefilled(message: tuple[Mapping[str, Any], ...]) -> str:
    """The digest of the words in the field, the same whatever Slack did to their markup; empty without words."""
    rich = [each["rich_text"] for each in message if "rich_text" in each]
    text = " ".join(words.to_plain(rich).split())
    return hashlib.sha256(text.encode()).hexdigest()[:16] if text else ""


def _unreadable(error: str, channel: str) -> str:
    if error in ("channel_not_found", "not_in_channel") and channel.startswith("D"):
        error = "direct"
    error = "not_in_channel" if error == "channel_not_found" else error
    return sentences.THREAD_UNREADABLE.get(error, sentences.THREAD_UNREADABLE[""])


def _said(carried: Conversation, names: words.Names, message_ts: str | None) -> str:
    """How much of the thread crosses and whose words it holds, in plain text for a field's hint."""
    people = [names.users.get(each, sentences.SOMEONE)[:40] for each in carried.speakers()]
    more = [sentences.AND_MORE.format(more=len(people) - NAMED)] if len(people) > NAMED else []
    told = sentences.THREAD_READ.format(
        carried=carried.carried, replies=carried.replies, people=", ".join([*people[:NAMED], *more])
    )
    here = any(each.get("ts") == message_ts for each in carried.messages)
    return f"{told} {sentences.THREAD_REPLACES}" if here else told
