"""The board's wire: bytes in, values or errors out; the last tests through a client, on a wire of ours."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from redis.asyncio import Redis

from bridge.nexudus import wire
from bridge.nexudus.wire import FieldError, Page, Refused, Unavailable, Unsure
from tests.support.mock_wire import DATE, POST, Wire, client

JSON = {"content-type": "application/json; charset=utf-8"}
HTML = {"content-type": "text/html"}
NO = {
    "WasSuccessful": False,
    "Message": "Subject is a required field",
    "Errors": [{"AttemptedValue": "secret", "PropertyName": "Subject", "Message": "is required"}],
}
OOPS = {"Message": "Ooops! There was a problem and it has been logged.", "WasSuccessful": False}


def bytes_of(body: Any) -> bytes:
    return body if isinstance(body, bytes) else json.dumps(body).encode()


class TestDecipher:
    """Bytes in, values or errors out."""

    @pytest.mark.parametrize(
        ("method", "status", "body", "value"),
        [
            ("GET", 200, {"Id": 5, "Message": "Ooops! I said it"}, {"Id": 5, "Message": "Ooops! I said it"}),
            ("GET", 200, [{"Id": 5}], [{"Id": 5}]),
            ("POST", 200, {"WasSuccessful": True, "Value": {"Id": 5}}, {"Id": 5}),
            ("POST", 200, {"WasSuccessful": True}, None),
            ("DELETE", 200, {"WasSuccessful": True, "Value": {"Id": 5}}, {"Id": 5}),
            ("DELETE", 204, b"", None),
            ("DELETE", 404, b"", None),
        ],
    )
    def test_values(self, method: str, status: int, body: Any, value: Any) -> None:
        """A read gives its data, a write its Value, and deleting what is gone is done."""
        assert wire.decipher(method, status, JSON, bytes_of(body)) == value

    @pytest.mark.parametrize(
        ("status", "headers", "body", "on_write", "on_read"),
        [
            (400, JSON, NO, Refused, Refused),
            (200, JSON, NO, Refused, Refused),
            (403, JSON, NO, Refused, Refused),
            (409, JSON, NO, Refused, Refused),
            (400, JSON, {"Message": "missing required filter"}, Refused, Refused),
            (409, JSON, {"Message": "The name is taken"}, Refused, Refused),
            (404, JSON, {"Message": "Not found"}, Refused, Refused),
            (404, {}, b"", Unsure, Refused),
            (404, HTML, b"<html>no such host", Unsure, Unavailable),
            (400, JSON, OOPS, Unsure, Unavailable),
            (400, JSON, OOPS | {"Errors": []}, Unsure, Unavailable),
            (200, JSON, OOPS, Unsure, Unavailable),
            (200, JSON, {"WasSuccessful": False}, Unsure, Unavailable),
            (400, HTML, b"<html>", Unsure, Unavailable),
            (400, JSON, NO | {"WasSuccessful": True}, Unsure, Unavailable),
            (500, JSON, OOPS, Unsure, Unavailable),
            (500, JSON, NO, Unsure, Unavailable),
            (503, {"retry-after": "9"}, b"", Unsure, Unavailable),
            (408, JSON, {"Message": "Timed out"}, Unsure, Unavailable),
            (302, {"location": "https://elsewhere.example"}, b"", Unsure, Unavailable),
            (403, HTML, b"<html>Request blocked", Unsure, Unavailable),
            (200, HTML, b"<html>", Unsure, Unavailable),
            (200, HTML, bytes_of({"WasSuccessful": True, "Value": {"Id": 1}}), Unsure, Unavailable),
            (200, JSON, b"", Unsure, Unavailable),
            (200, JSON, b"null", Unsure, Unavailable),
            (200, JSON, b'{"WasSuccessful": tr', Unsure, Unavailable),
            (200, JSON, b"\xff\xfe\x00", Unsure, Unavailable),
            (200, JSON, b"[" * 100_000, Unsure, Unavailable),
            (429, {}, b"", Unavailable, Unavailable),
            (409, {}, b"", Unavailable, Unavailable),
            (401, {}, b"", wire.Rejected, wire.Rejected),
        ],
    )
    def test_errors(
        self, status: int, headers: Any, body: Any, on_write: type[Exception], on_read: type[Exception]
    ) -> None:
        """Whatever is not understood leaves a write in doubt and a read undone."""
        for method, error in (("POST", on_write), ("DELETE", on_write), ("GET", on_read)):
            if method == "DELETE" and status == 404:
                continue
            with pytest.raises(Exception) as caught:
                wire.decipher(method, status, headers, bytes_of(body))
            assert error in (type(caught.value), type(caught.value).__mro__[1])

    @pytest.mark.parametrize(
        ("status", "headers", "body", "answered"),
        [
            (500, JSON, OOPS, True),
            (400, JSON, OOPS, True),
            (200, JSON, OOPS, True),
            (200, JSON, {"WasSuccessful": False}, True),
            (500, JSON, {"Message": "An error has occurred."}, True),
            (500, JSON, {"message": "Internal server error"}, False),
            (500, JSON, b"", False),
            (500, HTML, bytes_of(OOPS), False),
            (502, JSON, OOPS, False),
            (503, JSON, OOPS, False),
            (504, JSON, {"Message": "Endpoint request timed out"}, False),
            (408, JSON, {"Message": "Timed out"}, False),
            (200, HTML, b"<html>", False),
            (200, JSON, b'{"WasSuccessful": tr', False),
            (403, HTML, b"<html>Request blocked", False),
        ],
    )
    def test_doubt_says_whether_the_application_answered(
        self, status: int, headers: Any, body: Any, answered: bool
    ) -> None:
        """Its own envelope ends its work; a gateway, a page or a torn answer says nothing about that."""
        with pytest.raises(Unsure) as caught:
            wire.decipher("POST", status, headers, bytes_of(body))
        assert caught.value.answered is answered

    def test_a_write_is_done_only_when_its_envelope_says_so(self) -> None:
        """A 200 with a bare record is no confirmation of a write."""
        with pytest.raises(Unsure):
            wire.decipher("POST", 200, JSON, b'{"Id": 5}')

    def test_a_refusal_keeps_the_boards_sentences_and_nothing_else(self) -> None:
        """Field errors name property and message; the attempted value is dropped."""
        with pytest.raises(Refused) as caught:
            wire.decipher("POST", 400, JSON, bytes_of(NO))
        assert caught.value.fields == (FieldError("Subject", "is required"),)
        assert str(caught.value) == "Subject is a required field"
        assert "secret" not in repr(caught.value)

    @pytest.mark.parametrize("errors", ["x", [None, 3], {"a": 1}, [{"PropertyName": 3, "Message": None}]])
    def test_strange_errors_do_not_break_the_reading(self, errors: Any) -> None:
        """`Errors` of another shape than documented still end in an error of ours."""
        with pytest.raises(wire.NexudusError):
            wire.decipher("POST", 400, JSON, bytes_of({"Errors": errors}))


class TestThrottle:
    """How long the board asks us to wait."""

    @pytest.mark.parametrize(
        ("status", "headers", "body", "reason", "wait"),
        [
            (429, {"retry-after": "7"}, b"", "", 7),
            (429, {"retry-after": "Mon, 23 Nov 2026 10:00:09 GMT"} | DATE, b"", "", 9),
            (429, {"retry-after": "Mon, 23 Nov 2026 09:00:00 GMT"} | DATE, b"", "", 0),
            (429, {}, b'{"Message": "Wait 12 seconds"}', "", 12),
            (429, {}, b"<html>", "", 5),
            (429, {"retry-after": "soon"}, b"", "", 5),
            (429, {"retry-after": "-3"}, b"", "", 5),
            (429, {"retry-after": "9" * 400}, b"", "", 3600),
            (409, {"retry-after": "1"}, b"whatever", "", 1),
            (409, {}, b"", "You have to wait before accessing this url again", 5),
            (409, {}, b"x", "Please wait 3 seconds", 3),
            (409, {}, b'{"Message": "Name is taken"}', "Conflict", None),
            (409, {}, bytes_of(NO | {"Message": "wait"}), "", None),
            (503, {"retry-after": "7"}, b"", "", None),
            (200, {}, b"wait 5 seconds", "", None),
        ],
    )
    def test_waits(self, status: int, headers: Any, body: bytes, reason: str, wait: float | None) -> None:
        """429 and the older 409 carry a wait in a header, in words, or not at all; an hour is the most."""
        assert wire.throttle(status, headers, body, reason) == wait

    def test_the_servers_clock(self) -> None:
        """The board's Date tells how far its clock is ahead of ours; without one there is nothing to tell."""
        now = datetime(2026, 11, 23, 9, 59, 30, tzinfo=UTC)
        assert wire.server_offset(DATE, now) == 30
        assert wire.server_offset({"date": "yesterday"}, now) is None
        assert wire.server_offset({}, now) is None


