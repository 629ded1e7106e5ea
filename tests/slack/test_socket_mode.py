"""Without a public address: the same crossing over Slack's socket, which breaks and comes back."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
from prometheus_client import REGISTRY
from redis.asyncio import Redis
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bridge.demo.loopback import serve
from bridge.demo.slack.workspace import Workspace
from bridge.slack.dispatch import App
from bridge.slack.socketmode import SocketMode
from bridge.slack.webapi import client_of
from tests.support.slack_socket import SlackSocket, SocketSender
from tests.support.space import ANA, Space, answer_text, open_space, until


class Plugged:
    """A space whose people speak over the socket."""

    def __init__(self, space: Space, line: SlackSocket, mode: SocketMode) -> None:
        self.space, self.line, self.mode = space, line, mode
        sender = space.sender
        self.sender = SocketSender(sender.workspace, sender.secret, sender.client, sender.url)
        self.sender.line = line
        self.begin()

    def begin(self) -> None:
        self.began, self.stopping = time.monotonic(), asyncio.Event()
        self.running = asyncio.create_task(self.mode.run(self.stopping))

    async def end(self) -> None:
        self.stopping.set()
        await asyncio.wait_for(self.running, 5)

    async def again(self) -> None:
        await self.end()
        self.begin()

    async def ready(self) -> str:
        answer = await self.space.sender.client.get(f"{self.space.url}/readyz")
        return str(answer.json()["slack"])


@pytest.fixture
async def plugged(redis_url: str, redis: Redis) -> AsyncIterator[Plugged]:
    async with open_space(redis_url, slack_app_token="xapp-demo", slack_signing_secret="") as space:
        line = SlackSocket(space.workspace)
        await line.start()
        mode = space.bridge.socket
        assert mode is not None
        mode._ping, mode._retry = 0.2, 0.1
        plugged = Plugged(space, line, mode)
        yield plugged
        await plugged.end()
        await line.stop()


async def test_a_post_crosses_from_the_command_to_the_report(plugged: Plugged) -> None:
    """A command and a form over the socket end as threads, and the report stands in the acknowledgement."""
    await until(lambda: plugged.line.lines)

    answer = await plugged.sender.command(ANA, "post No address | Needed #socket")
    await plugged.sender.command(ANA, "By form")
    sent = await plugged.sender.submit(plugged.space.view()["id"], {"message": "Over the socket"})

    assert "Posted to the community board" in answer_text(answer)
    assert sent.action == "update"
    await until(lambda: len(plugged.space.threads) == 2)
    assert [each["Subject"] for each in plugged.space.threads] == ["No address", "By form"]
    await until(lambda: plugged.mode.state == "socket mode")
    assert await plugged.ready() == "socket mode"


@pytest.mark.parametrize("politely", [True, False], ids=["refreshed", "cut"])
async def test_a_dropped_connection_comes_back(plugged: Plugged, politely: bool) -> None:
    """After Slack refreshes the socket, or the line is cut, the next command is answered all the same."""
    await until(lambda: plugged.line.lines)
    await plugged.line.drop(politely=politely)
    await until(lambda: plugged.line.connections == 2 and plugged.line.lines)

    answer = await plugged.sender.command(ANA, "post Back | Again")

    assert "Posted" in answer_text(answer)
    assert len(plugged.space.threads) == 1


@pytest.mark.parametrize("before", ["first", "later"])
async def test_an_address_that_led_nowhere_is_not_tried_for_ever(plugged: Plugged, before: str) -> None:
    """Each opens one socket: when its host was away for a while, at the start or later, a fresh one is asked for."""
    await until(lambda: plugged.line.lines)
    plugged.line.down = True
    if before == "later":
        await plugged.line.drop(politely=False)
    else:
        await plugged.again()
    given = plugged.line.given
    await until(lambda: plugged.line.given >= given + 2)
    await until(lambda: plugged.mode.state == "socket mode, not connected")

    plugged.line.down = False

    await until(lambda: plugged.mode.state == "socket mode")
    assert "/community" in answer_text(await plugged.sender.command(ANA, "help"))
    # The next is asked for only when the last one had its time.
    assert plugged.line.given <= given + (time.monotonic() - plugged.began) / 0.1


JUNK = {
    "a list": Response('["maintenance"]', media_type="application/json"),
    "a string": Response('"maintenance"', media_type="application/json"),
    "cut off": Response('{"ok": true, "url": "ws', media_type="application/json"),
    "no address": JSONResponse({"ok": True}),
    "none that opens a socket": JSONResponse({"ok": True, "url": "https://slack.com"}),
    "html": Response("<html>maintenance</html>", media_type="text/html"),
    "html 502": Response("<html>bad gateway</html>", 502, media_type="text/html"),
}


@pytest.mark.parametrize("junk", JUNK)
async def test_an_answer_that_is_none_is_slack_being_away(junk: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever a proxy or a bad day answers: it is asked again, it ends nothing, and no setting is blamed for it."""
    line = SlackSocket(Workspace())
    await line.start()
    answers = [JUNK[junk]]

    async def answer(_: Request) -> Response:
        return answers.pop() if answers else JSONResponse({"ok": True, "url": line.give()})

    async with serve(Starlette(routes=[Route("/api/apps.connections.open", answer, methods=["POST"])])) as url:
        mode, stopping = (
            SocketMode(App(token="x"), client_of("x", f"{url}/api/"), "xapp", retry=0.1),
            asyncio.Event(),
        )
        running = asyncio.create_task(mode.run(stopping))
        await until(lambda: line.lines or running.done())
        stopping.set()
        await asyncio.wait_for(running, 5)
    await line.stop()
    assert "socket_mode_away" in (said := capsys.readouterr().out)
    assert "SLACK_APP_TOKEN" not in said


