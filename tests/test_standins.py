"""The stand-ins misbehave as they are told to, so that what is tested against them means something."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qsl

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bridge.demo.board import Board
from bridge.demo.faults import Fault
from bridge.demo.loopback import Loopback, serve
from bridge.demo.sender import Sender
from bridge.demo.workspace import Workspace

THREADS = "/api/community/communitythreads"
POST = {"BusinessId": 1, "UserId": 11, "Subject": "Lost key", "Message": "By the door."}


def form(**fields: Any) -> dict[str, Any]:
    """A community post's form, with a subject and whatever else is given."""
    title = {"type": "plain_text", "text": "Post"}
    element = {"type": "plain_text_input", "action_id": "subject"} | fields
    block = {"type": "input", "block_id": "subject", "label": title, "element": element}
    more = {"type": "button", "action_id": "more", "text": title, "value": "v"}
    buttons = {"type": "actions", "block_id": "buttons", "elements": [more]}
    view = {"type": "modal", "callback_id": "community_post", "title": title, "submit": title}
    return view | {"blocks": [block, buttons], "notify_on_close": True}


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


@pytest.fixture
async def slack() -> AsyncIterator[tuple[Workspace, httpx.AsyncClient]]:
    workspace = Workspace()
    workspace.add_user("U1", "Ada", "ada@example.com")
    workspace.add_channel("C1", "general", members=["U1", workspace.bot_user_id])
    async with serve(workspace.app) as url, httpx.AsyncClient(base_url=url) as client:
        workspace.url = url
        client.headers["Authorization"] = f"Bearer {workspace.token}"
        yield workspace, client


async def call(client: httpx.AsyncClient, method: str, **args: Any) -> dict[str, Any]:
    return dict((await client.post(f"/api/{method}", json=args)).json())


async def test_a_trigger_opens_one_view(slack: tuple[Workspace, httpx.AsyncClient]) -> None:
    """A trigger_id works once and for a short while."""
    workspace, client = slack
    trigger = workspace.trigger("U1")
    assert (await call(client, "views.open", trigger_id=trigger, view=form()))["ok"]
    again = await call(client, "views.open", trigger_id=trigger, view=form())
    assert again["error"] == "exchanged_trigger_id"
    workspace.trigger_life = 0.0
    late = await call(client, "views.open", trigger_id=workspace.trigger("U1"), view=form())
    assert late["error"] == "expired_trigger_id"


async def test_a_stale_hash_does_not_overwrite(slack: tuple[Workspace, httpx.AsyncClient]) -> None:
    """views.update with the hash of an older view is refused; a closed view is not found."""
    workspace, client = slack
    view = workspace.open_view(form(), "U1")
    old = {"view_id": view["id"], "hash": view["hash"], "view": form()}
    assert (await call(client, "views.update", **old))["ok"]
    assert (await call(client, "views.update", **old))["error"] == "hash_conflict"
    workspace.close_view(view["id"])
    assert (await call(client, "views.update", view_id=view["id"], view=form()))["error"] == "not_found"


async def test_a_wrong_view_is_refused(slack: tuple[Workspace, httpx.AsyncClient]) -> None:
    """What Slack would not show is answered with invalid_arguments and the reason."""
    workspace, client = slack
    bad = form(type="static_select", options=[], initial_option={"value": "x"})
    bad["title"] = {"type": "plain_text", "text": "t" * 25}
    reply = await call(client, "views.open", trigger_id=workspace.trigger("U1"), view=bad)
    assert reply["error"] == "invalid_arguments"
    assert len(reply["response_metadata"]["messages"]) == 3


async def test_a_response_url_wears_out(slack: tuple[Workspace, httpx.AsyncClient]) -> None:
    """Five messages, then 404; what was said is kept."""
    workspace, client = slack
    url = workspace.response_url("commands", "U1", "C1")
    statuses = [(await client.post(url, json={"text": "hello"})).status_code for _ in range(6)]
    assert statuses == [200] * 5 + [404]
    assert [each["text"] for each in workspace.responses[url.rsplit("/", 1)[1]]] == ["hello"] * 5


