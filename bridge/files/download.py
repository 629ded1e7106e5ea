"""The bytes of a file in Slack, opened with the bot's token and believed only after a look at them.

Slack answers a token that it does not like with a login page, 200 and all: that is never passed off as a picture.
https://docs.slack.dev/reference/objects/file-object
"""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urljoin

import httpx

from bridge.post.attachment import LIVE, Rules
from bridge.slack.webapi import CallFailed, WebApi, named_wait

# Hops between Slack's own hosts; each is checked, and none but the first sees the token.
MOST_HOPS = 4
# Seconds between two pieces of a file.
PATIENCE = httpx.Timeout(10.0)
# Seconds for all of one file, or a byte now and then would hold whoever waits for it.
LONGEST = 60.0
HEAD = 1024

_MARKUP = re.compile(rb"(?i)^(?:\xef\xbb\xbf)?\s*<\s*(?:!doctype|!--|html|head|body|script|svg|\?xml)")
# What some browser or system would take for markup, whatever plain text it is said to be.
_TAG = re.compile(rb"(?i)^(?:\xef\xbb\xbf)?\s*<[a-z!?/]")
_VAGUE = ("", "application/octet-stream", "binary/octet-stream")
# How files of a kind begin; what begins otherwise is something else under that name.
_BEGINNINGS = {
    "image/png": (b"\x89PNG\r\n\x1a\n",),
    "image/jpeg": (b"\xff\xd8\xff",),
    "image/gif": (b"GIF87a", b"GIF89a"),
    "image/webp": (b"RIFF",),
    "application/pdf": (b"%PDF",),
}


class Stays(Exception):
    """This file cannot be carried, now or later; `reason` names a sentence."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Opened:
    """A file that passed; `chunks` raises Stays when it turns out longer than allowed. `length` in bytes, if told."""

    length: int | None
    chunks: AsyncIterator[bytes]


@dataclass(frozen=True)
class SlackFiles:
    """`http` is for files alone: readers who dawdle must not take the board's connections."""

    api: WebApi
    http: httpx.AsyncClient
    rules: Rules
    longest: float = LONGEST

    @asynccontextmanager
    async def opened(self, url: str, kind: str, within: float = LONGEST) -> AsyncIterator[Opened]:
        """The file at `url`, which Slack listed as of the MIME type `kind`. Raises Stays, and CallFailed for now.

        For `within` seconds (at most `longest`), whatever is done with it; then CallFailed, too.
        """
        try:
            async with asyncio.timeout(min(within, self.longest)), aclosing(await self._follow(url)) as response:
                length = self._checked(response, kind)
                chunks = response.aiter_raw()
                head = await _head(chunks)
                _look(head, kind)
                yield Opened(length, self._limited(head, chunks))
        except (httpx.HTTPError, httpx.StreamError, OSError) as error:
            raise CallFailed(type(error).__name__, passing=True) from None

    async def _follow(self, url: str) -> httpx.Response:
        headers = {"Accept-Encoding": "identity", "Authorization": f"Bearer {self.api.client.token}"}
        for _ in range(MOST_HOPS):
            if not self.api.is_slacks(url):
                raise Stays("elsewhere")
            response = await self._asked(url, headers)
            if not response.has_redirect_location:
                return response
            await response.aclose()
            url = _onward(url, response.headers["location"])
            headers = {"Accept-Encoding": "identity"}
        raise Stays("elsewhere")

    async def _asked(self, url: str, headers: dict[str, str]) -> httpx.Response:
        try:
            request = self.http.build_request("GET", url, headers=headers, timeout=PATIENCE)
            request.headers.pop("Cookie", None)
            return await self.http.send(request, stream=True, auth=None, follow_redirects=False)
        except (ValueError, httpx.InvalidURL, httpx.LocalProtocolError):
            raise Stays("elsewhere") from None  # nobody can be asked for this, now or later
        except httpx.RemoteProtocolError as error:
            # httpx reads a Location although it is not to follow it.
            if isinstance(error.__context__, httpx.InvalidURL):
                raise Stays("elsewhere") from None
            raise

    def _checked(self, response: httpx.Response, kind: str) -> int | None:
        """The told length, once status, type and length are as they should be."""
        if response.status_code in (408, 429) or response.status_code >= 500:
            raise CallFailed(f"file {response.status_code}", passing=True, wait=named_wait(response.headers))
        if response.status_code != 200 or response.headers.get("content-encoding", "identity") != "identity":
            raise Stays("gone")
        said = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        if "html" in said:
            raise Stays("login_page")
        # Slack may be vague about the type, but not say another kind than it listed.
        same = said.partition("/")[0] == kind.partition("/")[0] and self.rules.allows(said)
        if not self.rules.allows(kind) or (LIVE.search(said) and not same) or not (said in _VAGUE or same):
            raise Stays("type")
        told = response.headers.get("content-length", "")
        length = int(told) if told.isascii() and told.isdigit() else None
        if length is not None and length > self.rules.most_bytes:
            raise Stays("too_large")
        return length

    async def _limited(self, head: bytes, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        sent = len(head)
        yield head
        async for chunk in chunks:
            sent += len(chunk)
            if sent > self.rules.most_bytes:
                raise Stays("too_large")
            yield chunk


def _onward(url: str, location: str) -> str:
    try:
        return urljoin(url, location)
    except ValueError:
        raise Stays("elsewhere") from None


async def _head(chunks: AsyncIterator[bytes]) -> bytes:
    head = b""
    async for chunk in chunks:
        head += chunk
        if len(head) >= HEAD:
            break
    return head


def _look(head: bytes, kind: str) -> None:
    if _MARKUP.match(head):
        raise Stays("login_page")
    if kind.startswith("text/") and _TAG.match(head):
        raise Stays("type")
    if kind in _BEGINNINGS and not head.startswith(_BEGINNINGS[kind]):
        raise Stays("type")
