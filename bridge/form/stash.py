"""What a form was opened on, kept for as long as a form may stay open: Slack sends it once, and not with the form."""

import asyncio
import contextlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from bridge.moments import QUICK

# A form lives no longer than a day; what it needs remembered neither. Seconds.
FORM_LIFE = 86400


@dataclass(frozen=True)
class Stash:
    """Messages and whole threads by names that cannot be guessed; a form remembers the name under its seal."""

    redis: Redis
    prefix: str

    async def keep(self, what: Mapping[str, Any]) -> str | None:
        """Its name, or None: the trigger lives three seconds, and a slow store must not keep a form from opening."""
        name = f"original:{secrets.token_urlsafe(18)}"
        try:
            async with asyncio.timeout(QUICK):
                await self.redis.set(self.prefix + name, json.dumps(what), ex=FORM_LIFE)
        except (RedisError, TimeoutError):
            return None
        return name

    async def read(self, name: str) -> dict[str, Any] | None:
        """What was kept, or None when its time is over, or it is damaged. Raises RedisError."""
        if not name.startswith("original:"):
            return None
        text = await self.redis.get(self.prefix + name)
        with contextlib.suppress(ValueError, TypeError, RecursionError):
            return dict(json.loads(text)) if text else None
        return None
