"""Files and images: carried after the thread, looked for before they are repeated, named when they stay behind."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.asyncio import Redis
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from bridge.demo.loopback import serve
from bridge.demo.nexudus.faults import Fault
from bridge.form.read_back import read_form
from bridge.post.attachment import Rules, chosen, listed
from bridge.post.draft import Draft, Origin
from tests.support.space import ANA, BEN, CARL, Space, open_space, until, until_async

ADD = "POST /api/community/communitythreadfiles"
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 5000
FIELDS = ("id", "name", "title", "mimetype", "size", "mode", "url_private", "permalink", "is_external", "file_access")
ANY = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=9)
    | st.sampled_from(["image/png", "F1"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
PDF = b"%PDF-1.7 " + b"\0" * 90000


@pytest.fixture
async def space(redis_url: str, redis: Redis) -> AsyncIterator[Space]:
    async with open_space(
        redis_url, files=True, nexudus_timeout=0.5, nexudus_search_lag=0.2, lease=2, longest_wait=1
    ) as opened:
        opened.workspace.scopes += ",channels:history"
        yield opened


def picture(space: Space, id_: str = "F1", name: str = "plan.png", **more: Any) -> dict[str, Any]:
    """Slack lists every one as a small PNG, whatever it serves."""
    content = more.pop("content", PNG)
    return space.workspace.add_file(id_, name, "image/png", content, **more) | {"size": len(PNG)}


def message(*files: dict[str, Any], number: int = 0, user: str = BEN) -> dict[str, Any]:
    ts = f"{1700000000 + 60 * number}.000100"
    return {"type": "message", "user": user, "text": f"word{number} see", "ts": ts, "files": list(files)}


async def post(space: Space, *files: dict[str, Any], **values: Any) -> Any:
    await space.sender.message_shortcut(ANA, message(*files))
    return await space.sender.submit(space.view()["id"], {"subject": "Plan"} | values)


async def ended(space: Space) -> Any:
    """Ana's latest draft, told and with every file ended."""

    async def find() -> Any:
        queue = await space.redis.zcard(f"{space.settings.prefix}attach")
        entry = next(iter(await space.bridge.outbox.latest(space.workspace.team_id, ANA)), None)
        return entry if entry and entry.told and not entry.attaching and not queue else None

    return await until_async(find, 20)


def states(entry: Any) -> dict[str, str]:
    return {each["name"]: each.get("reason") or each["state"] for each in entry.files}


def names(space: Space) -> list[str]:
    return sorted(each["Name"] for each in space.board.files.values())


def block(space: Space, name: str) -> dict[str, Any] | None:
    return next((each for each in space.view()["blocks"] if each.get("block_id") == name), None)


async def test_a_picture_stands_in_the_thread(space: Space) -> None:
    """Listed in the form, then fetched by the board from bridge, byte by byte, as an attachment; told once."""
    reply = await post(space, picture(space))
    assert reply.action == "update"
    entry = await ended(space)
    (record,) = space.board.files.values()
    fetched = space.board.contents[record["Id"]]
    assert (record["CommunityThreadId"], record["Name"]) == (space.threads[0]["Id"], "plan.png")
    assert fetched.content == PNG
    assert fetched.headers["content-disposition"].startswith("attachment")
    assert (fetched.headers["x-content-type-options"], fetched.headers["content-type"]) == ("nosniff", "image/png")
    assert states(entry) == {"plan.png": "added"}
    assert "stay in Slack" not in space.view_text()
    assert "on their way" not in space.view_text()
    assert space.heard(ANA) == []


async def test_no_byte_and_no_address_of_a_file_stays_in_redis(space: Space) -> None:
    """Afterwards the record holds names and links only, and what else there is of files has an end."""
    await post(space, picture(space))
    entry = await ended(space)
    assert not entry.draft.files
    assert all("url" not in each and "token" not in each for each in entry.files)
    kept = [key async for key in space.redis.scan_iter(f"{space.settings.prefix}*")]
    assert not any([PNG[:8] in (await space.redis.dump(key) or b"") for key in kept if "original" not in key])
    assert all([await space.redis.ttl(key) > 0 for key in kept if ":file:" in key or ":fetched:" in key])


