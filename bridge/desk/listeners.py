"""Bolt's listeners, named for what the person did. Nothing slow stands before an acknowledgement.

Bolt runs with process_before_response=True: a listener's `ack` is the HTTP reply that goes out
when the listener returns. What takes longer is left to tasks of our own, never to lazy listeners.
"""

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from redis.exceptions import RedisError
from slack_bolt.async_app import AsyncAck
from slack_bolt.response import BoltResponse

from bridge.desk.keeping import Desk, Waited
from bridge.form.read_back import field_errors, refusal
from bridge.form.view import MOST_TYPED, Form
from bridge.language import sentences
from bridge.moments import INSTANT, OPENING
from bridge.post.draft import NOT_POSTED, Draft, Origin, Problem
from bridge.slack import payloads, slash_command
from bridge.slack.payloads import Payload
from bridge.slack.webapi import CallFailed
from bridge.telling import blocks
from bridge.words.mrkdwn import escape

MESSAGE_SHORTCUT = "post_to_community"
GLOBAL_SHORTCUT = "new_community_post"


@dataclass(frozen=True)
class Listeners:
    desk: Desk
    command: str

    async def in_their_language(self, body: Payload, next_: Callable[[], Awaitable[BoltResponse]]) -> BoltResponse:
        """For the listeners that Bolt finds."""
        await self.speak_their_language(body)
        return await next_()  # which only says that the listener may run: Bolt runs it when this is over

    async def speak_their_language(self, body: Payload) -> None:
        """Whatever is answered, now or by a task that this sets going, is said in the person's own language."""
        sentences.speak(await self.desk.language_of(payloads.person(body)))

    # ── asking ───────────────────────────────────────────────────────────────

    async def used_the_command(self, ack: AsyncAck, body: Payload) -> BoltResponse:
        origin = payloads.command_origin(body)
        if not self.desk.is_ours(origin.team):
            return await ack(**blocks.ephemeral(sentences.FOREIGN))
        asked = await self.desk.prefill.read(str(body.get("text") or ""))
        if isinstance(asked, Problem):
            return await self._not_kept(ack, body, [asked])
        if asked.kind == "word":
            return await self._answer_a_word(ack, asked.word, origin)
        if asked.kind == "post":
            return await self._post_at_once(ack, body, origin, asked)
        # What a field cannot hold goes on in the next one.
        form, rest = Form(origin, subject=asked.subject[:MOST_TYPED]), asked.subject[MOST_TYPED:]
        return await self._open_with(ack, body, form, escape(rest)) if rest else await self._open(ack, body, form)

    async def _open_with(self, ack: AsyncAck, body: Payload, form: Form, text: str) -> BoltResponse:
        """The form with words in its message; where they are too long for it, they are told and shown."""
        typed = await self.desk.prefill.typed(form, {"text": text})
        if isinstance(typed, Problem):
            return await self._not_kept(ack, body, [typed])
        return await self._open(ack, body, typed)

    async def shared_a_message(self, ack: AsyncAck, body: Payload) -> BoltResponse:
        origin = payloads.message_origin(body)
        if not self.desk.is_ours(origin.team):
            return await ack()
        form = await self.desk.prefill.from_message(origin, body.get("message") or {})
        return await self._open(ack, body, form)

    async def began_a_post(self, ack: AsyncAck, body: Payload) -> BoltResponse:
        origin = Origin(**payloads.actor(body), asked_at=time.time(), team_domain=payloads.domain(body))
        if not self.desk.is_ours(origin.team):
            return await ack()
        return await self._open(ack, body, Form(origin))

    async def _open(self, ack: AsyncAck, body: Payload, form: Form) -> BoltResponse:
        """The form, whole where all of it is known in a moment; else from the payload alone, and completed later."""
        looking = self.desk.spawn(self.desk.lookups.completed(form, anew=True))
        if not await self.desk.first_time(f"opened:{body.get('trigger_id')}"):
            return await ack()
        await asyncio.wait([looking], timeout=INSTANT)
        known = looking.done() and looking.exception() is None
        form = looking.result() if known else self.desk.lookups.with_what_is_known(form)
        try:
            view = await self._opened(body, form)
        except CallFailed as failed:
            return await self._say_that_it_failed(ack, body, form.origin, failed)
        if not known:
            form = replace(form, origin=replace(form.origin, view=str(view.get("id"))))
            self.desk.spawn(self.desk.lookups.complete(form, view.get("hash")))
        return await ack()

    async def _opened(self, body: Payload, form: Form) -> Payload:
        """The view that Slack made of the form. Raises CallFailed."""
        trigger, view = str(body.get("trigger_id")), self.desk.open_forms.view(form)
        opened = await self.desk.api.call("views.open", within=OPENING, trigger_id=trigger, view=view)
        return opened.get("view") or {}

    async def _say_that_it_failed(
        self, ack: AsyncAck, body: Payload, origin: Origin, failed: CallFailed
    ) -> BoltResponse:
        typed = payloads.typed(body)
        if failed.fault == "token":
            text = sentences.FORM_REFUSED.format(why=await self.desk.why_refused())
            text += f"\n{sentences.TYPED.format(command=body['command'], text=typed)}" if typed else ""
        else:
            text = sentences.FORM_FAILED.format(text=typed) if typed else sentences.FORM_FAILED_EMPTY
        if "command" in body:
            return await ack(**blocks.ephemeral(text))
        self.desk.spawn(self.desk.say(origin, text))
        return await ack()

    async def _not_kept(self, ack: AsyncAck, body: Payload, problems: Sequence[Problem]) -> BoltResponse:
        return await ack(**blocks.ephemeral_message(blocks.not_kept(problems, {**body, "text": payloads.typed(body)})))

    async def _answer_a_word(self, ack: AsyncAck, word: str, origin: Origin) -> BoltResponse:
        if word == "help":
            return await ack(**blocks.ephemeral(sentences.HELP.format(command=self.command)))
        if word == "status":
            try:
                async with asyncio.timeout(self.desk.brief):
                    latest = await self.desk.latest(origin)
            except (RedisError, TimeoutError):
                return await ack(**blocks.ephemeral(sentences.STORE_AWAY))
            return await ack(**blocks.ephemeral_message(blocks.status_message(latest, self.command)))
        answer = self.desk.spawn(self.desk.whoami(origin.user))
        done, _ = await asyncio.wait([answer], timeout=self.desk.brief)
        if done:
            return await ack(**blocks.ephemeral(answer.result()))
        self.desk.spawn(self.desk.say_later(origin, answer))
        return await ack(**blocks.ephemeral(sentences.WHOAMI_LATER))

    # ── keeping ──────────────────────────────────────────────────────────────

    async def _post_at_once(
        self, ack: AsyncAck, body: Payload, origin: Origin, asked: slash_command.Asked
    ) -> BoltResponse:
        draft = Draft(origin, asked.subject, ({"mrkdwn": asked.body},), tags=asked.tags)
        if found := await self.desk.lookups.problems(draft):
            return await self._not_kept(ack, body, found)
        if await self.desk.lookups.lacks_a_location(draft):
            why = (sentences.CHOOSE_LOCATION,)
            form = Form(origin, subject=asked.subject, tags=", ".join(asked.tags), notes=why)
            return await self._open_with(ack, body, form, asked.body)
        trigger = str(body.get("trigger_id") or origin.response_url or uuid.uuid4())
        waited = await self.desk.keep(f"{origin.team}:command:{trigger}", draft, trigger)
        if waited.problem:
            return await self._not_kept(ack, body, [waited.problem])
        return await ack(**blocks.ephemeral_message(waited.message(draft)))

    async def sent_the_form(self, ack: AsyncAck, body: Payload, view: Payload) -> BoltResponse:
        actor = payloads.actor(body)
        if not self.desk.is_ours(actor["team"]):
            return await ack(response_action="errors", errors={"subject": sentences.FOREIGN})
        draft = await self.desk.lookups.asked_for(view, actor["user"], actor["team"])
        if isinstance(draft, list):
            if any(each.reason == "thread_unread" for each in draft):
                # Whoever was to read it, or to draw what it brought, may have died.
                self.desk.spawn(self.desk.lookups.bring_the_thread(self._form(body), view.get("hash")))
            return await ack(response_action="errors", errors=field_errors(draft, view))
        key = f"{actor['team']}:view:{view.get('id')}"
        waited = await self.desk.keep(key, draft, str(body.get("trigger_id") or ""))
        return await self._answer_the_form(ack, view, draft, waited)

    async def _answer_the_form(self, ack: AsyncAck, view: Payload, draft: Draft, waited: Waited) -> BoltResponse:
        if waited.problem:
            return await ack(response_action="errors", errors=field_errors([waited.problem], view))
        if waited.outcome and waited.outcome.ending == "refused" and not waited.changed:
            return await ack(response_action="errors", errors=refusal(waited.outcome, view))
        return await ack(response_action="update", view=waited.view(draft))

    # ── in the form and after it ─────────────────────────────────────────────

    async def asked_for_more(self, ack: AsyncAck, body: Payload) -> BoltResponse:
        form = self._form(body)
        await self.desk.open_forms.remember(form.origin, more=1)
        self.desk.spawn(self.desk.lookups.show_more(form, body.get("view") or {}))
        return await ack()

    async def changed_the_location(self, ack: AsyncAck, body: Payload) -> BoltResponse:
        form = replace(self._form(body), groups=())  # they are the other location's
        await self.desk.open_forms.remember(form.origin, location=form.location or 0)
        self.desk.spawn(self.desk.lookups.complete(form, (body.get("view") or {}).get("hash")))
        return await ack()

    async def chose_the_thread(self, ack: AsyncAck, body: Payload) -> BoltResponse:
        form = self._form(body)
        if form.threaded:
            await self.desk.open_forms.remember(form.origin, whole=int(form.whole))
            self.desk.spawn(self.desk.lookups.bring_the_thread(form, (body.get("view") or {}).get("hash")))
        return await ack()

    def _form(self, body: Payload) -> Form:
        """The open form that somebody acts in, as it shows itself."""
        actor = payloads.actor(body)
        return self.desk.open_forms.read(body.get("view") or {}, actor["user"], actor["team"])

    async def closed_the_form(self, ack: AsyncAck, body: Payload) -> BoltResponse:
        await self.desk.open_forms.remember(self._form(body).origin, closed=1)
        return await ack()

    async def cancelled(self, ack: AsyncAck, body: Payload) -> BoltResponse:
        self.desk.spawn(self.desk.cancel(payloads.actor(body), payloads.pressed(body), payloads.reply_to(body)))
        return await ack()

    async def tried_again(self, ack: AsyncAck, body: Payload) -> BoltResponse:
        origin = payloads.reply_origin(body)
        try:
            pressed = await self.desk.entry_of(payloads.actor(body), payloads.pressed(body))
            standing = await self.desk.standing(pressed) if pressed else None
            if standing is not None and standing.state in NOT_POSTED:
                await self.desk.note_known(standing)
        except RedisError:
            self.desk.spawn(self.desk.say(origin, sentences.STORE_AWAY))
            return await ack()
        if pressed is None or standing is None:
            self.desk.spawn(self.desk.say(origin, sentences.GONE))
            return await ack()
        if standing.state not in NOT_POSTED:
            self.desk.spawn(self.desk.say_what_became(origin, standing))
            return await ack()
        form = await self.desk.prefill.again(pressed, origin)
        if origin.view:
            self.desk.spawn(self.desk.lookups.show_again(form))
            return await ack()
        return await self._open(ack, body, form)

    async def opened_the_thread(self, ack: AsyncAck) -> BoltResponse:
        return await ack()

    # ── events ───────────────────────────────────────────────────────────────

    async def changed_their_profile(self, ack: AsyncAck, event: Payload) -> BoltResponse:
        user = event.get("user")
        if isinstance(user, Mapping):
            self.desk.spawn(self.desk.forget_if_changed(user))
        return await ack()

    async def uninstalled(self, ack: AsyncAck) -> BoltResponse:
        self.desk.spawn(self.desk.installation.heard_of_removal())
        return await ack()

    async def revoked(self, ack: AsyncAck, event: Payload) -> BoltResponse:
        """Lists ids for each kind of token; people's are nothing to us.

        https://docs.slack.dev/reference/events/tokens_revoked
        """
        tokens = event.get("tokens")
        if isinstance(tokens, Mapping) and tokens.get("bot"):
            self.desk.spawn(self.desk.installation.heard_of_removal())
        return await ack()

    async def wrote_to_the_bot(self, ack: AsyncAck, body: Payload, event: Payload) -> BoltResponse:
        """A direct message is answered with what bridge can do; its own and edited ones are not."""
        user = event.get("user")
        person = event.get("channel_type") == "im" and isinstance(user, str) and user and not event.get("subtype")
        if person and not event.get("bot_id") and await self.desk.first_time(f"event:{body.get('event_id')}"):
            text = sentences.HELP.format(command=self.command)
            self.desk.spawn(self.desk.message(str(user), text))
        return await ack()
