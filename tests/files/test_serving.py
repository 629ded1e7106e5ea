"""GET /files/{token}: open to the internet, so whoever holds a token may do what they like, and harm nothing."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from redis.asyncio import Redis

from bridge.files import serving
from bridge.post.attachment import Rules, listed
from tests.files.test_files import PNG, message, picture
from tests.support.space import ANA, Space, open_space, until

# More than what the kernel, uvicorn and httpx hold for a reader who does not read.
LARGE = PNG + b"\0" * 20_000_000


class Counted(bytes):
    """Content that knows how many bytes of it were asked for."""

    asked = 0

    def __getitem__(self, part: Any) -> Any:
        Counted.asked += part.stop - part.start
        return super().__getitem__(part)


@pytest.fixture
async def space(redis_url: str, redis: Redis) -> AsyncIterator[Space]:
    async with open_space(redis_url, files=True, file_bytes_max=10**9) as opened:
        yield opened


async def offered(space: Space, file: dict[str, Any], length: int | None = None) -> str:
    (facts,) = listed([file], Rules(True, frozenset({"image/*"}), 10**9))
    files = space.bridge.carrying.files
    return files.address(await files.offer(facts, length))


def limit(space: Space, seconds: float) -> None:
    object.__setattr__(space.bridge.carrying.files.source, "longest", seconds)


async def dawdle(url: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Asks for a file and reads no further than the head of the answer."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port, limit=1024)
    writer.write(f"GET {parts.path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    return reader, writer


async def status(reader: asyncio.StreamReader) -> int:
    return int((await reader.readline()).split()[1])


async def rest(reader: asyncio.StreamReader) -> int:
    """How many bytes still come until the connection ends."""
    read = 0
    with contextlib.suppress(ConnectionError):
        while got := await reader.read(65536):
            read += len(got)
    return read


async def test_dawdling_readers_stop_no_post(space: Space) -> None:
    """A hundred and ten who do not read: three are served, the others are sent away, and Ana's post is as quick."""
    url = await offered(space, picture(space, content=LARGE))
    lines = [await dawdle(url) for _ in range(110)]
    answers = [await status(reader) for reader, _ in lines]
    assert (answers.count(200), answers.count(503)) == (serving.MOST_OF_ONE, 110 - serving.MOST_OF_ONE)
    began = time.monotonic()
    await space.sender.message_shortcut(ANA, message())
    reply = await space.sender.submit(space.view()["id"], {"subject": "Plan"})
    assert time.monotonic() - began < 2
    assert "/thread/" in reply.text
    for _, writer in lines:
        writer.close()


async def test_who_finds_no_place_may_come_again(space: Space) -> None:
    """503 with Retry-After; a place is free as soon as somebody leaves. Slack is asked for those who read alone."""
    url = await offered(space, picture(space, content=LARGE))
    lines = [await dawdle(url) for _ in range(serving.MOST_OF_ONE)]
    assert [await status(reader) for reader, _ in lines] == [200] * len(lines)
    async with httpx.AsyncClient() as client:
        sent_away = await client.get(url)
        assert (sent_away.status_code, sent_away.headers["retry-after"]) == (503, str(serving.COME_AGAIN))
        assert len(space.workspace.tokens_seen) == len(lines)
        for _, writer in lines:
            writer.close()
        await until(lambda: not space.bridge.carrying.files.readers.reading)
        assert (await client.get(url)).content == LARGE


async def test_all_tokens_together_have_so_many_places(space: Space) -> None:
    """Somebody with many tokens gets no further than with a few."""
    urls = [await offered(space, picture(space, f"F{n}", content=LARGE)) for n in range(serving.MOST_READERS + 3)]
    lines = [await dawdle(url) for url in urls]
    answers = [await status(reader) for reader, _ in lines]
    assert (answers.count(200), answers.count(503)) == (serving.MOST_READERS, 3)
    for _, writer in lines:
        writer.close()


async def test_a_dawdling_reader_is_broken_off(space: Space) -> None:
    """After the time for one file the place is free again, and what they have does not look whole."""
    limit(space, 0.5)
    url = await offered(space, picture(space, content=LARGE))
    reader, writer = await dawdle(url)
    assert await status(reader) == 200
    await until(lambda: not space.bridge.carrying.files.readers.reading, 2)
    assert await rest(reader) < len(LARGE)
    assert not await space.bridge.carrying.files.was_fetched(url.rpartition("/")[2])
    writer.close()


async def test_a_streaming_ends_with_its_token(redis_url: str, redis: Redis) -> None:
    """So it is certain whether the file was fetched when that is told."""
    async with open_space(redis_url, files=True, file_bytes_max=10**9, file_ttl=0.5) as space:
        reader, writer = await dawdle(await offered(space, picture(space, content=LARGE)))
        assert await status(reader) == 200
        await until(lambda: not space.bridge.carrying.files.readers.reading, 2)
        writer.close()


