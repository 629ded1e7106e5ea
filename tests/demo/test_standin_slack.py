"""Slack's stand-in refuses and answers as Slack does, so that what is tested against it means something."""

import json
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qsl

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bridge.demo.loopback import serve
from bridge.demo.slack.sender import Sender
from bridge.demo.slack.workspace import Workspace


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