async def test_the_web_api_refuses_and_limits(slack: tuple[Workspace, httpx.AsyncClient]) -> None:
    """Errors are `ok: false` with 200; a rate limit is 429 with Retry-After; direct messages are kept."""
    workspace, client = slack
    workspace.ratelimit("chat.postMessage", 3)
    limited = await client.post("/api/chat.postMessage", json={"channel": "U1", "text": "hi"})
    assert (limited.status_code, limited.headers["Retry-After"]) == (429, "3")
    assert (await call(client, "chat.postMessage", channel="U1", text="hi"))["ok"]
    assert [each["text"] for each in workspace.dms["U1"]] == ["hi"]
    outside = await call(client, "chat.postEphemeral", channel="C1", user="U2", text="hi")
    assert outside["error"] == "user_not_in_channel"
    assert (await call(client, "no.such"))["error"] == "unknown_method"
    person = await client.get("/api/users.info", params={"user": "U1"})
    assert person.json()["user"]["profile"]["email"] == "ada@example.com"


class Listener:
    """Stands where bridge will stand: keeps what it was sent, and answers as told."""

    def __init__(self) -> None:
        self.heard: list[dict[str, Any]] = []
        self.answer: Response = Response(b"")
        self.app = Starlette(routes=[Route("/slack/events", self.hear, methods=["POST"])])

    async def hear(self, request: Request) -> Response:
        self.heard.append(dict(parse_qsl((await request.body()).decode())))
        return self.answer

    @property
    def last(self) -> dict[str, Any]:
        return dict(json.loads(self.heard[-1]["payload"]))


@pytest.fixture
async def sender(
    slack: tuple[Workspace, httpx.AsyncClient],
) -> AsyncIterator[tuple[Sender, Listener]]:
    listener = Listener()
    async with serve(listener.app) as url:
        yield Sender(slack[0], "shh", slack[1], f"{url}/slack/events"), listener


async def test_a_submitted_form_does_what_the_reply_says(sender: tuple[Sender, Listener]) -> None:
    """Errors keep the form open with its text, an update replaces it, an empty body closes it."""
    client, listener = sender
    views = client.workspace
    view_id = views.open_view(form(), "U1")["id"]
    assert (await client.submit(view_id, {})).errors == {"subject": "Please complete this required field."}
    listener.answer = JSONResponse({"response_action": "errors", "errors": {"subject": "No."}})
    assert (await client.submit(view_id, {"subject": "Key"})).errors == {"subject": "No."}
    values = listener.last["view"]["state"]["values"]
    assert values["subject"]["subject"] == {"type": "plain_text_input", "value": "Key"}
    listener.answer = JSONResponse({"response_action": "update", "view": form()})
    before = views.views[view_id]["hash"]
    assert not (await client.submit(view_id, {})).trouble
    assert views.views[view_id]["hash"] != before
    assert views.views[view_id]["state"]["values"] == values
    listener.answer = Response(b"")
    await client.submit(view_id, {"subject": "Door"})
    assert view_id in views.closed


async def test_people_act_as_slack_says_it(sender: tuple[Sender, Listener]) -> None:
    """Commands, shortcuts, buttons and closing carry the fields that Slack's own carry."""
    client, listener = sender
    await client.command("U1", "Lost key")
    command = listener.heard[-1]
    assert (command["text"], command["channel_name"], command["team_id"]) == (
        "Lost key",
        "general",
        "T0BRIDGE",
    )
    assert command["response_url"].startswith(f"{client.workspace.url}/hooks/commands/")
    await client.message_shortcut("U1", {"type": "message", "text": "x", "ts": "1.2"})
    assert (listener.last["message_ts"], listener.last["callback_id"]) == ("1.2", "post_to_community")
    await client.global_shortcut("U1")
    assert "response_url" not in listener.last
    view_id = client.workspace.open_view(form(), "U1")["id"]
    await client.press(view_id, "more")
    assert listener.last["container"] == {"type": "view", "view_id": view_id}
    await client.close(view_id)
    assert listener.last["type"] == "view_closed"
    message = {"blocks": form()["blocks"], "channel": "C1", "ts": "1.3", "is_ephemeral": True}
    await client.press(message, "more", None, "U1")
    assert listener.last["container"]["message_ts"] == "1.3"
    assert listener.last["actions"][0]["value"] == "v"