@pytest.mark.parametrize("data", [None, [], {}, {"Records": None}, {"Records": [1], "CurrentPage": 1}])
def test_half_a_list_is_no_list(data: Any) -> None:
    """A list whose envelope cannot be read is a board that is away, not an empty list."""
    with pytest.raises(Unavailable):
        Page.from_data(data)


UNCERTAIN: list[Exception] = [
    httpx.ReadTimeout("Bearer a1"),
    httpx.WriteTimeout("Bearer a1"),
    httpx.WriteError("Bearer a1"),
    httpx.ReadError("Bearer a1"),
    httpx.RemoteProtocolError("Bearer a1"),
    httpx.LocalProtocolError("Bearer a1"),
    httpx.DecodingError("Bearer a1"),
    httpx.InvalidURL("Bearer a1"),
    httpx.StreamClosed(),
    httpx.CookieConflict("Bearer a1"),
    OSError("Bearer a1"),
    UnicodeEncodeError("ascii", "Bearer a1", 0, 1, "no"),
]
CERTAIN: list[Exception] = [httpx.ConnectError("x"), httpx.ConnectTimeout("x"), httpx.PoolTimeout("x")]


async def test_every_trouble_of_the_wire(redis: Redis) -> None:
    """Only what happens before a request is sent is certain; reads are never in doubt; no token is told."""
    troubles = UNCERTAIN + CERTAIN
    wire = Wire(lambda _: troubles[0])
    async with client(redis, "http://board.test", wire) as nex:
        while troubles:
            with pytest.raises(Unavailable if troubles[0] in CERTAIN else Unsure) as caught:
                await nex.create_thread(POST)
            with pytest.raises(Unavailable):
                await nex.businesses()
            assert "Bearer" not in str(caught.value)
            assert caught.value.__suppress_context__
            del troubles[0]


