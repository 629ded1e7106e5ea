"""The board's wire: bytes in, values or errors out; then the client, against a wire of ours."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from redis.asyncio import Redis

from bridge import nexudus
from bridge.demo.board import Board
from bridge.demo.faults import Fault
from bridge.demo.loopback import serve
from bridge.nexudus import BadReference, FieldError, Nexudus, Page, Refused, Unauthorized, Unavailable, Unsure
from bridge.pace import Pace
from bridge.tokens import Tokens

JSON = {"content-type": "application/json; charset=utf-8"}
HTML = {"content-type": "text/html"}
LOGIN = ("api-user@example.com", "a password")
THREADS = "/api/community/communitythreads"
POST = {"BusinessId": 1, "UserId": 11, "Subject": "Bread", "Message": "Who bakes?"}
NO = {
    "WasSuccessful": False,
    "Message": "Subject is a required field",
    "Errors": [{"AttemptedValue": "secret", "PropertyName": "Subject", "Message": "is required"}],
}
OOPS = {"Message": "Ooops! There was a problem and it has been logged.", "WasSuccessful": False}
DATE = {"date": "Mon, 23 Nov 2026 10:00:00 GMT"}

Answer = httpx.Response | Exception


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
        assert nexudus.decipher(method, status, JSON, bytes_of(body)) == value

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
            (401, {}, b"", nexudus._Rejected, nexudus._Rejected),
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
                nexudus.decipher(method, status, headers, bytes_of(body))
            assert error in (type(caught.value), type(caught.value).__mro__[1])

    def test_a_write_is_done_only_when_its_envelope_says_so(self) -> None:
        """A 200 with a bare record is no confirmation of a write."""
        with pytest.raises(Unsure):
            nexudus.decipher("POST", 200, JSON, b'{"Id": 5}')

    def test_a_refusal_keeps_the_boards_sentences_and_nothing_else(self) -> None:
        """Field errors name property and message; the attempted value is dropped."""
        with pytest.raises(Refused) as caught:
            nexudus.decipher("POST", 400, JSON, bytes_of(NO))
        assert caught.value.fields == (FieldError("Subject", "is required"),)
        assert str(caught.value) == "Subject is a required field"
        assert "secret" not in repr(caught.value)

    @pytest.mark.parametrize("errors", ["x", [None, 3], {"a": 1}, [{"PropertyName": 3, "Message": None}]])
    def test_strange_errors_do_not_break_the_reading(self, errors: Any) -> None:
        """`Errors` of another shape than documented still end in an error of ours."""
        with pytest.raises(nexudus.NexudusError):
            nexudus.decipher("POST", 400, JSON, bytes_of({"Errors": errors}))


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
        assert nexudus.throttle(status, headers, body, reason) == wait

    def test_the_servers_clock(self) -> None:
        """The board's Date tells how far its clock is ahead of ours; without one there is nothing to tell."""
        now = datetime(2026, 11, 23, 9, 59, 30, tzinfo=UTC)
        assert nexudus.server_offset(DATE, now) == 30
        assert nexudus.server_offset({"date": "yesterday"}, now) is None
        assert nexudus.server_offset({}, now) is None


@pytest.mark.parametrize("data", [None, [], {}, {"Records": None}, {"Records": [1], "CurrentPage": 1}])
def test_half_a_list_is_no_list(data: Any) -> None:
    """A list whose envelope cannot be read is a board that is away, not an empty list."""
    with pytest.raises(Unavailable):
        Page.from_data(data)


@asynccontextmanager
async def client(
    redis: Redis,
    url: str,
    transport: httpx.AsyncBaseTransport | None = None,
    timeout: float = 5,
    **limits: Any,
) -> AsyncIterator[Nexudus]:
    async with httpx.AsyncClient(transport=transport) as http:
        tokens = Tokens(http, url, *LOGIN, redis, "bridge:{main}:", None, timeout)
        pace = Pace(redis, "bridge:{main}:", **{"writes_per_minute": 60, "writes_per_day": 2500} | limits, interval=0)
        yield Nexudus(http, url, tokens, pace, timeout)


