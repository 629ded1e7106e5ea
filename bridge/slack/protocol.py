"""HTTP/1.1 with strangers: what one of them may take of a process, of its memory and of its time.

A request reaches the app when it is whole, and has to be whole soon after it began. What is too large, in too many
pieces or no HTTP is refused in its turn, and the rest of it read away, so that the answer can be read. Where there is
no room, the connection that has waited longest for its next request gives way: whoever sends whole requests, as
Slack does, is answered.
"""

import asyncio
from typing import Any
from urllib.parse import unquote

import httptools
from starlette.responses import Response
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from bridge import metrics
from bridge.slack.crowd import SMALL, Crowd, room
from bridge.slack.exchange import Exchange
from bridge.slack.intake import Refusal

# Seconds. Slack would not wait for longer than three: https://docs.slack.dev/interactivity/handling-user-interaction
WHOLE = 5.0
# Longer than proxies keep theirs (Caddy: two minutes), or one could send a request into a connection that we close.
KEEP_ALIVE = 130
# How long somebody may leave an answer unread, and what came late is refused for.
UNREAD, REFUSING = 5.0, 1.0

# Bytes of a body and of a head.
MOST_BYTES, MOST_HEAD = 1024 * 1024, 32 * 1024
# A request may come in so many pieces, and in one more for each so many bytes. The least that proxies and networks
# make is some 500 bytes; a piece of one byte costs us as much as one of many thousands.
FEW_PIECES, PIECE = 128, 256
# Requests behind one that is being answered. No proxy sends any.
MOST_BEHIND = 4
# Seconds between two readings of what is thrown away.
SLOWLY = 0.01


def connection() -> "type[Connection]":
    """The protocol of one server's connections."""

    class OfOneServer(Connection):
        crowd = Crowd()

    return OfOneServer


