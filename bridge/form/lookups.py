"""What a form is given, with its opening or after it: locations, groups, warnings, earlier posts, the thread; and what
a sent one asks for.

What is known in a moment is in the form from the start. Everything here may be slow or fail without closing it.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from bridge.form.private_sources import PrivateSources
from bridge.form.read_back import read_form
from bridge.form.redraw import OpenForms
from bridge.form.signed_metadata import Seal
from bridge.form.sources import Sources
from bridge.form.stash import Stash
from bridge.form.view import Form, with_more
from bridge.language import sentences
from bridge.members.faults import AWAY, whose
from bridge.members.places import Places
from bridge.moments import LOCATING
from bridge.outbox.ledger import Outbox
from bridge.post import attachment
from bridge.post.draft import Draft, Limits, Origin, Problem, check
from bridge.post.refusals import NotAllowed
from bridge.settings.environment import Settings
from bridge.slack.webapi import WebApi
from bridge.words import offload
from bridge.words.mrkdwn import escape

log = structlog.get_logger()


def build(settings: Settings, redis: Redis, api: WebApi, outbox: Outbox, places: Places) -> "Lookups":
    """The forms of this workspace, and what they may hold by the settings."""
    limits = Limits(settings.subject_max, settings.message_max, settings.tags_max)
    kinds = frozenset(settings.file_types.split(","))
    file_rules = attachment.Rules(settings.public_url is not None, kinds, settings.file_bytes_max)
    seal = Seal.of(settings.slack_bot_token.get_secret_value())
    stash, replies = Stash(redis, settings.prefix, seal.key), settings.thread_replies_max
    sources = Sources(api, stash, places.people, limits, file_rules, replies)
    private_sources = PrivateSources(places.people, settings.private_sources)
    return Lookups(outbox, places, sources, OpenForms(api, outbox, sources, seal), private_sources)


@dataclass(frozen=True)
class Lookups:
    """Forms of one workspace, by the rules of this space."""

    outbox: Outbox
    places: Places
    sources: Sources
    open_forms: OpenForms
    private_sources: PrivateSources

    def with_what_is_known(self, form: Form) -> Form:
        return replace(form, may_choose=self.places.rules.may_choose_instant(form.origin.user))

    async def complete(self, form: Form, version: str | None) -> None:
        """Bring what had to be looked up into the open form: locations, groups, warnings, earlier posts.

        `version` is the view's hash: a form that was sent meanwhile shows its report and is left alone.
        """
        await self.open_forms.show(await self.completed(form), version)

    async def completed(self, form: Form) -> Form:
        """The form with all that has to be looked up; it may take as long as Slack and the board take."""
        form = self.with_what_is_known(form)
        places, earlier, warning = await asyncio.gather(
            self._places(form), self._earlier_posts(form.origin), self._warning(form)
        )
        notes = dict.fromkeys([*form.notes, *places.pop("notes", ()), *earlier])
        return replace(form, **places, notes=tuple(notes), warning=warning)

    async def bring_the_thread(self, form: Form, version: str | None) -> None:
        """What the choice of the thread brings, and takes away again; it is read once."""
        read = await self._with_the_thread(form) if form.whole and form.conversation is None else form
        if read:
            await self.complete(read, version)

    async def _with_the_thread(self, form: Form) -> Form | None:
        """The form once its thread was read; None while somebody reads it, who will then draw the form."""
        async with self.open_forms.alone(form.origin) as first:
            if not first:
                return None
            if (await self.open_forms.shape(form.origin)).get("conversation"):
                return form
            name, said = await self.sources.read_thread(form)
            await self.open_forms.remember(form.origin, conversation=name or "", thread_said=said)
            return replace(form, conversation=name, thread_said=said)

    async def show_more(self, form: Form, view: Mapping[str, Any]) -> None:
        """Nothing has to be looked up for these, unless the form was drawn anew under the person's finger."""
        more, version = with_more(view, self.open_forms.seal), view.get("hash")
        if await self.open_forms.update(form.origin, more, version) == "hash_conflict":
            await self.complete(form, version)

    async def show_again(self, form: Form) -> None:
        """A form in the view where it was refused, whatever became of it there before."""
        form = self.with_what_is_known(form)
        await self.open_forms.remember(
            form.origin, more=int(form.more), location=form.location or "", whole=int(form.whole),
            conversation=form.conversation or "", thread_said=form.thread_said,
        )  # fmt: skip
        await self.open_forms.update(form.origin, self.open_forms.view(form), None)
        await self.complete(form, (await self.open_forms.shape(form.origin)).get("version"))

    # ── the sent form ───────────────────────────────────────

    async def asked_for(self, view: Mapping[str, Any], user: str, team: str) -> Draft | list[Problem]:
        """The draft that a sent form asks for, with all that it carries; or what has to be mended first."""
        if self.open_forms.seal.is_broken(str(view.get("private_metadata") or "")):
            return [Problem("message", "form_stale")]
        draft, form = read_form(view, user, team, self.open_forms.seal)
        carried = await self.sources.carry(draft, form)
        if isinstance(carried, Problem):
            return [carried]
        return await self.problems(carried) or await self.private_sources.forbids(carried) or carried

    async def problems(self, draft: Draft) -> list[Problem]:
        """What can be told of a draft before anything is kept or looked up."""
        # Beside the loop: a long message must not hold up everybody else's acknowledgement.
        return await offload.for_an_answer(check, draft, self.sources.limits)

    # ── what has to be looked up ─────────────────────────────────────────────

    async def _places(self, form: Form) -> dict[str, Any]:
        """The form's locations and groups; those that it shows stay while they cannot be looked up."""
        user = form.origin.user
        shape = await self.open_forms.shape(form.origin)
        try:
            standing = await self.places.standing(user)
            locations = standing.open()
            chosen = int(shape.get("location") or 0) or form.location or standing.only()
            groups: list[Mapping[str, Any]] = []
            if chosen is not None:
                where, profile = standing.choose(chosen)
                groups = list(await self.places.groups_for(where["Id"], profile))
        except NotAllowed as refused:
            # Better told before the words are typed than after.
            why = escape(sentences.reason(refused.reason, refused.detail))
            return {"notes": (why if refused.field else sentences.CANNOT_POST.format(why=why),)}
        except AWAY as error:
            log.info("places_unknown", fault=whose(error), error=type(error).__name__)
            shown = form.locations or form.groups
            return {} if shown else {"places_unknown": whose(error)}
        return {"locations": tuple(locations), "location": chosen, "groups": tuple(groups)}

    async def _warning(self, form: Form) -> str:
        return await self.private_sources.warning(form.origin, threaded=form.threaded, others=form.credit is not None)

    async def _earlier_posts(self, origin: Origin) -> list[str]:
        if not (origin.channel and origin.message_ts):
            return []
        try:
            earlier = await self.outbox.posted_from(origin.team, origin.channel, origin.message_ts)
        except RedisError:
            return []
        return [self._earlier(each) for each in earlier if not each["private"] or each["user"] == origin.user]

    def _earlier(self, post: Mapping[str, Any]) -> str:
        subject = escape(post["subject"])
        link = f"<{post['link']}|{subject}>" if post.get("link") else subject
        return sentences.POSTED_BEFORE.format(user=f"<@{post['user']}>", link=link)

    async def lacks_a_location(self, draft: Draft) -> bool:
        """Whether only the person can say where; not known in time, it is decided at delivery."""
        try:
            async with asyncio.timeout(LOCATING):
                await self.places.location_for(draft.origin.user, draft.location)
        except NotAllowed as refused:
            return refused.reason == "choose_location"
        except (TimeoutError, *AWAY):
            return False
        return False
