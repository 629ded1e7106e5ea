"""Telling a person what became of their post, by the next way until one works.

The form that is still open, the response_url (5 uses within 30 minutes), an ephemeral
message where they asked, a direct message. All of them reach that person alone.
"""

import time
from collections.abc import AsyncIterator, Awaitable, Callable

import structlog

from bridge.language import sentences
from bridge.outbox.ledger import Outbox
from bridge.post.draft import Outcome
from bridge.post.entry import Entry
from bridge.slack.webapi import CallFailed, WebApi
from bridge.telling import blocks

log = structlog.get_logger()

# https://docs.slack.dev/interactivity/handling-user-interaction, with a margin for its clock.
RESPONSE_URL_LIFE = 29 * 60
RESPONSE_URL_USES = 5

Way = tuple[str, Callable[[], Awaitable[object]]]


class Untold(Exception):
    """No way of telling worked; `final` when none ever will. `wait`: seconds that were asked for."""

    def __init__(self, *, final: bool, wait: float | None = None) -> None:
        super().__init__("untold")
        self.final, self.wait = final, wait


class Telling:
    """What delivery is handed to tell a person by."""

    def __init__(self, api: WebApi, outbox: Outbox, locale: Callable[[str], Awaitable[str]] | None) -> None:
        """`locale` answers which language a person has chosen in Slack; None where there is none but English."""
        self._api, self._outbox, self._locale = api, outbox, locale

    async def __call__(self, entry: Entry, outcome: Outcome | None) -> str:
        """Answers the way that worked. Raises Untold, final when nothing passing was among the failures."""
        with sentences.speaking(await self._locale(entry.draft.origin.user) if self._locale else ""):
            return await self._tell(entry, outcome)

    async def _tell(self, entry: Entry, outcome: Outcome | None) -> str:
        passing, wait = False, 0.0
        async for name, tell in self._ways(entry, outcome):
            try:
                await tell()
            except CallFailed as failed:
                log.info("way_failed", id=entry.id, way=name, error=failed.error)
                passing, wait = passing or failed.passing, max(wait, failed.wait or 0)
                continue
            log.info("told", id=entry.id, way=name, interim=outcome is None)
            return name
        raise Untold(final=not passing, wait=wait or None)

    async def _ways(self, entry: Entry, outcome: Outcome | None) -> AsyncIterator[Way]:
        origin, message = entry.draft.origin, blocks.report_message(entry, outcome)
        if origin.view and not entry.form_closed:
            yield (
                "form",
                lambda: self._api.call("views.update", view_id=origin.view, view=blocks.report_view(entry, outcome)),
            )
        if self._response_url_lives(entry):
            yield "response_url", lambda: self._respond(entry, outcome, message)
        if origin.channel and origin.channel[0] in "CG":
            yield (
                "ephemeral",
                lambda: self._api.call(
                    "chat.postEphemeral",
                    channel=origin.channel,
                    user=origin.user,
                    thread_ts=origin.thread_ts,
                    **message,
                ),
            )
        yield "message", lambda: self._api.call("chat.postMessage", channel=origin.user, **message)

    def _response_url_lives(self, entry: Entry) -> bool:
        origin = entry.draft.origin
        fresh = time.time() - origin.asked_at < RESPONSE_URL_LIFE
        return bool(origin.response_url) and fresh and entry.response_uses < RESPONSE_URL_USES

    async def _respond(self, entry: Entry, outcome: Outcome | None, message: blocks.Block) -> None:
        # Counted before it is used: an answer that is lost has been used up all the same.
        await self._outbox.note(entry, response_uses=entry.response_uses + 1)
        replaces = outcome is not None and outcome.ending == "cancelled"
        await self._api.respond(str(entry.draft.origin.response_url), message, replace_original=replaces)
