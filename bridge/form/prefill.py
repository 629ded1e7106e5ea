"""A form before it opens: with a Slack message in it, or with everything that a refused draft held.

A trigger lives three seconds, so nothing here waits longer than a moment for what only makes it nicer.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

from bridge.form.private_sources import PrivateSources
from bridge.form.sources import Sources, prefilled, replies_left
from bridge.form.view import MOST_TYPED, Form
from bridge.language import sentences
from bridge.members.people import People
from bridge.moments import QUICK
from bridge.post import attachment
from bridge.post.attachment import File
from bridge.post.conversation import HEAVY, Conversation, files_of
from bridge.post.draft import Draft, Origin, Problem
from bridge.post.entry import Entry
from bridge.slack import slash_command
from bridge.words import offload
from bridge.words.conversions import first_line, mentioned_in, to_plain
from bridge.words.into_form import as_rich_text
from bridge.words.mrkdwn import escape
from bridge.words.names import Names
from bridge.words.weight import weight_of

MOST_UNNAMED = 40
# How many characters of somebody's message are put into the field to be edited.
PREFILL = 3000


@dataclass(frozen=True)
class Prefill:
    sources: Sources
    people: People
    private_sources: PrivateSources

    async def from_message(self, origin: Origin, message: Mapping[str, Any]) -> Form:
        """A form that carries a Slack message: prefilled where Slack takes it back, else attached whole."""
        author = str(message.get("user") or "") or None
        threaded = bool(message.get("thread_ts") or message.get("reply_count"))
        filled, warning = await asyncio.gather(
            self._filled(Form(origin, threaded=threaded), message),
            # Until it is known to be public it counts as private: somebody may be quick to send the form.
            self.private_sources.warning(origin, threaded=threaded, others=author != origin.user, within=QUICK),
        )
        form = await self._with_files(filled, self.sources.carriable(message), message)
        return replace(form, credit=author if author != origin.user else None, warning=warning)

    async def _filled(self, form: Form, message: Mapping[str, Any]) -> Form:
        if weight_of(message) > HEAVY * PREFILL:
            return await self._attached(form, message)
        names, unnamed = await self._names(message)
        rich, long = await offload.for_an_answer(as_rich_text, message, names, PREFILL)
        given = message.get("blocks"), str(message.get("text") or ""), names
        plain = await offload.for_an_answer(to_plain, *given)
        original = await self.sources.keep_message(form.origin.user, message) if long else None
        notes = [sentences.ATTACHED] if original else [sentences.NOT_ATTACHED] if long else []
        return replace(
            form,
            subject=first_line(plain, min(120, self.sources.limits.subject)),
            message=rich,
            original=original,
            prefill=await prefilled(({"rich_text": rich},)) if rich and form.threaded else "",
            unnamed=unnamed,
            notes=tuple(notes),
        )

    async def _attached(self, form: Form, message: Mapping[str, Any]) -> Form:
        """With a message that is surely too long to be edited: it is not even read here, but for its first line."""
        original = await self.sources.keep_message(form.origin.user, message)
        start = to_plain(None, str(message.get("text") or "")[:PREFILL])
        note = sentences.ATTACHED if original else sentences.NOT_ATTACHED
        subject = first_line(start, min(120, self.sources.limits.subject))
        return replace(form, subject=subject, original=original, notes=(note,))

    async def _with_files(self, form: Form, listed: Sequence[File], message: Mapping[str, Any]) -> Form:
        """With the files of this message, listed; those that could not be kept stay in Slack."""
        files = await self.sources.keep_files(form.origin.user, listed)
        if files:
            return replace(form, files=files, listed=tuple(listed))
        left = _file_names(message)
        notes = [sentences.FILES_STAY.format(files=escape(", ".join(left)))] if left else []
        return replace(form, left=(*form.left, *left), notes=(*form.notes, *notes))

    async def read(self, text: str) -> slash_command.Asked | Problem:
        """What a command asks for, or by how much it is too long; what surely is, is not even read."""
        limit = self.sources.limits.message
        if len(text) > HEAVY * limit:
            return _too_long(len(text), limit)
        asked = await offload.weighed(len(text), slash_command.read, text)
        # What one field cannot hold goes on in the next one.
        rest = len(asked.subject) - MOST_TYPED
        return _too_long(rest, limit) if asked.kind == "form" and rest > limit else asked

    async def typed(self, form: Form, message: Mapping[str, Any]) -> Form | Problem:
        """The form with somebody's own words in it; what Slack would not take back is attached. They are never lost."""
        limit = self.sources.limits.message
        names, unnamed = await self._names(message)
        rich, long = await offload.weighed(weight_of(message), as_rich_text, message, names, limit)
        form = replace(form, unnamed=_once(form.unnamed, unnamed))
        return await self._long(form, message, names) if long else replace(form, message=rich, prefill="")

    async def _long(self, form: Form, message: Mapping[str, Any], names: Names) -> Form | Problem:
        """With words that the board may take, though the form cannot show them."""
        given = message.get("blocks"), str(message.get("text") or ""), names
        length = len(await offload.for_an_answer(to_plain, *given))
        if length > self.sources.limits.message:
            return _too_long(length, self.sources.limits.message)
        original = await self.sources.keep_message(form.origin.user, message)
        if original is None:
            return Problem("message", "store_away")
        return replace(form, original=original, notes=(*form.notes, sentences.ATTACHED))

    async def _names(self, message: Mapping[str, Any]) -> tuple[Names, tuple[str, ...]]:
        """Names for the field, as far as they are known in a moment; ids stand for the others until delivery."""
        # Beside the loop: others are to be answered within three seconds, too.
        needed = await offload.weighed(weight_of(message), mentioned_in, message)
        if not (needed.users or needed.channels):
            return Names(), ()
        looking = asyncio.create_task(self.people.names(needed))
        done, _ = await asyncio.wait([looking], timeout=QUICK)
        looking.cancel()  # delivery has more time for whom it did not find
        known = looking.result() if done else Names()
        # The form remembers them in a field of 3,000 characters.
        unnamed = tuple(sorted(needed.users - known.users.keys()))[:MOST_UNNAMED]
        return replace(known, users={**{user: user for user in unnamed}, **known.users}), unnamed

    # ── again ────────────────────────────────────────────────────────────────

    async def again(self, entry: Entry, origin: Origin) -> Form:
        """The form with everything that a refused draft held; `origin` is where it is asked for again."""
        draft = entry.draft
        kept = replace(draft.origin, response_url=origin.response_url, asked_at=time.time(), view=origin.view)
        form = Form(
            kept, draft.credit, draft.anonymous,
            subject=draft.subject, tags=", ".join(draft.tags), left=draft.left, unnamed=draft.unnamed,
            location=draft.location, group=draft.group, delivery=draft.delivery, private=draft.private,
            guests=draft.guests, more=draft.private or bool(draft.guests),
        )  # fmt: skip
        form = await self._typed_again(await self._attached_again(form, draft), draft)
        if entry.outcome is not None and (why := entry.outcome.explanation()):
            form = replace(form, notes=(escape(why), *form.notes))
        whole = _piece(draft, "conversation")
        return replace(form, thread_said=await self.sources.say_again(form, whole)) if whole and form.whole else form

    async def _attached_again(self, form: Form, draft: Draft) -> Form:
        """What stood below the words: the thread with its files, or the message."""
        whole = _piece(draft, "conversation")
        own, others = attachment.in_two(draft.files) if whole else (draft.files, ())
        form = await (self._thread_again(form, whole, others) if whole else self._original_again(form, draft))
        return await self._with_files(form, own, {"files": list(own)})

    async def _thread_again(self, form: Form, whole: Mapping[str, Any], files: Sequence[File]) -> Form:
        name = await self.sources.keep_thread(form.origin.user, whole, files)
        if name is None:
            return replace(form, notes=(sentences.NOT_ATTACHED,))
        said = Conversation.from_json(whole)
        left = tuple(each for each in form.left if each not in replies_left(said))
        form = replace(form, threaded=True, whole=True, conversation=name, thread_listed=tuple(files), left=left)
        return await self._shared_again(form, said)

    async def _original_again(self, form: Form, draft: Draft) -> Form:
        attached = _piece(draft, "original")
        original = await self.sources.keep_message(form.origin.user, attached) if attached else None
        notes = [sentences.ATTACHED] if original else [sentences.NOT_ATTACHED] if attached else []
        return replace(form, original=original, notes=tuple(notes))

    async def _shared_again(self, form: Form, said: Conversation) -> Form:
        """With the thread's message that was shared: it crosses when the thread does not."""
        here = next((each for each in said.messages if each.get("ts") == form.origin.message_ts), None)
        if here is None:
            return form
        filled = await self._filled(form, here)
        return replace(filled, subject=form.subject, unnamed=_once(form.unnamed, filled.unnamed))

    async def _typed_again(self, form: Form, draft: Draft) -> Form:
        rich = _piece(draft, "rich_text")
        text = next((each["mrkdwn"] for each in draft.message if "mrkdwn" in each), "")
        if not (rich or text):
            return form
        typed = await self.typed(form, {"blocks": [rich] if rich else None, "text": text})
        if isinstance(typed, Problem) or (typed.original != form.original and (form.original or form.whole)):
            # A form attaches one message, or the thread.
            return replace(form, notes=(*form.notes, sentences.NOT_ATTACHED))
        return typed


def _too_long(length: int, limit: int) -> Problem:
    """What somebody typed, where the board has no room for it."""
    return Problem("message", "too_long", {"what": "message", "limit": limit, "over": length - limit})


def _once(*unnamed: tuple[str, ...]) -> tuple[str, ...]:
    """As many as the form's memory has room for."""
    return tuple(dict.fromkeys(chain(*unnamed)))[:MOST_UNNAMED]


def _piece(draft: Draft, name: str) -> Mapping[str, Any] | None:
    return next((each[name] for each in draft.message if name in each), None)


def _file_names(message: Mapping[str, Any]) -> tuple[str, ...]:
    """The files that stay in Slack, a few of them by name."""
    names = [str(each.get("title") or each.get("name") or sentences.A_FILE)[:60] for each in files_of(message)]
    return tuple(sentences.some_of(names, 5))
