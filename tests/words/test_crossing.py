"""Words on their whole way, from Slack's request to the thread on the board and back into the report."""

from typing import Any

import pytest
from redis.asyncio import Redis

from tests.support.hostile import HOSTILE
from tests.support.shown import Alive, Shown, alive, bare
from tests.support.space import ANA, BEN, CARL, HALL, Space, open_space, until

HOSTILE_NAME = "*Ben* `x` <img src=x onerror=alert(1)> @[Ann](contact:7) [y](javascript:z)"


def message(text: str, **more: Any) -> dict[str, Any]:
    return {"type": "message", "user": BEN, "text": text, "ts": "1700000000.000100", **more}


async def test_a_hostile_name_is_credited_as_text(space: Space) -> None:
    """The author's display name stands in the credit and where they are mentioned, character for character."""
    space.workspace.add_user(BEN, HOSTILE_NAME, "ben@space.example")
    await space.sender.message_shortcut(ANA, message(f"from <@{BEN}>"))
    await space.sender.submit(space.view()["id"], {"subject": "Names"})
    (thread,) = space.threads
    assert alive(thread["Message"]) == []
    shown = bare(Shown(thread["Message"]).text)
    assert shown.startswith(bare(f"from @{HOSTILE_NAME} Originally by {HOSTILE_NAME}"))
    assert "<img" not in thread["Message"].replace("&lt;img", "")


async def test_people_in_attachments_are_named(space: Space) -> None:
    """A mention in an app's attachment is looked up like any other."""
    await space.sender.message_shortcut(ANA, message("", attachments=[{"text": f"Assigned to <@{BEN}>"}]))
    await space.sender.submit(space.view()["id"], {"subject": "Task"})
    assert space.threads[0]["Message"].startswith("Assigned to @Ben")


async def test_names_that_were_too_late_for_the_form_are_text_in_code(space: Space) -> None:
    """An id that stood in the form's code for want of a name becomes the name itself, without a backslash."""
    space.workspace.add_user(BEN, "b_e*n*", "ben@space.example")
    space.workspace.slow("users.info", 0.8)
    await space.sender.message_shortcut(ANA, message(f"`ask <@{BEN}>`"))
    await until(lambda: BEN in space.view_text())
    await space.sender.submit(space.view()["id"], {"subject": "Late"})
    await until(lambda: space.threads)
    assert space.threads[0]["Message"].startswith("`ask @b_e*n*`")


@pytest.mark.parametrize(("name", "longest", "subject"), [("Carl", 254, "Ask @Carl"), ("Carl" * 9, 20, "Ask @someone")])
async def test_no_id_stands_in_a_subject(redis_url: str, redis: Redis, name: str, longest: int, subject: str) -> None:
    """A subject made of a line that names somebody gets the late name as well; one that has no room for it, none."""
    async with open_space(redis_url, subject_max=longest) as space:
        space.workspace.add_user(CARL, name, "carl@space.example")
        space.workspace.slow("users.info", 0.8)
        await space.sender.message_shortcut(ANA, message(f"Ask <@{CARL}>"))
        await until(lambda: CARL in space.view_text())
        await space.sender.submit(space.view()["id"], {})
        await until(lambda: space.threads)
        assert space.threads[0]["Subject"].replace("\u2060", "") == subject


async def test_what_the_board_calls_itself_is_no_markup(space: Space) -> None:
    """A location's web address that could be a link's end and a mention stands in the thread's link as data."""
    space.board.businesses[HALL]["WebAddress"] = "x.example|click> <!channel> <https://evil.example"
    reply = await space.sender.command(ANA, "post Lunch | Soup")
    await until(lambda: space.threads)
    told = str(reply.json)
    assert "https://x.example%7Cclick" in told
    assert "<!channel>" not in told
    assert "<https://evil.example" not in told


async def test_subjects_and_tags_are_harmless_on_the_board_and_quiet_in_slack(space: Space) -> None:
    """A subject that looks like HTML is sent with other brackets, and the report shows it as it was typed."""
    await space.sender.command(ANA, "Hello")
    reply = await space.sender.submit(
        space.view()["id"], {"subject": "<b>Lunch</b> <!channel> & more", "message": "m", "tags": "<i>a, b"}
    )
    (thread,) = space.threads
    assert (thread["Subject"], thread["Tags"]) == ("‹b›Lunch‹/b› ‹!channel› & more", "‹i›a,b")
    assert Alive(thread["Subject"] + thread["Tags"]).found == []
    assert "<!channel>" not in str(reply.json) + space.view_text()
    assert "&lt;b&gt;Lunch&lt;/b&gt; &lt;!channel&gt;" in str(reply.json) + space.view_text()


async def test_a_private_channel_is_never_named(space: Space) -> None:
    """Neither a reference to it nor a link into it brings its name or id to the board; a public one is named."""
    base = "https://acme.slack.com/archives"
    text = f"<#G1|secret> <{base}/G1/p17> <#C1|general> <{base}/C1/p17>"
    await space.sender.message_shortcut(ANA, message(text))
    await space.sender.submit(space.view()["id"], {"subject": "Places"})
    said = space.threads[0]["Message"]
    assert said.startswith(f"a private channel a message in Slack #general <{base}/C1/p17>")
    assert "G1" not in said
    assert "secret" not in said


async def test_a_hundred_hostile_posts_arrive_dead(space: Space) -> None:
    """Through the command, which is mrkdwn to its end: every thread is dead in all of its fields."""
    tried = [text for text in HOSTILE[::10] if bare(text)]
    for text in tried:
        escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("|", "/")
        await space.sender.command(ANA, f"post {escaped} x | {escaped} #{escaped.split()[0][:20]}")
    for thread in space.threads:
        assert alive(thread["Message"]) == []
        assert Alive(thread["Subject"]).found == []
        assert Alive(thread.get("Tags") or "").found == []
    assert len(space.threads) > len(tried) // 2
    assert "<!" not in "".join(space.heard(ANA)).replace("<!date", "")
