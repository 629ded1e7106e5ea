"""The queue of posts whose files are on their way: the outbox's records and leases, seen by another queue.

A post is in it from the moment when its thread is noted. It leaves when every file has ended and the person knows.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bridge.outbox import leases, scripts
from bridge.outbox.ledger import Board, Outbox
from bridge.post.attachment import ENDED, File
from bridge.post.entry import Entry

_SAVE, _KNOWN = (scripts.script(Path(__file__).with_name(name)) for name in ("save.lua", "known.lua"))


@dataclass(frozen=True)
class FileQueue:
    """What `outbox` claims here is the lease of a post's files; that of its telling is another one."""

    outbox: Outbox

    @classmethod
    def of(cls, outbox: Outbox) -> "FileQueue":
        return cls(replace(outbox, queue="attach"))

    async def save(self, entry: Entry, files: Sequence[File], *, delay: float = -1, board: Board = "") -> None:
        """Note how the files stand; with a `delay` (seconds) give the lease back. Raises Lost.

        `board`: as for `put_back`. When all have ended, the post is due once more only if something stays that the
        person has not been told.
        """
        attaching = sum(each["state"] not in ENDED for each in files)
        staying = sum(each["state"] == "stays" for each in files)
        text, wait = json.dumps(list(files)), round(delay * 1000) if delay >= 0 else -1
        said = await self.outbox.run(_SAVE, entry.id, entry.claim, text, attaching, staying, wait, board)
        leases.still_ours(entry.id, said)

    async def known(self, entry: Entry) -> None:
        """The person knows how all of it ended. Raises Lost."""
        leases.still_ours(entry.id, await self.outbox.run(_KNOWN, entry.id, entry.claim))
