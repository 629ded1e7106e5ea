"""Nexudus's stand-in misbehaves as it is told to, so that what is tested against it means something."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from bridge.demo.loopback import Loopback, serve
from bridge.demo.nexudus.board import Board
from bridge.demo.nexudus.faults import Fault

THREADS = "/api/community/communitythreads"
POST = {"BusinessId": 1, "UserId": 11, "Subject": "Lost key", "Message": "By the door."}


@pytest.fixture
async def board() -> AsyncIterator[Board]:
    board = Board()
    board.logins["api@example.com"] = "secret"
    board.add_business(1, "Harbour", "harbour")
    board.add_member("Ada", "ada@example.com", user_id=11, coworker_id=21, businesses=[1])
    board.add_group(5, 1, "Private", access=3, members=[21])
    yield board
    for task in board.late:
        task.cancel()


@pytest.fixture
async def api(board: Board) -> AsyncIterator[httpx.AsyncClient]:
    async with serve(board.app) as url, httpx.AsyncClient(base_url=url, timeout=0.5) as client:
        tokens = await login(client)
        client.headers["Authorization"] = f"Bearer {tokens['access_token']}"
        yield client


async def login(client: httpx.AsyncClient, **grant: str) -> dict[str, Any]:
    form = grant or {"grant_type": "password", "username": "api@example.com", "password": "secret"}
    reply = await client.post("/api/token", data=form, headers={"client_id": "one"})
    return dict(reply.json())


@pytest.mark.parametrize(("fault", "made"), [(Fault.HANGUP_BEFORE, 0), (Fault.HANGUP_AFTER, 1), (Fault.LATE, 0)])
async def test_a_hangup_is_a_broken_connection(board: Board, api: httpx.AsyncClient, fault: Fault, made: int) -> None:
    """A connection closed without a reply is a transport error; the name says whether a thread was made."""
    board.misbehave(fault, value=0.2)
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        await api.post(THREADS, json=POST)
    assert len(board.threads) == made
    await asyncio.sleep(0.3)
    assert len(board.threads) == (1 if fault is Fault.LATE else made)


@pytest.mark.parametrize(("fault", "made"), [(Fault.SILENT_BEFORE, 0), (Fault.SILENT_AFTER, 1)])
async def test_silence_runs_into_the_timeout(board: Board, api: httpx.AsyncClient, fault: Fault, made: int) -> None:
    """A request that is never answered may still have made its thread."""
    board.misbehave(fault)
    with pytest.raises(httpx.ReadTimeout):
        await api.post(THREADS, json=POST)
    assert len(board.threads) == made


@pytest.mark.parametrize(
    ("fault", "status", "said", "made"),
    [
        (Fault.THROTTLE_429, 429, "", 0),
        (Fault.THROTTLE_429_BODY, 429, "Wait 7 seconds", 0),
        (Fault.THROTTLE_409, 409, "", 0),
        (Fault.OOPS_BEFORE, 500, "Ooops!", 0),
        (Fault.OOPS_AFTER, 500, "Ooops!", 1),
        (Fault.OOPS_400, 400, "Ooops!", 0),
        (Fault.OOPS_400_AFTER, 400, "Ooops!", 1),
        (Fault.HTML_200, 200, "<html>", 0),
        (Fault.HTML_200_AFTER, 200, "<html>", 1),
        (Fault.UNSUCCESSFUL, 200, '"WasSuccessful":false', 0),
        (Fault.FORBIDDEN_HTML, 403, "<html>", 0),
    ],
)
async def test_a_fault_answers_as_named(
    board: Board, api: httpx.AsyncClient, fault: Fault, status: int, said: str, made: int
) -> None:
    """Every fault has its status and its words, hits once, and leaves the next request alone."""
    board.misbehave(fault, value=7)
    reply = await api.post(THREADS, json=POST)
    assert (reply.status_code, len(board.threads)) == (status, made)
    assert said in reply.text
    header = "7" if fault in (Fault.THROTTLE_429, Fault.THROTTLE_409) else None
    assert reply.headers.get("Retry-After") == header
    assert (await api.post(THREADS, json=POST)).json()["WasSuccessful"] is True


async def test_a_search_lags_and_pages(board: Board, api: httpx.AsyncClient) -> None:
    """A new thread is read by its id at once, but listed only after the lag, and without its guests."""
    board.search_lag = 0.2
    made = (await api.post(THREADS, json=POST | {"Guests": [11]})).json()["Value"]
    query = {"CommunityThread_User": "11", "from_CommunityThread_CreatedOn": "2020-01-01T00:00", "Odd": "1"}
    assert (await api.get(THREADS, params=query)).json()["Records"] == []
    assert (await api.get(f"{THREADS}/{made['Id']}")).json()["Guests"] == [11]
    await asyncio.sleep(0.25)
    page = (await api.get(THREADS, params=query)).json()
    assert [each["Id"] for each in page["Records"]] == [made["Id"]]
    assert "Guests" not in page["Records"][0]
    assert not (await api.get(THREADS, params={"CommunityThread_User": "12"})).json()["Records"]


async def test_writes_are_checked(board: Board, api: httpx.AsyncClient) -> None:
    """A missing field is a 400 that names it; a missing record is a 401, like a missing role."""
    missing = await api.post(THREADS, json=POST | {"Subject": ""})
    assert (missing.status_code, missing.json()["Errors"][0]["PropertyName"]) == (400, "Subject")
    assert (await api.post(THREADS, json=POST | {"UserId": 99})).json()["Message"] == "Access Denied"
    board.missing_roles.add("CommunityThread-Create")
    assert (await api.post(THREADS, json=POST)).status_code == 401
    assert (await api.get("/api/spaces/coworkers/99")).status_code == 401


async def test_lists_of_people_are_partial(api: httpx.AsyncClient) -> None:
    """A coworker's UserId and a group's Members stand in the single record only."""
    found = (await api.get("/api/spaces/coworkers", params={"Coworker_Email": "Ada@example.com"})).json()
    assert [(each["Id"], "UserId" in each) for each in found["Records"]] == [(21, False)]
    assert (await api.get("/api/spaces/coworkers/21")).json()["UserId"] == 11
    groups = (await api.get("/api/community/communitygroups", params={"CommunityGroup_Business": 1})).json()
    assert "Members" not in groups["Records"][0]
    assert (await api.get("/api/community/communitygroups/5")).json()["Members"] == [21]


async def test_a_new_pair_kills_the_older_refresh_token(board: Board, api: httpx.AsyncClient) -> None:
    """One refresh token lives for each client_id; the access tokens given out before keep working."""
    first = await login(api)
    second = await login(api, grant_type="refresh_token", refresh_token=first["refresh_token"])
    assert second["refresh_token"] != first["refresh_token"]
    third = await login(api, grant_type="refresh_token", refresh_token=first["refresh_token"])
    assert third["error"] == "invalid_grant"
    assert (await api.get(THREADS)).status_code == 200
    board.expire_access_tokens()
    gone = await api.get(THREADS)
    assert (gone.status_code, gone.content, board.refreshes) == (401, b"", 1)


async def test_the_clock_is_skewed_as_a_whole(board: Board, api: httpx.AsyncClient) -> None:
    """CreatedOn and the Date header come from the same wrong clock, and Date is sent once."""
    board.clock_skew = -86400 * 400
    reply = await api.post(THREADS, json=POST)
    year = time.gmtime(time.time() + board.clock_skew).tm_year
    assert len(reply.headers.get_list("date")) == 1
    assert str(year) in reply.headers["date"]
    assert reply.json()["Value"]["CreatedOn"].startswith(str(year))


async def test_a_bank_goes_down_and_comes_back(board: Board) -> None:
    """Stopping takes no time, breaks a hanging request, and the port is the same afterwards."""
    loopback = Loopback(board.app)
    await loopback.start()
    board.misbehave(Fault.SILENT_BEFORE, on="GET")
    async with httpx.AsyncClient(base_url=loopback.url, timeout=5) as client:
        hanging = asyncio.create_task(client.get(THREADS))
        await asyncio.sleep(0.1)
        began, port = time.monotonic(), loopback.port
        await loopback.stop()
        assert time.monotonic() - began < 0.3
        with pytest.raises(httpx.TransportError):
            await hanging
        with pytest.raises(httpx.ConnectError):
            await client.get(THREADS)
        await loopback.start()
        assert loopback.port == port
        assert (await client.get(THREADS)).status_code == 401
        board.down = True
        with pytest.raises(httpx.TransportError):
            await client.get(THREADS)
    await loopback.stop()
