"""What a form was opened on, kept for as long as a form may stay open: Slack sends it once, and not with the form."""

import asyncio
import contextlib
import hmac
import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from bridge.moments import QUICK

# A form lives no longer than a day; what it needs remembered neither. Seconds.
FORM_LIFE = 86400

# Originals of one person at a time, up to a megabyte each. A form has three at most, and few forms are open at once.
MOST = 30
_KEEP = Path(__file__).with_name("keep.lua").read_text()


@dataclass(frozen=True)
class Stash:
    """Messages and whole threads by names that only the holder of `key` can make; a form remembers them under its seal.

    The same original of the same person has the same name: it is kept once.
    """

    redis: Redis
    prefix: str
    key: bytes

    async def keep(self, user: str, what: Mapping[str, Any]) -> str | None:
        """Its name, or None: the trigger lives three seconds, and a slow store must not keep a form from opening."""
        text = json.dumps(what, sort_keys=True)
        mac = hmac.digest(self.key, f"{user} {text}".encode(), "sha256")
        name = f"original:{urlsafe_b64encode(mac[:18]).decode()}"
        keep = self.redis.register_script(_KEEP)
        try:
            async with asyncio.timeout(QUICK):
                keys = [self.prefix + name, f"{self.prefix}originals:{user}"]
                await keep(keys=keys, args=[text, name, self.prefix, FORM_LIFE, MOST])
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