class Wire(httpx.MockTransport):
    """A wire that hands out tokens, and leaves everything else to `answer`."""

    def __init__(self, answer: Callable[[httpx.Request], Answer]) -> None:
        super().__init__(self.handle)
        self.answer, self.lines, self.made = answer, list[str](), 0

    def handle(self, request: httpx.Request) -> httpx.Response:
        self.lines.append(f"{request.method} {request.url.path}")
        if request.url.path == "/api/token":
            self.made += 1
            pair = {"access_token": f"a{self.made}", "refresh_token": "r", "expires_in": 604799}
            return httpx.Response(200, json=pair)
        answer = self.answer(request)
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
async def board(redis: Redis) -> AsyncIterator[tuple[Board, Nexudus]]:
    board = Board()
    board.logins[LOGIN[0]] = LOGIN[1]
    board.add_business(1, "Harbour", "harbour")
    board.add_group(3, 1, "Cooks", members=[21])
    board.add_member("Ada", "ada@example.com", user_id=11, coworker_id=21, businesses=[1])
    async with serve(board.app) as url, client(redis, url, timeout=0.5) as nexudus_:
        yield board, nexudus_


async def test_the_calls(board: tuple[Board, Nexudus]) -> None:
    """Every call finds what the board holds, and a thread can be made, read and removed."""
    _, nex = board
    assert [each["Id"] for each in await nex.coworkers_by_email("ada@example.com")] == [21]
    assert [each["Id"] for each in await nex.coworkers_of_user(11)] == [21]
    assert (await nex.coworker(21))["UserId"] == 11
    assert [each["Id"] for each in await nex.users_by_email("ada@example.com")] == [11]
    assert (await nex.user(11))["FullName"] == "Ada"
    assert [each["Id"] for each in await nex.businesses()] == [1]
    assert [each["Id"] for each in await nex.groups(1)] == [3]
    assert (await nex.group(3))["Members"] == [21]
    thread = await nex.create_thread(POST)
    assert (await nex.thread(thread["Id"]))["Subject"] == "Bread"
    sighting = await nex.threads_since(1, 11, datetime.now(UTC) - timedelta(minutes=1))
    assert [each["Id"] for each in sighting.records] == [thread["Id"]]
    assert sighting.complete
    await nex.delete_thread(thread["Id"])
    await nex.delete_thread(thread["Id"])
    with pytest.raises(Refused):
        await nex.thread(thread["Id"])


SWALLOWED = [
    Fault.HANGUP_BEFORE,
    Fault.HANGUP_AFTER,
    Fault.SILENT_AFTER,
    Fault.OOPS_AFTER,
    Fault.OOPS_400,
    Fault.HTML_200,
    Fault.FORBIDDEN_HTML,
]


async def test_faults_of_a_real_socket(board: tuple[Board, Nexudus]) -> None:
    """A write that the wire swallows is in doubt, one that the board turns away is not, none is repeated."""
    stand_in, nex = board
    errors = dict.fromkeys(SWALLOWED, Unsure) | {Fault.UNSUCCESSFUL: Refused, Fault.THROTTLE_409: Unavailable}
    for fault, error in errors.items():
        stand_in.misbehave(fault)
        with pytest.raises(error):
            await nex.create_thread(POST)
    assert len(stand_in.seen(f"POST {THREADS}")) == len(errors)


async def test_a_dead_token_is_renewed_and_the_call_repeated(board: tuple[Board, Nexudus]) -> None:
    """401 to everything: one refresh, and the thread is made once."""
    stand_in, nex = board
    await nex.businesses()
    stand_in.expire_access_tokens()
    await nex.create_thread(POST)
    assert (stand_in.refreshes, len(stand_in.threads)) == (1, 1)