class Connection(HttpToolsProtocol):
    """uvicorn's, with limits. `cycle` is what is being answered or was last; `_coming` is what is on its way in."""

    crowd: Crowd

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._coming: Exchange | None = None
        # Whether a request is owed (the first one is, from the beginning); whether what still comes is thrown away.
        self._owed, self._over = True, False
        self._size = self._pieces = self._head = self._hosts = self._length = 0
        self._is_chunked = False
        self._deadline: asyncio.TimerHandle | None = None
        self._unread: asyncio.TimerHandle | None = None

    # ── the connection ───────────────────────────────────────────────────────

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn narrows it
        super().connection_made(transport)
        transport.set_write_buffer_limits(high=0)  # so that whatever is not read is known to be so
        self._settle()
        if len(self.connections) > room():
            self.crowd.make_room()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.crowd.waiting.pop(self, None)
        self._release()
        self._unset_keepalive_if_required()
        for timer in (self._deadline, self._unread):
            if timer is not None:
                timer.cancel()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._watch_reader(self.transport.get_write_buffer_size())

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._unread is not None:
            self._unread.cancel()

    def _watch_reader(self, left: int) -> None:
        """Whoever takes nothing of what is `left` for so long is not reading."""
        self._unread = self.loop.call_later(UNREAD, self._look_at_reader, left)

    def _look_at_reader(self, left: int) -> None:
        now = self.transport.get_write_buffer_size()
        if now < left:
            self._watch_reader(now)
        else:
            self.end()

    def end(self) -> None:
        """At once, whatever is under way."""
        self.connections.discard(self)
        self.crowd.waiting.pop(self, None)
        self.transport.abort()

    def _is_answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _settle(self) -> None:
        """Whoever is being answered has all the time; whoever owes us a request, or the end, has little."""
        if self._is_answering():
            self.crowd.waiting.pop(self, None)
            if self._deadline is not None and not self._over:
                self._deadline.cancel()
                self._deadline = None
            return
        self.crowd.waiting.setdefault(self)
        if (self._owed or self._over) and self._deadline is None:
            self._deadline = self.loop.call_later(WHOLE, self._be_late)

    def _be_late(self) -> None:
        if self._over or self._coming is None:
            self.end()
        else:
            self._deadline = self.loop.call_later(REFUSING, self.end)
            self._refuse(400)

    # ── reading ──────────────────────────────────────────────────────────────

    def data_received(self, data: bytes) -> None:
        if self._over:
            # Not faster than this, or who is thrown away would take everybody's time.
            self.flow.pause_reading()
            self.loop.call_later(SLOWLY, self._read_away)
            return
        self._unset_keepalive_if_required()
        self._owed = True
        self._size += len(data)
        self.crowd.held += len(data)
        try:
            self._feed(data)
        except httptools.HttpParserUpgrade:
            self._over = True  # it is answered as if it had not asked for that; nothing can follow it
            self.cycle.keep_alive = False
        except (Refusal, httptools.HttpParserError) as error:
            cause = error.__context__ if isinstance(error, httptools.HttpParserCallbackError) else error
            self._refuse(cause.status if isinstance(cause, Refusal) else 400)
        if self._is_answering() and self._owed:
            self.flow.pause_reading()
        self._settle()

    def _read_away(self) -> None:
        if not self.transport.is_closing():
            self.flow.resume_reading()

    def _feed(self, data: bytes) -> None:
        """Raises Refusal, HttpParserError."""
        if self._size > 2 * MOST_BYTES or (self._size > SMALL and self.crowd.is_full()):
            raise Refusal(413)
        self._count_a_piece()
        self.parser.feed_data(data)
        if self._owed and self._coming is None and self._size > MOST_HEAD:
            raise Refusal(400)

    def _count_a_piece(self) -> None:
        self._pieces += 1
        if self._pieces > FEW_PIECES + self._size // PIECE:
            raise Refusal(400)

    def on_message_begin(self) -> None:
        if len(self.pipeline) >= MOST_BEHIND:
            raise Refusal(400)
        super().on_message_begin()
        self._coming, self._owed = None, True
        self._pieces = self._head = self._hosts = self._length = 0
        self._is_chunked = False

    def on_url(self, url: bytes) -> None:
        self._head += len(url)
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count_a_piece()
        self._head += len(name) + len(value)
        if self._coming is not None:
            return  # behind the body, where it says nothing about the request
        name = name.lower()
        if name == b"content-length":
            self._length = int(value)  # httptools takes nothing but digits
        elif name == b"transfer-encoding":
            self._is_chunked = True
            if value.strip().lower() != b"chunked":
                raise Refusal(400)
        elif name == b"host":
            self._hosts += 1
        elif name == b"expect" and value.lower() == b"100-continue":
            self.expect_100_continue = True
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """Raises Refusal. A length together with chunks is refused by httptools."""
        version = self.parser.get_http_version()
        if self._head > MOST_HEAD or (self._hosts != 1 if version == "1.1" else self._is_chunked):
            raise Refusal(400)
        if self._length > MOST_BYTES:
            raise Refusal(413)
        url = httptools.parse_url(self.url)
        path = url.path.decode("ascii")
        self.scope["path"] = unquote(path) if "%" in path else path
        self.scope["raw_path"], self.scope["query_string"] = url.path, url.query or b""
        self.scope["method"], self.scope["http_version"] = self.parser.get_method().decode("ascii"), version
        self._coming = self._exchange(keep_alive=version == "1.1" and self.parser.should_keep_alive())
        if self.expect_100_continue and not self._is_answering():
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        self._count_a_piece()
        assert self._coming is not None
        if len(self._coming.body) + len(body) > MOST_BYTES:
            raise Refusal(413)
        self._coming.body += body

    def on_message_complete(self) -> None:
        assert self._coming is not None
        self._coming.more_body = False
        whole, self._coming, self._owed = self._coming, None, False
        self._take(whole, self.app)

    # ── answering, one after the other ───────────────────────────────────────

    def _exchange(self, *, keep_alive: bool) -> Exchange:
        return Exchange(
            scope=self.scope,
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=False,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=False,
            keep_alive=keep_alive,
            on_response=self.on_response_complete,
        )

    def _take(self, exchange: Exchange, app: Any) -> None:
        if self._is_answering():
            self.pipeline.appendleft((exchange, app))
        else:
            self.cycle = exchange
            self._start_asgi_task(exchange, app)

    def _refuse(self, status: int) -> None:
        """In its turn, and as the last answer here."""
        self._over, self._owed, self._coming = True, False, None
        self.scope = {"type": "http", "method": "GET", "http_version": "1.1"}  # type: ignore[typeddict-item]
        metrics.REQUESTS.labels(str(status)).inc()
        self._take(self._exchange(keep_alive=False), Response(status_code=status))

    def on_response_complete(self) -> None:
        self.server_state.total_requests += 1
        if not self.cycle.keep_alive:
            self._hang_up()
        elif self.pipeline:
            self.cycle, app = self.pipeline.pop()
            self._start_asgi_task(self.cycle, app)
        else:
            self._read_on()
        self._settle()

    def _read_on(self) -> None:
        self.flow.resume_reading()
        if not self._owed:
            self._release()
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )

    def _hang_up(self) -> None:
        """Only our side: closed with something unread, a connection takes the answer with it that is under way."""
        self._over = True
        self.pipeline.clear()
        self._release()
        self.transport.write_eof()
        self.flow.resume_reading()

    def _release(self) -> None:
        self.crowd.held -= self._size
        self._size = 0
