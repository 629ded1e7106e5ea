"""The demo's page is for this computer and its own scripts alone, and ends as cleanly as it began."""

import asyncio
import contextlib
import json
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterable, Iterator
from pathlib import Path

import httpx
import pytest
from redis.asyncio import Redis

from bridge.demo.nexudus import portal
from bridge.demo.page import way
from bridge.demo.page.command import open_site
from bridge.demo.page.scene import ANA, BEN, DORA, EVENTS, GENERAL, MAKING
from bridge.demo.page.site import FILES, Site
from bridge.demo.stage import Stage
from bridge.language import sentences
from bridge.post.draft import Draft, Origin
from bridge.post.entry import read_entry
from tests.demo.test_terminal import HOSTILE, hostile, short
from tests.support.space import until_async

__all__ = ["hostile", "short"]

DRAFT = Draft(Origin("T1", ANA, 1.0), "Coffee", ({"mrkdwn": "Hot."},))
COMMAND = [sys.executable, "-m", "bridge", "demo", "--no-browser"]


class Page:
    """The page's scripts, without the page."""

    def __init__(self, url: str, client: httpx.AsyncClient, site: Site, stage: Stage) -> None:
        self.url, self.client, self.site, self.stage = url, client, site, stage

    async def do(self, doing: str, me: str = ANA, **args: object) -> httpx.Response:
        headers = {"Origin": self.url, "Content-Type": "application/json"}
        body = json.dumps({"as": me, **args})
        return await self.client.post(f"{self.url}/do/{doing}", content=body, headers=headers)


@pytest.fixture
async def page(redis_url: str, redis: Redis) -> AsyncIterator[Page]:
    async with open_site(redis_url) as (url, site), httpx.AsyncClient(trust_env=False) as client:
        yield Page(url, client, site, site.stage)


def test_it_serves_until_it_is_stopped(tmp_path: Path, short: Path, hostile: dict[str, str]) -> None:
    """Under nonsense for settings the page comes up on 127.0.0.1; Ctrl-C exits 130 and leaves nothing behind."""
    with subprocess.Popen(
        COMMAND, cwd=tmp_path, env=hostile, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as demo:
        assert demo.stdout is not None and demo.stderr is not None
        url = demo.stdout.readline().rpartition(" ")[2].strip()
        assert url.startswith("http://127.0.0.1:")
        with httpx.Client(trust_env=False) as client:
            assert "bridge demo" in client.get(url).text
            demo.send_signal(signal.SIGINT)
            assert demo.stdout.read().endswith("Stopped. Nothing was kept.\n")
        assert (demo.wait(20), demo.stderr.read()) == (130, "")
    assert list(short.iterdir()) == []


def test_a_taken_port_is_said(tmp_path: Path, short: Path, hostile: dict[str, str]) -> None:
    """A port that somebody else has is named, with the way out, and no traceback."""
    with (
        httpx.Client(trust_env=False),
        subprocess.Popen(COMMAND, cwd=tmp_path, env=hostile, stdout=subprocess.PIPE, text=True) as first,
    ):
        assert first.stdout is not None
        port = first.stdout.readline().rpartition(":")[2].strip()
        done = subprocess.run(
            [*COMMAND, "--port", port], cwd=tmp_path, env=hostile, capture_output=True, text=True, timeout=30
        )
        first.send_signal(signal.SIGTERM)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"The demo cannot listen on port {port}") and "Traceback" not in done.stderr


async def test_a_foreign_host_header_is_refused(page: Page) -> None:
    """A name that was bent to 127.0.0.1 gets 400, for the page, its files and its doings."""
    for path in ("/", "/assets/main.js", "/stream?as=U0ANA", "/do/command"):
        method = "POST" if path.startswith("/do") else "GET"
        answer = await page.client.request(method, page.url + path, headers={"Host": "evil.example"})
        assert answer.status_code == 400, path


@pytest.mark.parametrize("origin", [None, "null", "http://evil.example", "http://127.0.0.1:1", "http://localhost"])
async def test_another_sites_page_can_do_nothing(page: Page, origin: str | None) -> None:
    """A request from any other origin, or one that a form could make, is refused before it is read."""
    headers = {"Content-Type": "application/json"} | ({"Origin": origin} if origin else {})
    body = json.dumps({"as": ANA, "channel": GENERAL, "text": "post A | B"})
    answer = await page.client.post(f"{page.url}/do/command", content=body, headers=headers)
    assert answer.status_code == 403
    plain = {"Content-Type": "text/plain", "Origin": page.url}
    assert (await page.client.post(f"{page.url}/do/command", content=body, headers=plain)).status_code == 403
    assert page.stage.requests == []


