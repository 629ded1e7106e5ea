"""The tries of one post: what was not posted may be filled in again, in the same form or in others, and posted once."""

from typing import cast

from bridge.outbox import scripts
from bridge.outbox.ledger import Outbox
from bridge.post.entry import Entry


async def standing(outbox: Outbox, id_: str) -> Entry | None:
    """The other try of this draft's post that is under way, posted or in doubt; None without one. Raises RedisError."""
    found = cast("str | None", await outbox.run(scripts.STANDING, id_))
    return await outbox.get(found) if found else None