async def test_a_whole_thread_crosses_with_its_files_and_names_what_stays(space: Space) -> None:
    """Sixty replies, somebody else's, two good files and four bad ones: whole, and each bad one is named with why."""
    async with serve(Starlette(routes=[Route("/{path:path}", PlainTextResponse("x"))])) as other:
        good = [picture(space), space.workspace.add_file("F2", "rules.pdf", "application/pdf", PDF)]
        bad = [
            picture(space, "F3", "login.png", content=b"<html>Sign in", kind="text/html"),
            picture(space, "F4", "lying.png", content=b"<!DOCTYPE html><title>Sign in</title>"),
            space.workspace.add_file("F5", "page.html", "text/html", b"<p>"),
            picture(space, "F6", "away.png", elsewhere=f"{other}/f.png"),
        ]
        talk = [message(*files, number=n, user=(BEN, CARL)[n % 2]) for n, files in enumerate([good[:1], bad, good[1:]])]
        talk += [message(number=n, user=(BEN, CARL)[n % 2]) for n in range(3, 61)]
        await space.sender.message_shortcut(ANA, space.workspace.add_thread("C1", talk))
        await space.sender.choose(space.view()["id"], "thread", "thread", ["thread"])
        await until(lambda: block(space, "thread_files"))
        assert "page.html (files of this kind are not carried)" in space.view_text()
        await space.sender.submit(space.view()["id"], {"subject": "Talk"})
        entry = await ended(space)

    (thread,) = space.threads
    assert (thread["UserId"], thread["Subject"]) == (101, "Talk")
    assert all(f"word{n} see" in thread["Message"] for n in range(61))
    assert "shared by Ana" in thread["Message"]
    assert names(space) == ["plan.png", "rules.pdf"]
    assert states(entry) == {
        "plan.png": "added", "rules.pdf": "added", "login.png": "login_page", "lying.png": "login_page",
        "page.html": "type", "away.png": "elsewhere",
    }  # fmt: skip
    await until(lambda: "away.png" in space.view_text())
    for name in ("login.png", "lying.png", "page.html", "away.png"):
        assert f"|{name}>:" in space.view_text()
    assert "rules.pdf" not in space.view_text()


async def test_an_unticked_file_stays_without_a_word(space: Space) -> None:
    """What somebody chose to leave is neither carried nor complained about."""
    await post(space, picture(space), picture(space, "F2", "other.png"), files=["F2"])
    assert states(await ended(space)) == {"other.png": "added"}
    assert names(space) == ["other.png"]


async def test_files_of_one_name_are_told_apart(space: Space) -> None:
    """Three image.png of a phone: three files under three names."""
    await post(space, *(picture(space, f"F{n}", "image.png") for n in range(3)))
    await ended(space)
    assert names(space) == ["image (2).png", "image (3).png", "image.png"]


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"status": 403}, "gone"),
        ({"kind": "image/svg+xml"}, "type"),
        ({"content": b"GIF89a picture"}, "type"),
        ({"content": b"  <svg onload=alert(1)>"}, "login_page"),
        ({"kind": "text/html", "content": b"\x89PNG\r\n\x1a\n"}, "login_page"),
        ({"content": PNG * 30}, "too_large"),
        ({"content": PNG * 30, "told": False}, "too_large"),
    ],
)
async def test_what_is_not_what_it_seemed_stays(
    redis_url: str, redis: Redis, more: dict[str, Any], reason: str
) -> None:
    """Whatever Slack answers instead of the listed picture: not carried, and named with the reason."""
    async with open_space(redis_url, files=True, file_bytes_max=100_000, file_ttl=1) as space:
        await post(space, picture(space, **more))
        entry = await ended(space)
        assert states(entry) == {"plan.png": reason}
        assert space.board.files == {}
        assert len(space.threads) == 1
        await until(lambda: "plan.png>:" in space.view_text())


