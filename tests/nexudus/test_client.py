"""The client, against a stand-in for the board and a wire of ours."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from redis.asyncio import Redis

from bridge.demo.loopback import serve
from bridge.demo.nexudus.board import Board
from bridge.demo.nexudus.faults import Fault
from bridge.nexudus.client import Nexudus
from bridge.nexudus.wire import BadReference, Refused, Unauthorized, Unavailable, Unsure
from tests.support.mock_wire import DATE, LOGIN, POST, THREADS, Wire, client


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
    """Every call finds what the board holds, and a thread can be made and read."""
    _, nex = board
    assert [each["Id"] for each in await nex.coworkers_by_email("ada@example.com")] == [21]
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