async def test_slack_by_the_byte_holds_no_reader(space: Space) -> None:
    """A byte a second from Slack: 502 at the end of the time, not a connection for hours."""
    limit(space, 0.4)
    url = await offered(space, picture(space, drip=0.1))
    async with httpx.AsyncClient() as client:
        began = time.monotonic()
        assert (await client.get(url)).status_code == 502
        assert time.monotonic() - began < 2


async def test_no_file_is_held_whole(space: Space) -> None:
    """Of a file whose reader does not read, Slack is asked for a part only."""
    Counted.asked = 0
    reader, writer = await dawdle(await offered(space, picture(space, content=Counted(LARGE))))
    assert await status(reader) == 200
    await asyncio.sleep(0.5)
    assert Counted.asked < len(LARGE) * 0.8
    writer.close()


async def test_a_token_serves_so_often_only(space: Space) -> None:
    """The board comes once or twice; whoever loads a file over and over is sent away."""
    url = await offered(space, picture(space))
    async with httpx.AsyncClient() as client:
        answers = [(await client.get(url)).status_code for _ in range(serving.MOST_READINGS + 2)]
    assert answers == [200] * serving.MOST_READINGS + [503] * 2


async def test_what_is_no_token_leads_nowhere(space: Space) -> None:
    """What stands beside a token's key is no file."""
    url = await offered(space, picture(space))
    async with httpx.AsyncClient() as client:
        await client.get(url)
        for method in ("GET", "HEAD"):
            assert (await client.request(method, f"{url}:readings")).status_code == 404


async def test_head_tells_the_length_that_was_seen(space: Space) -> None:
    """The length that Slack gave when bridge looked; none at all where nobody looked."""
    url = await offered(space, picture(space), len(PNG))
    async with httpx.AsyncClient() as client:
        assert (await client.head(url)).headers["content-length"] == str(len(PNG))
        assert (await client.get(url)).headers["content-length"] == str(len(PNG))


async def test_less_than_was_seen_is_not_the_file(space: Space) -> None:
    """Without a told length it ends early: the board's copy does not count as the file."""
    url = await offered(space, picture(space, told=False), len(PNG) + 1)
    async with httpx.AsyncClient() as client:
        await client.get(url)
    assert not await space.bridge.carrying.files.was_fetched(url.rpartition("/")[2])


async def test_a_withdrawn_token_opens_nothing(space: Space) -> None:
    """And whoever withdraws it learns whether the file was got before."""
    files = space.bridge.carrying.files
    urls = [await offered(space, picture(space)) for _ in range(2)]
    async with httpx.AsyncClient() as client:
        await client.get(urls[1])
        assert [await files.withdraw(url.rpartition("/")[2]) for url in urls] == [True, False]
        assert [(await client.get(url)).status_code for url in urls] == [404, 404]


async def test_head_and_range_do_no_harm(space: Space) -> None:
    """HEAD asks Slack for nothing and counts for nothing; a Range is answered with the whole file."""
    url = await offered(space, picture(space))
    token = url.rpartition("/")[2]
    async with httpx.AsyncClient() as client:
        head = await client.head(url)
        assert (head.status_code, head.content, space.workspace.tokens_seen) == (200, b"", [])
        assert "content-length" not in head.headers
        assert not await space.bridge.carrying.files.was_fetched(token)
        part = await client.get(url, headers={"Range": "bytes=0-3"})
        assert (part.status_code, part.content) == (200, PNG)
        assert await space.bridge.carrying.files.was_fetched(token)
        assert (await client.post(url)).status_code == 405


async def test_a_token_works_for_minutes_only(redis_url: str, redis: Redis) -> None:
    """After FILE_TTL, and for every token that was never given out: 404, and nothing else."""
    async with open_space(redis_url, files=True, file_ttl=0.3) as space, httpx.AsyncClient() as client:
        url = await offered(space, picture(space))
        assert (await client.get(url)).status_code == 200
        await asyncio.sleep(0.4)
        gone = await client.get(url)
        assert (gone.status_code, gone.content) == (404, b"")
        for odd in ("", "x", "%00", "a" * 5000, "..%2f..%2fetc"):
            assert (await client.get(f"{space.url}/files/{odd}")).status_code == 404


async def test_a_file_that_grows_past_the_limit_breaks_off(redis_url: str, redis: Redis) -> None:
    """Without a told length it is only seen on the way: the board never gets something that looks whole."""
    async with open_space(redis_url, files=True, file_bytes_max=100_000) as space, httpx.AsyncClient() as client:
        url = await offered(space, picture(space, content=PNG * 60, told=False))
        with pytest.raises(httpx.TransportError):
            await client.get(url)
        assert not await space.bridge.carrying.files.was_fetched(url.rpartition("/")[2])