async def test_a_missing_role_is_no_dead_token(board: tuple[Board, Nexudus]) -> None:
    """401 while a harmless read works: a bad reference or role, and no token is spent on it."""
    stand_in, nex = board
    stand_in.missing_roles = {"CommunityThread-Create"}
    with pytest.raises(BadReference):
        await nex.create_thread(POST)
    with pytest.raises(BadReference):
        await nex.coworker(999)
    assert stand_in.token_requests == 1


async def test_a_bearer_that_nobody_accepts(redis: Redis) -> None:
    """401 to the harmless read with a new token too: our login is rejected, after one renewal."""
    wire = Wire(lambda _: httpx.Response(401))
    async with client(redis, "http://board.test", wire) as nex:
        with pytest.raises(Unauthorized) as caught:
            await nex.create_thread(POST)
    assert caught.value.reason == "rejected"
    assert (wire.made, wire.lines.count(f"POST {THREADS}")) == (2, 1)


async def test_a_reference_that_is_bad_with_a_new_token_too(redis: Redis) -> None:
    """A dead token and a bad reference at once end as the bad reference."""

    def answer(request: httpx.Request) -> httpx.Response:
        fine = request.method == "GET" and request.headers["authorization"] == "Bearer a2"
        return httpx.Response(200, json={}) if fine else httpx.Response(401)

    wire = Wire(answer)
    async with client(redis, "http://board.test", wire) as nex:
        with pytest.raises(BadReference):
            await nex.create_thread(POST)
    assert wire.lines.count(f"POST {THREADS}") == 2


async def test_another_no_to_the_harmless_read(redis: Redis) -> None:
    """Who is told no for another reason than 401 was let in, so the 401 was about the write."""
    wire = Wire(lambda request: httpx.Response(401 if request.method == "POST" else 400, json={"Message": "No."}))
    async with client(redis, "http://board.test", wire) as nex:
        with pytest.raises(BadReference):
            await nex.create_thread(POST)
    assert wire.made == 1


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


async def test_a_success_without_an_id(redis: Redis) -> None:
    """A thread that nobody can name may or may not be there."""
    values: list[Any] = [None, 5, {}, {"Id": None}, {"Id": "5"}, {"Id": True}, {"Id": 0}]
    wire = Wire(lambda _: httpx.Response(200, json={"WasSuccessful": True, "Value": values.pop()}))
    async with client(redis, "http://board.test", wire) as nex:
        while values:
            with pytest.raises(Unsure):
                await nex.create_thread(POST)


async def test_half_a_surrogate_does_not_stop_a_post(redis: Redis) -> None:
    """Text that UTF-8 cannot hold still leaves as JSON."""
    wire = Wire(lambda _: httpx.Response(200, json={"WasSuccessful": True, "Value": {"Id": 5}}))
    async with client(redis, "http://board.test", wire) as nex:
        assert await nex.create_thread(POST | {"Subject": "\ud83d"}) == {"Id": 5}


async def test_another_record_than_asked_for(redis: Redis) -> None:
    """A board that answers with somebody else's record is not believed."""
    async with client(redis, "http://board.test", Wire(lambda _: httpx.Response(200, json={"Id": 6}))) as nex:
        with pytest.raises(Unavailable):
            await nex.coworker(5)


async def test_a_throttled_call_holds_everybody(redis: Redis) -> None:
    """The wait that one call was told is the next call's wait too, without asking the board."""
    wire = Wire(lambda _: httpx.Response(429, headers={"retry-after": "30"}))
    async with client(redis, "http://board.test", wire) as nex:
        for _ in range(2):
            with pytest.raises(Unavailable) as caught:
                await nex.create_thread(POST)
            assert caught.value.wait is not None
            assert 29 < caught.value.wait <= 30
    assert wire.lines.count(f"POST {THREADS}") == 1