async def test_a_socket_on_this_computer_goes_through_no_proxy(
    redis_url: str, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What runs on this computer is reached directly, whatever HTTPS_PROXY says."""
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    async with open_space(redis_url, slack_app_token="xapp-demo", slack_signing_secret="") as space:
        line, stopping = SlackSocket(space.workspace), asyncio.Event()
        await line.start()
        assert space.bridge.socket is not None
        running = asyncio.create_task(space.bridge.socket.run(stopping))
        await until(lambda: line.lines)
        stopping.set()
        await asyncio.wait_for(running, 5)
        await line.stop()


async def test_the_same_envelope_twice_is_one_thread(plugged: Plugged) -> None:
    """Slack sends again what was not acknowledged in time: Slack's own id makes it one post."""
    await until(lambda: plugged.line.lines)
    fields = {
        "command": "/community", "text": "post Once | Only", "team_id": plugged.space.workspace.team_id,
        "user_id": ANA, "channel_id": "C1", "trigger_id": "13345224609.738474920.8088930838d88f008e0",
    }  # fmt: skip

    await plugged.line.send("slash_commands", fields)
    await plugged.line.send("slash_commands", fields)

    await asyncio.sleep(0.3)
    assert len(plugged.space.threads) == 1


async def test_odd_envelopes_stop_nobody(plugged: Plugged) -> None:
    """An event that nothing listens to is acknowledged, or Slack repeats it; a person's odd request shows its error."""
    await until(lambda: plugged.line.lines)
    event = {"type": "event_callback", "event": {"type": "team_join"}, "event_id": "Ev1"}
    assert await plugged.line.send("events_api", event) is None
    assert await plugged.line.send("events_api", {"type": "event_callback", "event": 7}) is None
    for odd in ({}, {"type": "view_submission", "view": 7}):
        with pytest.raises(TimeoutError):
            await plugged.line.send("interactive", odd, within=0.3)

    answer = await plugged.sender.command(ANA, "help")
    assert "/community" in answer_text(answer)


async def test_envelopes_are_counted_as_requests_are(plugged: Plugged) -> None:
    """What watches bridge sees how many were answered, how, and how fast, whichever way they came."""
    await until(lambda: plugged.line.lines)

    def counted() -> list[float]:
        one, other = ({"status": status} for status in ("200", "400"))
        found = [REGISTRY.get_sample_value("bridge_requests_total", labels) for labels in (one, other)]
        return [each or 0 for each in (*found, REGISTRY.get_sample_value("bridge_ack_seconds_count"))]

    before = counted()
    await plugged.sender.command(ANA, "help")
    assert await plugged.line.send("events_api", {"type": "event_callback", "event": 7}) is None

    assert [now - then for now, then in zip(counted(), before, strict=True)] == [1, 1, 2]


async def test_half_a_surrogate_pair_crosses_as_text(plugged: Plugged) -> None:
    """Text that no store would take, anywhere in an envelope: it is one readable character, and the post crosses."""
    await until(lambda: plugged.line.lines)
    fields = {
        "command": "/community", "text": "post Half \ud83d | Of a \udc4d pair", "user_id": ANA, "channel_id": "C1",
        "team_id": plugged.space.workspace.team_id, "trigger_id": "1.\ud83d",
    }  # fmt: skip

    await plugged.line.send("slash_commands", fields)

    (thread,) = await until(lambda: plugged.space.threads)
    assert thread["Subject"] == "Half \ufffd"
    assert thread["Message"].startswith("Of a \ufffd pair")


async def test_an_envelope_too_deep_to_read_stops_nobody(plugged: Plugged) -> None:
    """JSON nested a thousand times: refused like everything that Slack does not send, and the next one is answered."""
    await until(lambda: plugged.line.lines)
    deep: list[object] = []
    for _ in range(900):
        deep = [deep]
    with pytest.raises(TimeoutError):
        await plugged.line.send("interactive", {"type": "block_actions", "actions": deep}, within=0.3)

    assert "/community" in answer_text(await plugged.sender.command(ANA, "help"))


async def test_a_wrong_token_is_said_and_asked_again(
    redis_url: str, redis: Redis, capsys: pytest.CaptureFixture[str]
) -> None:
    """A token that Slack turns down: one line that names the setting, /readyz names it too, and stopping is at once."""
    async with open_space(redis_url, slack_app_token="xapp-wrong", slack_signing_secret="") as space:
        line = SlackSocket(space.workspace)
        await line.start()
        mode, stopping = space.bridge.socket, asyncio.Event()
        assert mode is not None
        running = asyncio.create_task(mode.run(stopping))
        await until(lambda: "refused" in mode.state)

        answer = await space.sender.client.get(f"{space.url}/readyz")
        assert (answer.status_code, answer.json()["slack"]) == (503, "socket mode, refused: invalid_auth")
        said = capsys.readouterr().out
        assert "SLACK_APP_TOKEN" in said
        assert "xapp-wrong" not in said
        assert "Traceback" not in said

        stopping.set()
        await asyncio.wait_for(running, 1)
        await line.stop()


async def test_what_is_being_answered_is_answered_before_the_socket_closes(plugged: Plugged) -> None:
    """SIGTERM while somebody's post waits for its final word: the acknowledgement still goes out."""
    await until(lambda: plugged.line.lines)
    plugged.space.board.delay = 0.5
    asking = asyncio.create_task(plugged.sender.command(ANA, "post Last | Call"))
    await asyncio.sleep(0.3)
    plugged.stopping.set()

    assert "board" in answer_text(await asking) or "Kept" in answer_text(await asking)
