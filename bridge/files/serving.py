"""One file for minutes at PUBLIC_URL/files/{token}: the board fetches it there, because it cannot fetch from Slack.

The bytes run through, from Slack to the board; Redis holds a token's address and type, never a byte of a file.
"""

import contextlib
import json
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from bridge.attachment import File
from bridge.files.opening import Opened, SlackFiles, Stays
from bridge.webapi import CallFailed

log = structlog.get_logger()

# On every answer, also where there is nothing: a cache before us must not remember that. `doctor` knows us by them.
GUARDED = {
    "x-content-type-options": "nosniff",
    "content-security-policy": "sandbox; default-src 'none'",
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
}


@dataclass(frozen=True)
class Files:
    """An ASGI app, and the maker of its tokens. `life` is how many seconds one of them works."""

    redis: Redis
    prefix: str
    public_url: str
    source: SlackFiles
    life: float = 600

    async def offer(self, file: File) -> str:
        """A new token for this file; where it leads is `address`. Raises RedisError."""
        token = secrets.token_urlsafe(32)
        kept = {name: file[name] for name in ("url", "type", "name")}
        await self.redis.set(self._key(token), json.dumps(kept), px=round(self.life * 1000))
        return token

    def address(self, token: str) -> str:
        return f"{self.public_url.rstrip('/')}/files/{token}"

    async def was_fetched(self, token: str) -> bool:
        """Whether somebody with this token got every byte of it. Raises RedisError."""
        return bool(await self.redis.exists(f"{self.prefix}fetched:{token}"))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """GET the whole file, whatever Range says; HEAD asks Slack for nothing. Anything else to know is 404."""
        request = Request(scope)
        token = str(request.path_params["token"])
        try:
            text = await self.redis.get(self._key(token)) if len(token) < 100 else None
        except RedisError:
            return await Response(status_code=503)(scope, receive, send)
        if not text:
            return await Response(status_code=404, headers=GUARDED)(scope, receive, send)
        kept = json.loads(text)
        if request.method == "HEAD":
            return await Response(headers=_headers(kept, None), media_type=kept["type"])(scope, receive, send)
        return await self._stream(token, kept, scope, receive, send)

    async def _stream(self, token: str, kept: dict[str, Any], scope: Scope, receive: Receive, send: Send) -> None:
        begun = False
        try:
            async with self.source.opened(kept["url"], kept["type"]) as opened:
                begun = True
                body = StreamingResponse(
                    self._counted(token, opened), headers=_headers(kept, opened.length), media_type=kept["type"]
                )
                await body(scope, receive, send)
        except ClientDisconnect:
            log.info("file_not_awaited")
        except (Stays, CallFailed) as error:
            log.warning("file_not_served", why=str(error), begun=begun)
            if begun:
                return  # unfinished, so the server breaks off: half a file must not look like a whole one
            await Response(status_code=502 if isinstance(error, CallFailed) else 404)(scope, receive, send)

    async def _counted(self, token: str, opened: Opened) -> AsyncIterator[bytes]:
        sent = 0
        async for chunk in opened.chunks:
            sent += len(chunk)
            yield chunk
        if opened.length in (None, sent):
            # Not noted, it counts as not fetched, which is told as what it may be.
            with contextlib.suppress(RedisError):
                await self.redis.set(f"{self.prefix}fetched:{token}", 1, px=round(self.life * 3000))

    def _key(self, token: str) -> str:
        return f"{self.prefix}file:{token}"


def _headers(kept: dict[str, Any], length: int | None) -> dict[str, str]:
    named = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(str(kept['name']), safe='')}"}
    return GUARDED | {"Accept-Ranges": "none"} | named | ({"Content-Length": str(length)} if length is not None else {})