async def test_the_token_for_slack_reaches_no_other_host(space: Space) -> None:
    """A redirect is followed to Slack's own hosts only, and the bot's token goes no further than the first hop."""
    heard: list[str | None] = []

    async def listen(request: Request) -> Response:
        heard.append(request.headers.get("authorization"))
        return HTMLResponse("x")

    async with serve(Starlette(routes=[Route("/{path:path}", listen)])) as other:
        inside = f"{space.workspace.url}/files-pri/F9/x.png"
        picture(space, "F9", "x.png")
        await post(space, picture(space, elsewhere=f"{other}/x"), picture(space, "F2", "b.png", elsewhere=inside))
        entry = await ended(space)
    assert states(entry) == {"plan.png": "elsewhere", "b.png": "login_page"}
    assert heard == []
    assert {token for id_, token in space.workspace.tokens_seen if id_ == "F9"} == {None}


async def test_a_forged_choice_fetches_nothing(space: Space) -> None:
    """The id of a file that the form never listed, in the state of the form: nobody asks Slack for it."""
    picture(space, "F0SECRET", "secret.png")
    forged = {"type": "checkboxes", "selected_options": [{"value": "F0SECRET"}, {"value": "F1"}]}
    await space.sender.message_shortcut(ANA, message(picture(space)))
    view = space.view()["id"]
    space.workspace.views[view]["state"]["values"]["files"]["files"] = forged
    await space.sender.submit(view, {"subject": "Plan"}, force=True)
    await ended(space)
    assert names(space) == ["plan.png"]
    assert {id_ for id_, _ in space.workspace.tokens_seen} == {"F1"}


# ── nothing twice, nothing lost ──────────────────────────────────────────────


@pytest.mark.parametrize(
    "fault",
    [
        Fault.HANGUP_AFTER, Fault.SILENT_AFTER, Fault.OOPS_AFTER, Fault.HTML_200_AFTER,
        Fault.HANGUP_BEFORE, Fault.SILENT_BEFORE, Fault.OOPS_BEFORE, Fault.THROTTLE_429,
    ],
)  # fmt: skip
async def test_a_file_in_doubt_is_looked_for(space: Space, fault: Fault) -> None:
    """Whether or not the board took it before it failed to say so, the file stands in the thread once."""
    space.board.misbehave(fault, on=ADD)
    await post(space, picture(space))
    entry = await ended(space)
    assert states(entry) == {"plan.png": "added"}
    assert len(space.board.files) == 1
    asked = len([each for each in space.board.seen(ADD) if each.method == "POST"])
    assert asked == (1 if fault.name.endswith("_AFTER") else 2)


async def test_a_worker_killed_between_thread_and_file_leaves_one_of_each(space: Space) -> None:
    """Killed while the board is asked for the file: the next worker goes on, to one thread and one file."""
    space.board.misbehave(Fault.LATE, on=ADD, value=0.6)
    await space.sender.message_shortcut(ANA, message(picture(space)))
    sending = asyncio.create_task(space.sender.submit(space.view()["id"], {"subject": "Plan"}))
    await until(lambda: space.board.seen(ADD))
    await space.stop_worker()
    await sending
    assert len(space.threads) == 1
    space.start_worker()
    entry = await ended(space)
    assert states(entry) == {"plan.png": "added"}
    assert (len(space.threads), len(space.board.files)) == (1, 1)


async def test_a_worker_killed_before_the_files_began_loses_none(space: Space) -> None:
    """The thread was taken and the worker died before it heard of it: adopted, and then its file is added."""
    space.board.misbehave(Fault.SILENT_AFTER)
    await space.sender.message_shortcut(ANA, message(picture(space)))
    sending = asyncio.create_task(space.sender.submit(space.view()["id"], {"subject": "Plan"}))
    await until(lambda: space.threads)
    await space.stop_worker()
    await sending
    space.start_worker()
    entry = await ended(space)
    assert states(entry) == {"plan.png": "added"}
    assert (len(space.threads), len(space.board.files)) == (1, 1)


async def test_a_worker_asked_to_stop_leaves_the_rest_to_the_next(space: Space) -> None:
    """SIGTERM between two files: the second is due at once for whoever comes next, not when patience ends."""
    space.board.misbehave(Fault.SLOW, on=ADD, value=0.3)
    await space.sender.message_shortcut(ANA, message(picture(space), picture(space, "F2", "b.png")))
    sending = asyncio.create_task(space.sender.submit(space.view()["id"], {"subject": "Plan"}))
    await until(lambda: space.board.seen(ADD))
    space.bridge.carrying.stop()
    await sending
    await space.stop_worker()
    space.bridge.carrying.stopping.clear()
    space.start_worker()
    assert states(await ended(space)) == {"plan.png": "added", "b.png": "added"}


