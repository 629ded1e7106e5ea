"""How a form opens: whole where everything is known, at once where it is not."""

import time
from typing import Any

import pytest
from redis.asyncio import Redis

from bridge.language import sentences
from bridge.words.conversions import to_plain
from tests.support.space import ANA, ANNEX, HALL, Space, answer_text, open_space, until


async def test_a_form_opens_whole_for_somebody_who_is_known(redis_url: str, redis: Redis) -> None:
    """The second form of a person has its groups from the start: one call, and nothing moves under a finger."""
    async with open_space(redis_url) as space:
        await space.sender.command(ANA, "First")
        await until(lambda: "'group'" in space.view_text())
        await until(lambda: not space.bridge.desk.tasks)
        before = len(space.workspace.calls)
        await space.sender.command(ANA, "Second")
        assert "'group'" in space.view_text()
        await until(lambda: not space.bridge.desk.tasks)
        assert [each.method for each in space.workspace.calls[before:]] == ["views.open"]


async def test_a_form_does_not_wait_for_a_board_that_is_slow(redis_url: str, redis: Redis) -> None:
    """Within half a second it is open without the groups; they come when the board has named them."""
    async with open_space(redis_url, nexudus_timeout=30) as space:
        space.board.delay = 0.7
        began = time.monotonic()
        reply = await space.sender.command(ANA, "Slow")
        assert (reply.status, time.monotonic() - began < 0.5) == (200, True)
        assert "'group'" not in space.view_text()
        space.board.delay = 0
        await until(lambda: "'group'" in space.view_text(), 20)


async def test_a_form_opens_although_a_look_up_breaks(redis_url: str, redis: Redis) -> None:
    """What is remembered of the locations is nonsense: the form opens with its fields, and says nothing of it."""
    async with open_space(redis_url) as space:
        await redis.set(f"{space.settings.prefix}locations", "17", ex=60)
        reply = await space.sender.command(ANA, "Still")
        assert reply.status == 200
        assert "Still" in space.view_text()


# ── long words behind the command ────────────────────────────────────────────


def field(space: Space, name: str) -> Any:
    """What stands in a field of the open form."""
    found = space.view()["state"]["values"][name][name]
    return found.get("value") or found.get("rich_text_value")


def shown(reply: Any) -> str:
    """All that an answer shows; Slack takes fifty blocks and 3,000 characters in each."""
    blocks = reply.json["blocks"]
    texts = [str(each["text"]["text"]) for each in blocks]
    assert len(blocks) <= 50
    assert max(map(len, texts)) <= 3000
    return "".join(texts)


async def several(space: Space) -> None:
    """Ana is a member at two places, which is known already, and only she can say which one she means."""
    space.board.add_business(ANNEX, "Annex", "annex")
    for each in space.board.coworkers.values():
        each["Businesses"] = [HALL, ANNEX]
    await space.sender.command(ANA, "whoami")
    await until(lambda: not space.bridge.desk.tasks)


async def test_long_words_go_on_in_the_next_field(redis_url: str, redis: Redis) -> None:
    """What the subject cannot hold stands in the message, to the last word."""
    text = " ".join(f"word{n}" for n in range(1500))
    async with open_space(redis_url) as space:
        await space.sender.command(ANA, text)

        assert field(space, "subject") + to_plain([field(space, "message")]) == text


@pytest.mark.parametrize("length", [23_500, 60_000, 118_000, 125_000, 600_000])
@pytest.mark.parametrize("start", ["", "post Subject | "])
async def test_words_that_no_post_has_room_for_are_shown_again(
    redis_url: str, redis: Redis, start: str, length: int
) -> None:
    """More than subject and message take together: how much too long, and the words to be copied; no form without."""
    text = start + "".join(f"Important {n}. " for n in range(100_000))[:length].strip()
    async with open_space(redis_url) as space:
        reply = await space.sender.command(ANA, text)

        assert "the message may have 20000 characters" in shown(reply).partition("You had typed")[0]
        assert text[:60_000] in shown(reply)
        assert not space.workspace.views


@pytest.mark.parametrize("text", ["*a* _b_ " * 1900, "x" * 19_000])
async def test_words_that_the_form_cannot_show_are_attached(redis_url: str, redis: Redis, text: str) -> None:
    """A post without its location opens a form with its words, however much markup they have; and posts them."""
    async with open_space(redis_url) as space:
        await several(space)
        await space.sender.command(ANA, f"post Subject | {text}")
        if field(space, "message") is None:
            assert sentences.ATTACHED in space.view_text()
            await space.sender.submit(space.view()["id"], {"message": "Above", "location": str(HALL)})
        else:
            await space.sender.submit(space.view()["id"], {"location": str(HALL)})
        (thread,) = await until(lambda: space.threads)

    assert thread["Message"].count("x" if "x" in text else "a") >= len(text) // 8


async def test_a_form_that_slack_does_not_open_shows_all_the_words(redis_url: str, redis: Redis) -> None:
    """The whole of a post stands under the reason, not its subject alone."""
    async with open_space(redis_url) as space:
        await several(space)
        space.workspace.fail("views.open", "internal_error", None)
        reply = await space.sender.command(ANA, "post Subject | All of &lt;the&gt; body #tag")

        assert "post Subject | All of &lt;the&gt; body #tag" in shown(reply)
        assert "did not let us open" in answer_text(reply)
