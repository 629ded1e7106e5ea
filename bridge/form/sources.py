"""What a form was opened on: the message, the thread around it; and what of that a sent form carries.

Everything is named by the form's sealed memory, and was in Slack's own signed request or read with its ids.
"""

import asyncio
import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from redis.exceptions import RedisError

from bridge.form import thread_replies
from bridge.form.stash import Stash
from bridge.form.view import FormMemory
from bridge.language import sentences
from bridge.members.people import People
from bridge.moments import QUICK
from bridge.post import attachment
from bridge.post.attachment import File
from bridge.post.conversation import Conversation, files_of, kept
from bridge.post.draft import Draft, Limits, Problem
from bridge.post.refusals import NotAllowed, SlackAway
from bridge.slack.webapi import CallFailed, WebApi
from bridge.words import offload
from bridge.words.conversions import to_plain
from bridge.words.names import Names
from bridge.words.weight import weight_of

# Characters of a post that a whole thread leaves for what is typed above it.
ROOM_ABOVE = 1000
# How many people are named in the form; it is read on phones.
NAMED = 5
# What the words weigh at most that a form opens with: 3,000 characters, with all their markup and addresses.
MOST_PREFILLED = 60_000
# Seconds for the names of those who spoke in a thread.
LOOKING = 5.0
# Seconds: Slack let this person see the message when they opened its menu. Who has left a private channel since must
# not read on with the bot's eyes. Who is in it, Slack would tell only an app with groups:read, which reads far more.
# https://docs.slack.dev/reference/methods/conversations.members
FRESH = 600.0


@dataclass(frozen=True)
class Sources:
    """`most_replies`: how many replies of one thread are carried at most."""

    api: WebApi
    stash: Stash
    people: People
    limits: Limits
    file_rules: attachment.Rules
    most_replies: int

    async def keep_message(self, user: str, message: Mapping[str, Any]) -> str | None:
        return await self.stash.keep(user, kept(message))

    def carriable(self, message: Mapping[str, Any]) -> list[File]:
        """A message's files as they may be carried; those that cannot be have their reason."""
        on = self.file_rules.on and attachment.SCOPE in self.api.scopes
        return attachment.listed(message.get("files"), replace(self.file_rules, on=on))

    async def keep_files(self, user: str, files: Sequence[File]) -> str | None:
        return await self.stash.keep(user, {"files": list(files)}) if files else None

    async def listed(self, name: str | None) -> tuple[File, ...]:
        """The files that are kept under this name. Raises RedisError."""
        found = await self.stash.read(name) if name else None
        return tuple((found or {}).get("files") or ())

    async def keep_thread(self, user: str, said: Mapping[str, Any], files: Sequence[File]) -> str | None:
        return await self.stash.keep(user, {**said, "files": list(files)})

    async def read_thread(self, form: FormMemory) -> tuple[str | None, str]:
        """The thread around a form's message, read and kept: its name, and what the form says of it. Never an error."""
        origin = form.origin
        if time.time() - origin.asked_at > FRESH and not await self.people.is_public(origin.channel):
            return None, sentences.THREAD_UNREADABLE["stale"]
        first = str(origin.thread_ts or origin.message_ts)
        try:
            whole = await thread_replies.read(self.api, str(origin.channel), first, self.most_replies)
        except CallFailed as failed:
            return None, _unreadable(failed.error, str(origin.channel))
        carried, names = await self._fitting(whole, origin.user)
        if not carried.messages:
            return None, sentences.THREAD_UNREADABLE["too_long"]
        name = await self._keep_carried(form, carried)
        return name, _said(carried, names, form) if name else sentences.THREAD_UNREADABLE["store_away"]

    async def _fitting(self, whole: Conversation, user: str) -> tuple[Conversation, Names]:
        """As much of a thread as a post has room for, in its sharer's time zone; and the names that are known."""
        room = max(1, self.limits.message - ROOM_ABOVE)
        likely = replace(whole, zone=await self._zone(user)).likely(room)
        names = await self._names(likely, LOOKING)
        return await offload.for_later(likely.within, room, names), names

    async def _keep_carried(self, form: FormMemory, carried: Conversation) -> str | None:
        try:
            return await self.keep_thread(form.origin.user, carried.to_json(), await self._files_around(form, carried))
        except RedisError:
            return None

    async def _files_around(self, form: FormMemory, carried: Conversation) -> list[File]:
        """The files of the other messages, but for those that the form shows already as its own message's."""
        own = {each["id"] for each in await self.listed(form.files)}
        others = [each for each in carried.messages if each.get("ts") != form.origin.message_ts]
        files = [file for each in others for file in files_of(each) if str(file.get("id")) not in own]
        return [attachment.of_thread(each) for each in self.carriable({"files": files})]

    async def say_again(self, form: FormMemory, said: Mapping[str, Any]) -> str:
        """What the form said of a kept thread when it was read."""
        whole = Conversation.from_json(said)
        return _said(whole, await self._names(whole, QUICK), form)

    async def _names(self, whole: Conversation, within: float) -> Names:
        """The names that are found while somebody looks at the form; delivery has more time for the others."""
        # Beside the loop: nobody else's acknowledgement waits until a long thread is read.
        mentioned = await offload.for_later(whole.mentioned)
        try:
            async with asyncio.timeout(within):
                return await self.people.names(mentioned)
        except TimeoutError:
            return Names()

    async def _zone(self, user: str) -> str:
        try:
            return str((await self.people.slack_profile(user)).get("tz") or "UTC")
        except (SlackAway, NotAllowed):
            return "UTC"

    async def carry(self, draft: Draft, memory: FormMemory) -> Draft | Problem:
        """The draft with what was kept below what was typed, and the ticked files.

        A Problem if any of it is gone: never a draft that silently lacks it.
        """
        own = await self._read(memory.files, "message", "files_gone")
        if isinstance(own, Problem):
            return own
        below = await self._below(memory)
        if isinstance(below, Problem):
            return below
        others = below.pop("files", ()) if memory.whole else ()
        if memory.whole:
            draft = await self._with_thread(draft, memory, below)
        elif below:
            draft = replace(draft, message=(*draft.message, {"original": below}))
        return replace(draft, files=_ticked(own.get("files", ()), others, memory))

    async def _below(self, memory: FormMemory) -> dict[str, Any] | Problem:
        """What was kept to stand below the words: the thread, the message, or nothing."""
        if not memory.whole:
            return await self._read(memory.original, "message")
        if memory.conversation is None:
            return Problem("thread", "thread_unreadable" if memory.thread_said else "thread_unread")
        return await self._read(memory.conversation, "thread")

    async def _with_thread(self, draft: Draft, memory: FormMemory, found: Mapping[str, Any]) -> Draft:
        said = Conversation.from_json(found)
        here = any(each.get("ts") == draft.origin.message_ts for each in said.messages)
        # The field opened with one of the thread's messages: left as it was, it would stand there twice.
        same = here and memory.prefill and memory.prefill == await prefilled(draft.message)
        typed = () if same else draft.message
        left = (*draft.left, *replies_left(said))
        return replace(draft, message=(*typed, {"conversation": dict(found)}), left=left)

    async def _read(self, name: str | None, field: str, gone: str = "original_gone") -> dict[str, Any] | Problem:
        if name is None:
            return {}
        try:
            return await self.stash.read(name) or Problem(field, gone)
        except RedisError:
            return Problem(field, "store_away")