async def test_a_slow_file_does_not_keep_the_link(space: Space) -> None:
    """The board takes its time with the file: the form has the link within two seconds, and says what is open."""
    space.board.misbehave(Fault.SILENT_BEFORE, on=ADD)
    began = time.monotonic()
    reply = await post(space, picture(space))
    assert time.monotonic() - began < 2
    assert "/thread/" in reply.text
    assert "still on their way: 1" in reply.text
    assert states(await ended(space)) == {"plan.png": "added"}
    assert space.heard(ANA) == []


async def test_who_was_told_early_hears_of_a_file_that_stays(space: Space) -> None:
    """Told the link while the file was on its way; when it cannot be carried, the form says so by itself."""
    space.workspace.slow("file", 1.5)
    space.workspace.files.clear()
    reply = await post(space, picture(space, status=404))
    assert "on their way" in reply.text
    entry = await ended(space)
    assert states(entry) == {"plan.png": "gone"}
    await until(lambda: "Slack does not give it to this app" in space.view_text())
    assert "on their way" not in space.view_text()
    assert not entry.told_early


async def test_who_closed_the_form_hears_of_it_another_way(space: Space) -> None:
    """The form is gone when the file turns out to stay: the response_url says which one, and why."""
    space.workspace.slow("file", 1.5)
    await post(space, picture(space, status=404))
    await space.sender.close(space.view()["id"])
    await ended(space)
    await until(lambda: any("1 of the files stay in Slack" in text for text in space.heard(ANA)))


async def test_a_board_that_never_fetches_is_not_believed(redis_url: str, redis: Redis) -> None:
    """The board says that it has the file and never came for it: the person is told, once its time is over."""
    async with open_space(redis_url, files=True, file_ttl=1.5, longest_wait=1) as space:
        space.board.fetches = False
        await post(space, picture(space))
        assert states(await ended(space)) == {"plan.png": "not_fetched"}


@pytest.mark.parametrize(("role", "reason"), [("CommunityThreadFile-Create", "role")])
async def test_a_missing_role_is_told_and_ends_it(space: Space, role: str, reason: str) -> None:
    """Without the role for files the thread stands and the file is named."""
    space.board.missing_roles.add(role)
    await post(space, picture(space))
    assert states(await ended(space)) == {"plan.png": reason}
    assert len(space.threads) == 1


async def test_the_boards_no_to_a_file_is_told(space: Space) -> None:
    """A refusal with a reason ends the file, not the post."""
    space.board.misbehave(Fault.UNSUCCESSFUL, on=ADD)
    await post(space, picture(space))
    assert states(await ended(space)) == {"plan.png": "board"}


# ── switched off, and the form ───────────────────────────────────────────────


@pytest.mark.parametrize("lacking", ["PUBLIC_URL", "files:read"])
async def test_files_are_off_until_both_are_given(redis_url: str, redis: Redis, lacking: str) -> None:
    """Without the address or the scope the form says that files stay, and the report names them with their links."""
    async with open_space(redis_url, files=lacking != "PUBLIC_URL") as space:
        space.workspace.scopes = space.workspace.scopes.replace(",files:read", "")
        await space.bridge.desk.api.call("auth.test")
        reply = await post(space, picture(space))
        assert block(space, "files") is None
        assert "files/U0BEN/F1/plan.png|plan.png>: this app does not carry files here" in reply.text
        assert space.board.files == {}
        async with httpx.AsyncClient() as client:
            assert (await client.get(f"{space.url}/files/{'x' * 43}")).status_code == 404


async def test_the_form_keeps_its_files_through_every_change(space: Space) -> None:
    """More options pressed, groups come late: what was listed stays listed, what was unticked stays unticked."""
    await space.sender.message_shortcut(ANA, message(picture(space), picture(space, "F2", "b.png")))
    space.sender.fill(space.view()["id"], {"files": ["F2"]})
    await space.sender.press(space.view()["id"], "more_options")
    await until(lambda: block(space, "guests") and block(space, "group"))
    assert len(block(space, "files")["element"]["options"]) == 2  # type: ignore[index]
    await space.sender.submit(space.view()["id"], {"subject": "Plan"})
    await ended(space)
    assert names(space) == ["b.png"]


