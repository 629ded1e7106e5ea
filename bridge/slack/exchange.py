"""One request and its answer, as ASGI has them. The request is whole: nobody waits for the rest of it.

https://asgi.readthedocs.io/en/latest/specs/www.html
"""

from typing import Any

from starlette.types import Message
from uvicorn.protocols.http.httptools_impl import HEADER_VALUE_RE, STATUS_LINE, RequestResponseCycle

# What has no body, and so neither a length nor an end of one. https://www.rfc-editor.org/rfc/rfc9110#section-6.4.1
_BODILESS = (204, 304)


class Exchange(RequestResponseCycle):
    """uvicorn's, but for what is read and written: the head leaves together with the first piece of the body."""

    _taken = False
    _head: bytes | None = None
    _is_chunked = False

    async def receive(self) -> Any:  # uvicorn's own names for ASGI's messages are not those of Starlette
        """The whole body, then the peer's leaving or the end of the answer."""
        if not self._taken:
            self._taken = True
            body, self.body = bytes(self.body), bytearray()
            return {"type": "http.request", "body": body, "more_body": False}
        if not (self.disconnected or self.response_complete):
            await self.message_event.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        """Raises RuntimeError for what no answer may be made of; what nobody will read is thrown away."""
        if self.flow.write_paused and not self.disconnected:
            await self.flow.drain()
        if self.disconnected or self.transport.is_closing():
            return
        if not self.response_started:
            self.response_started = True
            self._head = self._made(message)
        elif self.response_complete:
            raise RuntimeError("the answer was complete")
        else:
            self._write(message.get("body", b""), more=message.get("more_body", False))

    def _made(self, message: Message) -> bytes:
        """The head of the answer, with how its end will be known."""
        status, length = message["status"], None
        lines = [STATUS_LINE[status]]
        for name, value in [*self.default_headers, *message.get("headers", ())]:
            if HEADER_VALUE_RE.search(value):
                raise RuntimeError("a header holds what would end it")
            if name == b"content-length":
                length = int(value)
            elif name == b"connection" and value == b"close":
                self.keep_alive = False
                continue
            lines += [name, b": ", value, b"\r\n"]
        has_body = self.scope["method"] != "HEAD" and status not in _BODILESS
        # Whoever speaks HTTP/1.0 takes the end of the connection for the end of the body.
        self._is_chunked = has_body and length is None and self.scope["http_version"] == "1.1"
        self.expected_content_length = (length or 0) if has_body else 0
        if self._is_chunked:
            lines.append(b"transfer-encoding: chunked\r\n")
        elif has_body and length is None:
            self.keep_alive = False
            self.expected_content_length = -1
        if not self.keep_alive:
            lines.append(b"connection: close\r\n")
        lines.append(b"\r\n")
        return b"".join(lines)

    def _write(self, body: bytes, *, more: bool) -> None:
        pieces = [self._head] if self._head is not None else []
        self._head = None
        if self._is_chunked:
            pieces += [b"%x\r\n" % len(body), body, b"\r\n"] if body else []
            pieces += [] if more else [b"0\r\n\r\n"]
        elif self.scope["method"] != "HEAD" and self.expected_content_length:
            self._count(len(body), more=more)
            pieces.append(body)
        self.transport.write(b"".join(pieces))
        if not more:
            self.response_complete = True
            self.message_event.set()
            self.on_response()

    def _count(self, length: int, *, more: bool) -> None:
        """Half an answer must not look like a whole one. Raises RuntimeError."""
        if self.expected_content_length < 0:
            return
        self.expected_content_length -= length
        if self.expected_content_length < 0 or (self.expected_content_length and not more):
            raise RuntimeError("the body is not as long as its head said")
