"""The operator's hand on the outbox: the real commands on a real Redis."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from bridge import store
from bridge.draft import Outcome
from bridge.outbox import Outbox
from tests.commanding import bridge, command, draft, end, environment, mark_as_sending, put
from tests.space import ANA, BEN, Space, open_space, until


@pytest.fixture
async def space(redis_url: str, redis: Redis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Space]:
    monkeypatch.chdir(tmp_path)  # nobody's .env
    async with open_space(redis_url, worker=False) as opened:
        opened.extra["redis_url"] = redis_url
        yield opened


# ── looking ──────────────────────────────────────────────────────────────────


async def test_an_empty_outbox_says_so(space: Space) -> None:
    """Nothing kept is a sentence, and an empty list for machines."""
    assert (await bridge(space, "outbox", "list")).stdout == "Nothing waits, and nothing has failed.\n"
    assert json.loads((await bridge(space, "outbox", "list", "--json")).stdout) == []


async def test_the_list_shows_what_waits_and_what_failed_and_why(space: Space) -> None:
    """A line each: reference, age, state, person, subject and reason."""
    outbox = space.bridge.outbox
    failed = await put(outbox, "a", draft(BEN, "Old printer"))
    await end(outbox, Outcome("unposted", "patience"), "untold")
    waiting = await put(outbox, "b")

    heading, first, second = (await bridge(space, "outbox", "list")).stdout.splitlines()

    assert heading.split() == ["reference", "age", "state", "person", "subject", "reason"]
    assert first.split()[:1] == [waiting]
    assert all(each in first for each in ("waiting", ANA, "Lunch"))
    assert second.split()[:1] == [failed]
    assert all(each in second for each in ("unposted, untold", BEN, "Old printer", "could not be reached"))


async def test_the_list_is_there_for_machines(space: Space) -> None:
    """--json has the same facts under names."""
    id_ = await put(space.bridge.outbox)

    (found,) = json.loads((await bridge(space, "outbox", "list", "--json")).stdout)

    assert (found["reference"], found["state"], found["person"], found["subject"]) == (id_, "kept", ANA, "Lunch")
    assert 0 <= found["age_seconds"] < 60


async def test_show_has_the_words_and_no_credential(space: Space) -> None:
    """A failed post's words can be rescued; the response_url, the tokens and the password never appear."""
    id_ = await put(space.bridge.outbox, of=draft(tags=("food", "friday"), guests=(BEN,)))

    result = await bridge(space, "outbox", "show", id_)
    as_json = await bridge(space, "outbox", "show", id_, "--json")

    assert result.exit_code == as_json.exit_code == 0
    assert all(each in result.stdout for each in (id_, "food, friday", BEN, "Who **joins**?"))
    assert json.loads(as_json.stdout)["message"] == "Who **joins**?"
    for secret in ("hooks.slack.com", "xoxb-demo", "pass\n"):
        assert secret not in result.output + as_json.output


async def test_a_subject_cannot_move_the_cursor(space: Space) -> None:
    """Control and direction characters that somebody typed do not reach the operator's terminal."""
    id_ = await put(space.bridge.outbox, of=draft(subject="\x1b[2JLunch\u202e\r\n"))

    shown = [await bridge(space, "outbox", "list"), await bridge(space, "outbox", "show", id_)]

    for result in shown:
        assert "Lunch" in result.stdout
        assert all(each.isprintable() or each == "\n" for each in result.stdout)


async def test_an_unknown_reference_is_told(space: Space) -> None:
    """What is not kept cannot be shown, retried or dropped: a sentence and 1."""
    for verb in ("show", "retry", "drop"):
        result = await bridge(space, "outbox", verb, "nothing-1")

        assert result.exit_code == 1
        assert result.stdout == "No post is kept as nothing-1; `bridge outbox list` shows the references.\n"


# ── retry and drop ───────────────────────────────────────────────────────────


async def test_retry_carries_a_given_up_post_across(space: Space) -> None:
    """What was given up is due again, and the worker posts it once."""
    id_ = await put(space.bridge.outbox)
    await end(space.bridge.outbox, Outcome("unposted", "patience"))

    result = await bridge(space, "outbox", "retry", id_)

    assert (result.exit_code, result.stdout) == (0, f"{id_} will be tried again at once.\n")
    space.start_worker()
    await until(lambda: space.threads)
    assert [each["Subject"] for each in space.threads] == ["Lunch"]