async def test_a_reopened_form_still_holds_its_files(space: Space) -> None:
    """After a refusal that came late: the thread and more files than one group of boxes holds come back, ticked."""
    files = tuple(
        {"id": f"F{n}", "name": f"{n}.png", "type": "image/png", "size": 1, "url": "u", "link": ""} for n in range(13)
    )
    origin = Origin(space.workspace.team_id, ANA, time.time(), channel="C1", message_ts="1.1")
    talk = {"messages": [{"ts": "1.1", "user": BEN, "text": "a"}], "replies": 0}
    kept = await space.bridge.outbox.put("k", Draft(origin, "S", ({"conversation": talk},), files=files))
    entry = await space.bridge.outbox.get(kept.id)
    assert entry is not None
    form = await space.bridge.desk.prefill.again(entry, origin)
    view = space.workspace.open_view(space.bridge.desk.open_forms.view(form), ANA)
    draft, memory = read_form(view, ANA, space.workspace.team_id, space.bridge.desk.open_forms.seal)
    again = await space.bridge.desk.lookups.sources.carry(draft, memory)
    assert isinstance(again, Draft)
    assert (again.files, again.message) == (files, ({"conversation": talk},))


def test_the_list_survives_whatever_slack_calls_a_file() -> None:
    """External, deleted, foreign, hidden, odd and missing fields: each has its reason, none raises."""
    rules = Rules(True, frozenset({"image/*", "text/*"}), 1000)
    fine = {"id": "F", "url_private": "https://files.slack.com/x", "mimetype": "image/png", "size": 5}
    odd = [
        (fine, None), (fine | {"is_external": True}, "elsewhere"), (fine | {"mode": "tombstone"}, "gone"),
        (fine | {"mode": "hidden_by_limit"}, "gone"), (fine | {"file_access": "check_file_info"}, "gone"),
        ({}, "gone"), (fine | {"mimetype": "image/svg+xml"}, "type"), (fine | {"mimetype": "text/html"}, "type"),
        (fine | {"mimetype": "text/xml"}, "type"), (fine | {"mimetype": "image/png\r\nX: y"}, "type"),
        (fine | {"mimetype": None}, "type"),
        (fine | {"size": 1001}, "too_large"), (fine | {"size": "x", "name": None, "permalink": 7}, None),
    ]  # fmt: skip
    for file, reason in odd:
        (found,) = listed([file, None, "x"], rules)
        assert found.get("reason") == reason, file
    assert listed(None, rules) == listed("x", rules) == []
    many = [fine | {"id": f"F{n}", "name": "a"} for n in range(12)]
    assert [each.get("reason") for each in listed(many, rules)][9:] == [None, "too_many", "too_many"]
    assert len({each["name"] for each in chosen(listed(many, rules), [f"F{n}" for n in range(12)])}) == 12


async def test_files_switched_off_meanwhile_stay(space: Space) -> None:
    """The operator takes PUBLIC_URL away while a post waits: the board is not sent to an address that is none."""
    object.__setattr__(space.bridge.carrying.files, "public_url", "")
    await post(space, picture(space))
    assert states(await ended(space)) == {"plan.png": "off"}
    assert space.board.seen(ADD) == []


@given(st.lists(st.dictionaries(st.sampled_from(FIELDS), ANY, max_size=8) | ANY, max_size=6))
def test_no_list_of_files_is_too_odd(files: list[Any]) -> None:
    """Any JSON where Slack puts files: an answer, and nothing without a reason but what may be carried."""
    rules = Rules(True, frozenset({"image/*"}), 1000)
    for each in listed(files, rules):
        assert each.get("reason") or (rules.allows(each["type"]) and each["url"] and each["size"] <= 1000)


async def test_slack_being_away_is_no_end_of_a_file(space: Space) -> None:
    """Slack's file host answers 503 for a while: the file is tried again, and crosses."""
    file = picture(space, status=503)
    await post(space, file)
    await asyncio.sleep(0.5)
    space.workspace.files["F1"].status = 200
    assert states(await ended(space)) == {"plan.png": "added"}