async def test_nothing_is_loaded_from_elsewhere(page: Page) -> None:
    """Every answer forbids foreign and inline scripts, and no file of the page names another host or a handler."""
    for path in ("/", "/assets/main.js", "/emoji.json", "/nowhere"):
        policy = (await page.client.get(page.url + path)).headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'") and "unsafe" not in policy
    for file in FILES.iterdir():
        text = file.read_text().replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"""["'(](https?:)?//\w| on\w+="| style=""", text), file.name


async def test_odd_doings_are_refused(page: Page) -> None:
    """What is not there, not theirs or not meant gets 400, and reaches neither bridge nor the switch."""
    for doing, me, args in (
        ("fly", ANA, {}),
        ("__class__", ANA, {}),
        ("command", "U0NOBODY", {"channel": GENERAL, "text": ""}),
        ("command", ANA, {"channel": "C9", "text": ""}),
        ("command", DORA, {"channel": EVENTS, "text": ""}),
        ("command", ANA, {"channel": ["C"], "text": ""}),
        ("command", ANA, {}),
        ("share", ANA, {"channel": GENERAL, "ts": "1.0"}),
        ("submit", ANA, {"view": "V1"}),
        ("press", ANA, {"ts": "1.0", "action": "cancel_draft"}),
        ("mood", ANA, {"mood": "drunk"}),
        ("mood", ANA, {"mood": []}),
    ):
        assert (await page.do(doing, me, **args)).status_code == 400, (doing, args)
    headers = {"Origin": page.url, "Content-Type": "application/json"}
    for body in (b"", b"[]", b"{", b'"as"', b"\xff", b"{" + b" " * 300_000 + b"}"):
        answer = await page.client.post(f"{page.url}/do/command", content=body, headers=headers)
        assert answer.status_code == 400
    assert page.stage.requests == [] and page.site.switch.mood == "works"


async def test_a_form_belongs_to_its_person(page: Page) -> None:
    """One cannot send, press or close the form that somebody else has open."""
    await page.do("command", channel=GENERAL, text="Mine")
    view = (await page.site.seen(ANA))["view"]["id"]
    for doing, args in (("submit", {}), ("press", {"action": "more_options"}), ("close", {})):
        assert (await page.do(doing, BEN, view=view, **args)).status_code == 400
    assert (await page.site.seen(ANA))["view"] is not None
    assert (await page.site.seen(BEN))["view"] is None


async def test_values_of_another_kind_are_not_passed_on(page: Page) -> None:
    """What Slack's client would never send, such as a number for a text, does not reach bridge as if it had."""
    await page.do("command", channel=GENERAL, text="Mine")
    view, before = (await page.site.seen(ANA))["view"]["id"], len(page.stage.requests)
    wrong: list[dict[str, object]] = [{"subject": 1}, {"message": "text"}, {"tags": ["a"]}, {"delivery": {}}]
    for values in wrong:
        assert (await page.do("submit", view=view, values=values)).status_code == 400
    assert len(page.stage.requests) == before


async def test_references_in_commands_are_slacks(page: Page) -> None:
    """As `should_escape` asks, names become references and three characters are escaped, before they are sent."""
    await page.do("command", channel=GENERAL, text="post Tea & cake | Ask @ana in #makers or #nowhere #kitchen")
    sent = dict(httpx.QueryParams(page.stage.requests[-1].content.decode()))
    assert sent["text"] == f"post Tea &amp; cake | Ask <@{ANA}|ana> in <#{MAKING}|makers> or #nowhere #kitchen"
    assert page.stage.requests[-1].headers["X-Slack-Signature"].startswith("v0=")


async def test_switching_back_and_forth_leaves_the_board_as_it_was(page: Page) -> None:
    """However fast the switch is turned, the board ends up as the switch says."""
    moods = ["down", "works", "down", "slow", "down", "refuses", "works"]
    await asyncio.gather(*(page.do("mood", mood=mood) for mood in moods))
    await page.do("mood", mood="down")
    await page.do("mood", mood="works")
    board = f"{page.stage.board_server.url}/api/token"
    assert (await page.client.post(board)).status_code == 400
    assert not page.stage.board.faults and page.stage.board.delay == 0


async def test_a_slow_board_keeps_nobody_waiting(page: Page) -> None:
    """With seconds for each of the board's answers, Slack gets an interim one, and the last word follows."""
    await page.do("mood", mood="slow")
    await page.do("command", channel=GENERAL, text="post Coffee | Hot.")
    assert await told(page) == [sentences.WAITING]

    async def posted() -> bool:
        return sentences.POSTED in await told(page)

    await until_async(posted, 40)
    assert len(page.stage.board.threads) == 1