async def test_a_port_where_nobody_listens(redis: Redis) -> None:
    """A board that is down costs nothing: surely nothing happened."""
    async with client(redis, "http://127.0.0.1:9", timeout=1) as nex:
        with pytest.raises(Unavailable):
            await nex.create_thread(POST)


@pytest.mark.parametrize("pause", [0.05, 0])
async def test_bodies_that_never_end(redis: Redis, pause: float) -> None:
    """Neither a drip nor a flood holds us: the deadline and the 8 MiB are for the whole answer."""

    async def drip() -> AsyncIterator[bytes]:
        for _ in range(40):
            await asyncio.sleep(pause)
            yield b" " * (1024 if pause else 1024 * 1024)

    wire = Wire(lambda _: httpx.Response(200, headers=JSON, content=drip()))
    async with client(redis, "http://board.test", wire, timeout=0.3) as nex:
        with pytest.raises(Unsure):
            await nex.create_thread(POST)


async def test_redirects_and_cookies_are_left_alone(redis: Redis) -> None:
    """The bearer follows no redirect, and no session speaks in its place."""
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(302, headers={"location": "http://elsewhere.test/", "set-cookie": "a=b"})

    async with client(redis, "http://board.test", Wire(answer)) as nex:
        for _ in range(2):
            with pytest.raises(Unavailable):
                await nex.businesses()
    assert [each.url.host for each in seen] == ["board.test", "board.test"]
    assert all("cookie" not in each.headers for each in seen)
