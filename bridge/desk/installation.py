"""Whether the app is still installed, and what is cleaned up when it is removed."""

import hashlib

from bridge.outbox.ledger import Outbox


class Installation:
    """One installation is known by its bot token; a new one has another, and starts afresh."""

    def __init__(self, outbox: Outbox, bot_token: str) -> None:
        self._outbox = outbox
        self._key = outbox.key("closed")
        self._fingerprint = hashlib.sha256(bot_token.encode()).hexdigest()[:16]

    async def close(self) -> None:
        """Nothing is claimed any more under this token, and nobody is remembered.

        Nobody can be told any more; what is in doubt stays, to be looked for by a new installation.
        """
        await self._outbox.redis.set(self._key, self._fingerprint, ex=round(self._outbox.keep))
        async for id_, entry in self._outbox.listing():
            if entry and await self._outbox.cancel(id_, "uninstalled") == "cancelled":
                await self._outbox.told(entry, "untold", leased=False)
        # Nothing in a prefix means anything to MATCH.
        for pattern in ("slack:*", "member:*", "tokens"):
            async for key in self._outbox.redis.scan_iter(match=self._outbox.key(pattern)):
                await self._outbox.redis.delete(key)

    async def is_closed(self) -> bool:
        """Whether the app was uninstalled under the token that this process holds."""
        return bool(await self._outbox.redis.get(self._key) == self._fingerprint)