async def test_no_step_is_before_the_one_it_follows(page: Page) -> None:
    """A draft that was claimed again, to look for it, was claimed before it was sent, and sent before it was posted."""
    await page.do("mood", mood="hangs-up")
    await page.do("command", channel=GENERAL, text="post Coffee | Hot.")

    async def posted() -> bool:
        (draft,) = (await page.site.seen(ANA))["crossings"]
        return bool(draft["steps"][3]["done"])

    await until_async(posted, 40)
    (draft,) = (await page.site.seen(ANA))["crossings"]
    after = [each["after"] for each in draft["steps"][:4]]
    assert after == sorted(after) and after[3] > 500
    assert draft["steps"][3]["name"] == "posted"


@pytest.mark.parametrize(
    ("known", "said"),
    [
        ({"last_error": "turn"}, "Waits for its turn: the board takes so many posts a minute; kept all the while"),
        ({"last_error": "unavailable"}, "The board cannot be reached; kept all the while, tried twice"),
        ({"last_error": "turn", "state": "sending", "claim": "c"}, "On its way to the board"),
        ({"last_error": "unsure", "state": "sending"}, "The board did not confirm it"),
        ({"last_error": "looking", "state": "sending", "claim": "c"}, "The board did not confirm it"),
    ],
)
def test_the_note_says_why_a_post_waits(known: dict[str, str], said: str) -> None:
    """That the board cannot be reached is said when it cannot, and doubt is named where there is any."""
    fields = {"id": "a-1", "state": "kept", "draft": DRAFT.to_json(), "kept": "1000", "failures": "2", **known}
    assert way.note(read_entry(fields, form_closed=False)).startswith(said)


async def told(page: Page) -> list[str]:
    """The headings of what bridge has told Ana in #general."""
    channel = (await page.site.seen(ANA))["channels"][0]
    return [each["text"].partition(":")[0] for each in channel["messages"] if each.get("bot")]


@pytest.mark.parametrize(
    "hostile_words",
    [
        "<script>alert(1)</script>",
        '<img src="x" onerror="alert(1)">',
        "[a](javascript:alert(1))",
        "![a](http://x.example)",
    ],
)
def test_the_board_shows_nothing_alive(hostile_words: str) -> None:
    """Whatever a message holds, no script, picture or handler comes out of the portal's rendering."""
    html = portal.rendered(hostile_words)
    assert not any(each in html for each in ("<script", "<img", "onerror=", 'href="javascript'))


# ── for a bridge of one's own ────────────────────────────────────────────────


def test_a_bridge_of_ones_own_meets_the_stand_ins(tmp_path: Path, short: Path, hostile: dict[str, str]) -> None:
    """What --stand-ins prints is a whole `.env`: the doctor is content, its test post too; `bridge run` carries one."""
    bare = {name: value for name, value in hostile.items() if name not in HOSTILE}
    python = [sys.executable, "-m", "bridge"]
    with _process([*COMMAND, "--stand-ins"], tmp_path, hostile) as stand_ins:
        assert stand_ins.stdout is not None
        url = stand_ins.stdout.readline().rpartition(" ")[2].strip()
        written = "".join(_settings(stand_ins.stdout))
        assert "\n# keep this: the stand-in for Slack calls this port\nPORT=" in written
        (tmp_path / ".env").write_text(written)

        doctor = subprocess.run(
            [*python, "doctor", "--test-post", "General"],
            cwd=tmp_path,
            env=bare,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (doctor.returncode, doctor.stderr) == (0, ""), doctor.stdout
        assert not (tmp_path / ".bridge").exists()
        with httpx.Client(base_url=url, trust_env=False) as client:
            assert _said(client, "help")["trouble"].endswith("“dispatch_failed”")
            with _process([*python, "run"], tmp_path, bare) as ours:
                assert ours.stdout is not None
                assert '"listening"' in ours.stdout.readline()
                assert _said(client, "post Lunch | Who joins?")["trouble"] == ""
                while "settled" not in (line := ours.stdout.readline()):
                    assert line
                assert '"posted"' in line


@contextlib.contextmanager
def _process(words: list[str], folder: Path, env: dict[str, str]) -> Iterator["subprocess.Popen[str]"]:
    """A process that ends by Ctrl-C with the block."""
    with subprocess.Popen(words, cwd=folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as one:
        try:
            yield one
        finally:
            one.send_signal(signal.SIGINT)
            one.wait(30)


def _settings(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        if re.match(r"(# keep this: .+|[A-Z_]+=.*)\n", line):
            yield line
        if line.startswith("PORT="):
            return


def _said(client: httpx.Client, text: str) -> dict[str, str]:
    headers = {"Origin": str(client.base_url).rstrip("/"), "Content-Type": "application/json"}
    words = json.dumps({"as": ANA, "text": text, "channel": GENERAL})
    answer: dict[str, str] = client.post("/do/command", content=words, headers=headers).json()
    return answer
