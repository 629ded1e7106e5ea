"""PrivateSources a private place: what is said before a message does, and where PRIVATE_SOURCES forbids it."""

import asyncio
import contextlib
from dataclasses import dataclass
from typing import Literal

from bridge.language import sentences
from bridge.members.people import People
from bridge.moments import LEAVING
from bridge.post.draft import Draft, Origin, Problem


@dataclass(frozen=True)
class PrivateSources:
    """Whatever is not known to be a public channel of this workspace alone counts as private."""

    people: People
    rule: Literal["allow", "warn", "forbid"] = "warn"

    async def warning(self, origin: Origin, *, threaded: bool, others: bool, within: float | None = None) -> str:
        """What stands above the button that sends it; not known `within` so many seconds, it is said too."""
        if self.rule == "allow" or not origin.message_ts or (public := await self._is_public(origin, within)):
            return ""
        if self.rule == "forbid":
            return sentences.REASONS[_why(public)]
        more = sentences.PRIVATE_THREAD if threaded else sentences.PRIVATE_OTHERS if others else ""
        return sentences.PRIVATE_SOURCE + more

    async def forbids(self, draft: Draft) -> list[Problem]:
        """PRIVATE_SOURCES=forbid: a message from anywhere not known to be public stays in Slack."""
        if self.rule != "forbid" or not draft.origin.message_ts:
            return []
        public = await self._is_public(draft.origin, LEAVING)
        return [] if public else [Problem("message", _why(public))]

    async def _is_public(self, origin: Origin, within: float | None) -> bool | None:
        """None where Slack did not say it in time."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within):
                return await self.people.is_public(origin.channel)
        return None


def _why(public: bool | None) -> str:
    """The reason why a message stays: "not public" is said only where Slack said so."""
    return "private_unknown" if public is None else "private_forbidden"
