"""An open form drawn anew: what became of it since it opened, and which of two drawings stands.

Slack keeps what was typed where blocks keep their ids, and with a view's hash refuses what was drawn for an older one.
https://docs.slack.dev/reference/methods/views.update
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import structlog
from redis.exceptions import RedisError

from bridge.form.read_back import read_open
from bridge.form.signed_metadata import Seal
from bridge.form.sources import Sources
from bridge.form.stash import FORM_LIFE
from bridge.form.view import Form, form_view
from bridge.outbox.ledger import Outbox
from bridge.post.draft import Origin
from bridge.slack.webapi import CallFailed, WebApi

log = structlog.get_logger()

_REMEMBER = (Path(__file__).parent / "remember.lua").read_text()

# How often a drawing that met a newer one is repeated, and how many seconds are waited for the newer one's hash.
TRIES, SETTLING = 3, 0.3
# Seconds: longer than any reading of a thread, and short for somebody whose reader died.
READING = 60


@dataclass(frozen=True)
class OpenForms:
    api: WebApi
    outbox: Outbox
    sources: Sources
    seal: Seal

    async def show(self, form: Form, version: str | None) -> None:
        """Redraw the form, unless somebody else did since `version`: then it was sent, and shows its report."""
        for _ in range(TRIES):
            if await self._show(form, version) != "hash_conflict":
                return
            # Only our own drawings are known here.
            await asyncio.sleep(SETTLING)
            newer = (await self.shape(form.origin)).get("version")
            if not newer or newer == version:
                return
            version = newer

    async def _show(self, form: Form, version: str | None) -> str:
        try:
            form = await self._as_it_stands(form)
        except RedisError:
            # Half a form would drop what is ticked in the other half.
            log.info("form_not_redrawn", error="store_away")
            return "store_away"
        return await self.update(form.origin, self.view(form), version)

    async def _as_it_stands(self, form: Form) -> Form:
        """The form with what was chosen and read in it since it was taken up."""
        shape = await self._remembered(form.origin)
        form = replace(
            form,
            more=form.more or shape.get("more") == "1",
            whole=shape["whole"] == "1" if "whole" in shape else form.whole,
            conversation=shape.get("conversation") or form.conversation,
            thread_said=shape.get("thread_said") or form.thread_said,
        )
        listed = form.listed or await self.sources.listed(form.files)
        return replace(form, listed=listed, thread_listed=await self.sources.listed(form.conversation))

    def view(self, form: Form) -> dict[str, Any]:
        return form_view(form, self.seal)

    def read(self, view: Mapping[str, Any], user: str, team: str) -> Form:
        """The form that this person acts in, as it shows itself."""
        return read_open(view, user, team, self.seal)

    async def update(self, origin: Origin, view: Mapping[str, Any], version: str | None) -> str:
        """views.update, if the view is still at `version`; remembers the new one. Answers Slack's error."""
        try:
            answer = await self.api.call("views.update", view_id=origin.view, view=view, hash=version)
        except CallFailed as failed:
            log.info("form_not_redrawn", error=failed.error)
            return failed.error
        await self.remember(origin, version=str((answer.get("view") or {}).get("hash") or ""))
        return ""

    # ── what became of it ────────────────────────────────────────────────────

    async def shape(self, origin: Origin) -> Mapping[str, str]:
        """What was remembered of the form; nothing while it cannot be known."""
        try:
            return await self._remembered(origin)
        except RedisError:
            return {}

    async def _remembered(self, origin: Origin) -> Mapping[str, str]:
        """Nothing of a form that has not opened yet. Raises RedisError."""
        if not origin.view:
            return {}
        return cast("dict[str, str]", await self.outbox.redis.hgetall(self._key(origin)))

    async def remember(self, origin: Origin, **shape: str | int) -> None:
        """What became of the form, for whatever redraws it next."""
        try:
            fields = [part for pair in shape.items() for part in pair]
            await self.outbox.redis.register_script(_REMEMBER)([self._key(origin)], [FORM_LIFE, *fields])
        except RedisError:
            log.info("shape_not_remembered")

    @contextlib.asynccontextmanager
    async def alone(self, origin: Origin) -> AsyncIterator[bool]:
        """Whether nobody else, in whatever process, reads for this form at the moment."""
        key = f"{self.outbox.prefix}reading:{origin.team}:{origin.view}"
        try:
            first = bool(await self.outbox.redis.set(key, 1, nx=True, ex=READING))
        except RedisError:
            first = True
        try:
            yield first
        finally:
            if first:
                with contextlib.suppress(RedisError):
                    await self.outbox.redis.delete(key)

    def _key(self, origin: Origin) -> str:
        return self.outbox.form_key(f"{origin.team}:view:{origin.view}")
