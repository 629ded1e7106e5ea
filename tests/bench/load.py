"""Signed requests, faster than a client library could send them."""

import asyncio
import hashlib
import hmac
import time
import uuid
from collections.abc import Callable, Sequence
from urllib.parse import urlencode

from tests.chaos.town import SECRET


def signed(fields: dict[str, str]) -> bytes:
    """A whole HTTP request, as Slack would sign it now."""
    body, stamp = urlencode(fields).encode(), str(int(time.time()))
    digest = hmac.new(SECRET.encode(), f"v0:{stamp}:".encode() + body, hashlib.sha256).hexdigest()
    head = (
        "POST /slack/events HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        f"X-Slack-Request-Timestamp: {stamp}\r\nX-Slack-Signature: v0={digest}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def command(text: str, trigger: str = "", hook: str = "http://127.0.0.1/none", user: str = "U0P00000") -> bytes:
    fields = {"token": "x", "team_id": "T0BRIDGE", "team_domain": "harbour", "channel_id": "C1", "user_id": user}
    fields |= {"channel_name": "general", "user_name": "p", "command": "/community", "text": text}
    fields |= {"api_app_id": "A0BRIDGE", "is_enterprise_install": "false", "response_url": hook}
    return signed(fields | {"trigger_id": trigger or uuid.uuid4().hex})


async def fire(
    port: int, make: Callable[[], bytes], count: int, hands: int, heard: list[bytes] | None = None
) -> tuple[float, list[float]]:
    """`count` requests over `hands` connections: requests a second, and the latency of each in seconds.

    `heard` gets the bodies of the answers.
    """
    left, latencies = iter(range(count)), list[float]()
    requests = iter([make() for _ in range(count)])

    async def hand() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in left:
            began = time.perf_counter()
            writer.write(next(requests))
            status, body = await _answered(reader)
            latencies.append(time.perf_counter() - began)
            if heard is not None:
                heard.append(body)
            assert status == 200, status
        writer.close()

    began = time.perf_counter()
    await asyncio.gather(*(hand() for _ in range(hands)))
    return count / (time.perf_counter() - began), latencies


async def _answered(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    status = int(head.split(b" ", 2)[1])
    if b"chunked" not in head:
        length = int(head.partition(b"content-length:")[2].split(b"\r\n", 1)[0])
        return status, await reader.readexactly(length)
    body = b""
    while length := int(await reader.readline(), 16):
        body += await reader.readexactly(length)
        await reader.readline()
    await reader.readline()
    return status, body


def quantile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