async def test_our_own_pace_is_a_certain_no(redis: Redis) -> None:
    """A post over the day's budget was surely not sent, and says when it may be."""
    wire = Wire(lambda _: httpx.Response(200, json={"WasSuccessful": True, "Value": {"Id": 5}}))
    async with client(redis, "http://board.test", wire, writes_per_day=1) as nex:
        await nex.create_thread(POST)
        with pytest.raises(Unavailable) as caught:
            await nex.create_thread(POST)
    assert caught.value.wait is not None
    assert caught.value.wait > 86_000


def paged(pages: list[list[int]], **lies: Any) -> Callable[[httpx.Request], httpx.Response]:
    """A list served as these pages of ids; `lies` replace fields of the envelope."""

    def answer(request: httpx.Request) -> httpx.Response:
        number = int(request.url.params["page"])
        envelope = {
            "Records": [{"Id": id_} for id_ in pages[min(number, len(pages)) - 1]],
            "CurrentPage": number,
            "HasNextPage": number < len(pages),
            "TotalItems": len({id_ for page in pages for id_ in page}),
        }
        return httpx.Response(200, headers=DATE, json=envelope | lies)

    return answer


@pytest.mark.parametrize(
    ("pages", "lies", "complete"),
    [
        ([[1, 2], [3]], {}, True),
        ([[]], {}, True),
        ([[1, 2], [2, 3]], {}, True),
        ([[1, 2], [3]], {"TotalItems": None}, True),
        ([[1, 2], [2, 3]], {"TotalItems": None}, False),
        ([[1, 2], [3]], {"TotalItems": 4}, False),
        ([[1, 2]], {"HasNextPage": True}, False),
        ([[1, 2], []], {"HasNextPage": True}, False),
        ([[1, 2], [3]], {"CurrentPage": 1}, False),
        ([[1, 0]], {}, False),
        ([[number] for number in range(1, 52)], {}, False),
        ([[number] for number in range(1, 51)], {}, True),
    ],
)
async def test_a_complete_look(redis: Redis, pages: Any, lies: dict[str, Any], complete: bool) -> None:
    """Only a look that read every page it was owed counts as one; pages that lie or repeat do not."""
    async with client(redis, "http://board.test", Wire(paged(pages, **lies))) as nex:
        sighting = await nex.threads_since(1, 11, datetime.now(UTC))
        assert sighting.complete is complete
        assert len({each["Id"] for each in sighting.records}) == len(sighting.records)
        assert sighting.offset is not None
        if not complete:
            with pytest.raises(Unavailable):
                await nex.businesses()


@pytest.mark.parametrize("status", [400, 401, 500])
async def test_a_page_that_fails_is_a_failed_look(redis: Redis, status: int) -> None:
    """A second page that is refused, forbidden or broken ends the look; it never looks like an end."""
    good = paged([[1], [2]])

    def answer(request: httpx.Request) -> httpx.Response:
        failing = request.url.params["page"] == "2"
        return httpx.Response(status, json={"Message": "No."}) if failing else good(request)

    async with client(redis, "http://board.test", Wire(answer)) as nex:
        with pytest.raises(Unavailable):
            await nex.threads_since(1, 11, datetime.now(UTC))


async def test_what_a_look_asks(board: tuple[Board, Nexudus]) -> None:
    """Documented filters only, to the minute, in UTC, half a day wider; unfiltered lists come back whole."""
    stand_in, nex = board
    stand_in.unfiltered = True
    stand_in.add_thread(**POST | {"UserId": 99})
    since = datetime(2026, 11, 23, 14, 5, 59, tzinfo=UTC)
    sighting = await nex.threads_since(1, 11, since)
    assert [each["UserId"] for each in sighting.records] == [99]
    assert stand_in.seen(f"GET {THREADS}")[-1].query == {
        "CommunityThread_Business": "1",
        "CommunityThread_User": "11",
        "from_CommunityThread_CreatedOn": "2026-11-23T02:05",
        "page": "1",
        "size": "100",
    }
