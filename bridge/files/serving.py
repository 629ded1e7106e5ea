"""One file for minutes at PUBLIC_URL/files/{token}: the board fetches it there, because it cannot fetch from Slack.

The bytes run through, from Slack to the board; Redis holds a token's address and type, never a byte of a file.
"""

import contextlib
import json
import re
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from bridge.files.download import Opened, SlackFiles, Stays
from bridge.post.attachment import File
from bridge.slack.webapi import CallFailed

log = structlog.get_logger()

# As `offer` makes them; other keys stand beside theirs.
_TOKEN = re.compile(r"[\w-]{43}", re.ASCII)
# How often one token is answered with bytes. The board comes once or twice.
MOST_READINGS = 20
# Seconds until a reader who found no place may come again.
COME_AGAIN = 5
# How long it is remembered that a file was fetched: a worker may be away for a while.
FETCHED_KEPT = 86400
# On every answer, also where there is nothing: a cache before us must not remember that. `doctor` knows us by them.
GUARDED = {
    "x-content-type-options": "nosniff",
    "content-security-policy": "sandbox; default-src 'none'",
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
}


# The board needs one; a second try may begin before the first has ended.
MOST_OF_ONE, MOST_READERS = 3, 12


class Full(Exception):
    """There are as many readers as there may be."""


class Readers:
    """How many read files at once in this process: few of one token, few of all. `reading` counts by token."""

    def __init__(self) -> None:
        self.reading: Counter[str] = Counter()

    @contextlib.contextmanager
    def one(self, token: str) -> Iterator[None]:
        """Holds a place. Raises Full."""
        if self.reading[token] >= MOST_OF_ONE or self.reading.total() >= MOST_READERS:
            raise Full
        self.reading[token] += 1
        try:
            yield
        finally:
            self.reading[token] -= 1
            self.reading += Counter()  # forgets those with none


@dataclass(frozen=True)
class Files:
    """An ASGI app, and the maker of its tokens. `life` is how many seconds one of them works."""

    redis: Redis
    prefix: str
    public_url: str
    source: SlackFiles
    life: float = 600
    readers: Readers = field(default_factory=Readers)

    async def offer(self, file: File, length: int | None = None) -> str:
        """A new token for this file (of so many bytes); where it leads is `address`. Raises RedisError."""
        token = secrets.token_urlsafe(32)
        kept = {name: file[name] for name in ("url", "type", "name")} | {"length": length}
        await self.redis.set(self._key(token), json.dumps(kept), px=round(self.life * 1000))
        return token

    def address(self, token: str) -> str:
        return f"{self.public_url.rstrip('/')}/files/{token}"

    async def was_fetched(self, token: str) -> bool:
        """Whether somebody with this token got every byte of it. Raises RedisError."""
        return bool(await self.redis.exists(f"{self.prefix}fetched:{token}"))

    async def withdraw(self, token: str) -> bool:
        """Nobody gets the file by this token any more. Answers whether nobody got it. Raises RedisError."""
        await self.redis.delete(self._key(token))
        return not await self.was_fetched(token)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """GET the whole file, whatever Range says; HEAD asks Slack for nothing. Anything else to know is 404."""
        request = Request(scope)
        token = str(request.path_params["token"])
        try:
            kept, left = await self._kept(token)
            if kept is not None and request.method != "HEAD":
                with self.readers.one(token):
                    await self._counted_in(token)
                    await self._stream(token, kept, left, scope, receive, send)
                return
            answer = _told(kept) if kept is not None else Response(status_code=404, headers=GUARDED)
        except RedisError:
            answer = Response(status_code=503)
        except Full:
            answer = Response(status_code=503, headers={"Retry-After": str(COME_AGAIN)})
        await answer(scope, receive, send)

    async def _kept(self, token: str) -> tuple[dict[str, Any] | None, float]:
        """What the token stands for, and for how many seconds."""
        if not _TOKEN.fullmatch(token):
            return None, 0
        async with self.redis.pipeline() as asked:
            asked.get(self._key(token))
            asked.pttl(self._key(token))
            text, left = await asked.execute()
        with contextlib.suppress(ValueError, RecursionError):  # damaged, it is no file
            return (json.loads(text), left / 1000) if text and left > 0 else (None, 0)
        return None, 0

    async def _counted_in(self, token: str) -> None:
        """Raises Full. Those who are broken off may keep a connection for a while: let them be few."""
        key = f"{self.prefix}file:{token}:readings"
        async with self.redis.pipeline() as asked:
            asked.incr(key)
            asked.pexpire(key, round(self.life * 1000))
            readings, _ = await asked.execute()
        if readings > MOST_READINGS:
            raise Full

    async def _stream(
        self, token: str, kept: dict[str, Any], left: float, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """For as long as the token works at most, so that it is certain afterwards whether the file was fetched."""
        begun = False
        try:
            async with self.source.opened(kept["url"], kept["type"], left) as opened:
                begun = True
                body = StreamingResponse(
                    self._noted(token, kept, opened), headers=_headers(kept, opened.length), media_type=kept["type"]
                )
                await body(scope, receive, send)
        except ClientDisconnect:
            log.info("file_not_awaited")
        except (Stays, CallFailed) as error:
            log.warning("file_not_served", why=str(error), begun=begun)
            if begun:
                return  # unfinished, so the server breaks off: half a file must not look like a whole one
            await Response(status_code=502 if isinstance(error, CallFailed) else 404)(scope, receive, send)

    async def _noted(self, token: str, kept: dict[str, Any], opened: Opened) -> AsyncIterator[bytes]:
        sent, whole = 0, opened.length if opened.length is not None else kept.get("length")
        async for chunk in opened.chunks:
            sent += len(chunk)
            yield chunk
        if whole in (None, sent):
            # Not noted, it counts as not fetched, which is told as what it may be.
            with contextlib.suppress(RedisError):
                await self.redis.set(f"{self.prefix}fetched:{token}", 1, ex=FETCHED_KEPT)

    def _key(self, token: str) -> str:
        return f"{self.prefix}file:{token}"


def _told(kept: dict[str, Any]) -> Response:
    """What a GET would say, with a length only if it is known."""
    answer = Response(headers=_headers(kept, kept.get("length")), media_type=kept["type"])
    if kept.get("length") is None:
        del answer.headers["Content-Length"]
    return answer


def _headers(kept: dict[str, Any], length: int | None) -> dict[str, str]:
    name = quote(str(kept["name"]), safe="", errors="replace")
    named = {"Content-Disposition": f"attachment; filename*=UTF-8''{name}", "Accept-Ranges": "none"}
    return GUARDED | named | ({"Content-Length": str(length)} if length is not None else {})