async def test_retry_looks_first_where_it_may_have_been_posted(space: Space) -> None:
    """An ending in doubt goes back into doubt, never straight to a second post."""
    id_ = await put(space.bridge.outbox)
    await end(space.bridge.outbox, Outcome("unsure", "patience"))

    result = await bridge(space, "outbox", "retry", id_)

    assert (result.exit_code, "looked for first" in result.stdout) == (0, True)
    entry = await space.bridge.outbox.get(id_)
    assert entry is not None
    assert entry.state == "sending"


@pytest.mark.parametrize(("outcome", "said"), [("posted", "on the board already"), ("cancelled", "by its person")])
async def test_retry_leaves_alone_what_is_settled(space: Space, outcome: Any, said: str) -> None:
    """What is on the board, and what its person cancelled, is not tried again."""
    id_ = await put(space.bridge.outbox)
    if outcome == "cancelled":
        await space.bridge.outbox.cancel(id_, "changed_mind")
    else:
        await end(space.bridge.outbox, Outcome(outcome, thread=5))

    result = await bridge(space, "outbox", "retry", id_)

    assert (result.exit_code, said in result.stdout) == (1, True)


async def test_drop_tells_the_person(space: Space) -> None:
    """What waits can be taken out; its person hears that it was not posted; a second time there is nothing to do."""
    id_ = await put(space.bridge.outbox)

    first, second = [await bridge(space, "outbox", "drop", id_) for _ in range(2)]

    assert (first.exit_code, "taken out of the queue" in first.stdout) == (0, True)
    assert (second.exit_code, "nothing was done" in second.stdout) == (1, True)
    space.start_worker()
    await until(lambda: any("not posted" in each for each in space.heard(ANA)))
    assert space.threads == []


async def test_drop_refuses_what_may_be_on_the_board(space: Space, redis: Redis) -> None:
    """A post that is being sent stays: nobody is told "was not posted" when it may have been."""
    id_ = await put(space.bridge.outbox)
    await mark_as_sending(redis, space, id_)

    result = await bridge(space, "outbox", "drop", id_)

    assert (result.exit_code, "cannot be dropped" in result.stdout) == (1, True)


# ── which Redis ──────────────────────────────────────────────────────────────

COMMANDS = (("outbox", "list"), ("outbox", "show", "x"), ("outbox", "retry", "x"), ("erase", ANA, "--yes"))


@pytest.mark.parametrize("args", COMMANDS)
async def test_missing_settings_end_with_2(args: tuple[str, ...], tmp_path: Path) -> None:
    """One line for each missing setting, on stderr."""
    bare = {"PATH": os.environ["PATH"], "PYTHONPATH": str(Path(__file__).parents[1])}
    done = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-m", "bridge", *args], env=bare, cwd=tmp_path, capture_output=True, text=True
    )

    assert (done.returncode, done.stdout) == (2, "")
    names = [line.split(":")[0] for line in done.stderr.splitlines()]
    assert names == ["SLACK_SIGNING_SECRET", "SLACK_BOT_TOKEN", "NEXUDUS_USERNAME", "NEXUDUS_PASSWORD"]


async def test_a_redis_that_is_down_is_one_line(space: Space) -> None:
    """No traceback: a sentence that leads to the doctor, and 1."""
    env = environment(space.settings, REDIS_URL="redis://:secret@127.0.0.1:1/0")

    result = await command(env, "outbox", "list")

    assert result.exit_code == 1
    assert result.stderr.count("\n") == 1
    assert "bridge doctor" in result.stderr
    assert "secret" not in result.output


async def test_the_store_of_a_running_bridge_is_used(space: Space, tmp_path: Path) -> None:
    """Without REDIS_URL the commands reach the embedded store that `bridge run` holds, and start it when it is not."""
    folder = tmp_path / "kept"
    env = environment(space.settings, BRIDGE_DATA=str(folder)) | {"REDIS_URL": None}
    with store.embedded(folder) as url:
        client = store.connect(url)
        await put(Outbox(client, client, space.settings.prefix))
        await client.aclose()
        running = await command(env, "outbox", "list")
    stopped = await command(env, "outbox", "list")

    assert "Lunch" in running.stdout
    assert "Lunch" in stopped.stdout


async def test_a_folder_without_a_store_is_not_begun(space: Space, tmp_path: Path) -> None:
    """In the wrong folder the commands say so, and leave no empty store behind."""
    env = environment(space.settings, BRIDGE_DATA=str(tmp_path / "elsewhere")) | {"REDIS_URL": None}

    result = await command(env, "outbox", "list")

    assert result.exit_code == 2
    assert result.stderr.startswith("BRIDGE_DATA: nothing was ever kept in")
    assert not (tmp_path / "elsewhere").exists()
