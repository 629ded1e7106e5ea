"""The queue of posts whose files are on their way: a lease on each, like the outbox's, and the same records.

A post is in it from the moment when its thread is noted. It leaves when every file has ended and the person knows.
"""

import json
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bridge.outbox import leases, scripts
from bridge.outbox.ledger import Outbox
from bridge.post.attachment import ENDED, File
from bridge.post.entry import UNREADABLE, Entry

_SAVE, _KNOWN = (scripts.script(Path(__file__).with_name(name)) for name in ("save.lua", "known.lua"))


@dataclass(frozen=True)
class FileQueue:
    """A claimed entry's `claim` is the lease of its files; that of its telling is another one."""

    outbox: Outbox

    @property
    def lease(self) -> float:
        return self.outbox.lease

    async def claim(self) -> Entry | float:
        """Lease the next due post, or answer how many seconds nothing will be due (-1: nothing waits)."""
        fields = leases.claimed(await self._run(scripts.CLAIM, secrets.token_hex(8), round(self.lease * 1000)))
        if isinstance(fields, float):
            return fields
        try:
            entry = await self.outbox.read(fields)
            claimed, stuck = int(fields["attach_claimed"]) / 1000, int(fields["attach_stuck"])
            drift = time.time() - claimed
            return replace(entry, claim=fields["attach_claim"], claimed=claimed, drift=drift, stuck=stuck)
        except UNREADABLE:
            return await self.outbox.park(fields.get("id", ""), "attach")

    async def wait(self, seconds: float) -> None:
        """Sleep until a thread with files was noted, or for so long (at most)."""
        await leases.woken(self.outbox.blocking, self.outbox.key("attach-wake"), seconds)

    async def renew(self, entry: Entry) -> None:
        """Hold the lease for another `lease` seconds. Raises Lost."""
        if not await self._run(scripts.RENEW, entry.id, entry.claim, round(self.lease * 1000)):
            raise leases.Lost(entry.id)

    async def save(self, entry: Entry, files: Sequence[File], *, delay: float = -1) -> None:
        """Note how the files stand; with a `delay` (seconds) give the lease back. Raises Lost.

        When all have ended, the post is due once more only if something stays that the person has not been told.
        """
        attaching = sum(each["state"] not in ENDED for each in files)
        staying = sum(each["state"] == "stays" for each in files)
        text, wait = json.dumps(list(files)), round(delay * 1000) if delay >= 0 else -1
        leases.still_ours(entry.id, await self._run(_SAVE, entry.id, entry.claim, text, attaching, staying, wait))

    async def known(self, entry: Entry) -> None:
        """The person knows how all of it ended. Raises Lost."""
        leases.still_ours(entry.id, await self._run(_KNOWN, entry.id, entry.claim))

    async def _run(self, script: str, *args: str | int) -> Any:
        return await self.outbox.run(script, *args, queue="attach")