def replies_left(said: Conversation) -> tuple[str, ...]:
    """How many replies stay in Slack, if any do, as the report names it."""
    return (sentences.REPLIES_LEFT.format(left=said.left, replies=said.replies),) if said.left else ()


async def prefilled(message: tuple[Mapping[str, Any], ...]) -> str:
    """The digest of the words in the field, the same whatever Slack did to their markup; empty without words.

    Empty too for more of them than a form opens with.
    """
    rich = [each["rich_text"] for each in message if "rich_text" in each]
    if (weight := weight_of({"blocks": rich})) > MOST_PREFILLED:
        return ""
    text = " ".join((await offload.weighed(weight, to_plain, rich)).split())
    return hashlib.sha256(text.encode()).hexdigest()[:16] if text else ""


def _ticked(own: Sequence[File], others: Sequence[File], memory: FormMemory) -> tuple[File, ...]:
    """Each file once: one that is among the message's own goes by the tick that it has there."""
    ids = {each["id"] for each in own}
    others = [each for each in others if each["id"] not in ids]
    ticked = ids.intersection(memory.ticked) | set(memory.thread_ticked).difference(ids)
    return attachment.chosen([*own, *others], ticked)


def _unreadable(error: str, channel: str) -> str:
    if error in ("channel_not_found", "not_in_channel") and channel.startswith("D"):
        error = "direct"
    error = "not_in_channel" if error == "channel_not_found" else error
    return sentences.THREAD_UNREADABLE.get(error, sentences.THREAD_UNREADABLE[""])


def _said(carried: Conversation, names: Names, form: FormMemory) -> str:
    """How much of the thread crosses and whose words it holds, in plain text for a field's hint."""
    people = [(names.users.get(each) or sentences.SOMEONE)[:40] for each in carried.speakers()]
    some = ", ".join(sentences.some_of(people, NAMED))
    told = sentences.THREAD_READ.format(carried=carried.carried, replies=carried.replies, people=some)
    here = any(each.get("ts") == form.origin.message_ts for each in carried.messages)
    return f"{told} {sentences.THREAD_REPLACES}" if here and form.prefill else told
