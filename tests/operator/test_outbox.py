"""The operator's hand on the outbox: the real commands on a real Redis."""

import asyncio
import contextlib
import json
import os
import pty
import re
import signal
import subprocess
import sys
import termios
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from bridge.language import sentences
from bridge.operator import reasons
from bridge.outbox.ledger import Outbox
from bridge.post.draft import Outcome
from bridge.store import choice
from bridge.store.client import connect
from bridge.store.embedded import embedded
from tests.support.commanding import bridge, command, draft, end, environment, mark_as_sending, put
from tests.support.space import ANA, BEN, PASSWORD, Space, until, until_async

ROOT = Path(__file__).parents[2]

# ── looking ──────────────────────────────────────────────────────────────────


async def test_an_empty_outbox_says_so(resting: Space) -> None:
    """Nothing kept is a sentence, and an empty list for machines."""
    assert (await bridge(resting, "outbox", "list")).stdout == "Nothing waits, and nothing has failed.\n"
    assert json.loads((await bridge(resting, "outbox", "list", "--json")).stdout) == []


async def test_the_list_shows_what_waits_and_what_failed_and_why(resting: Space) -> None:
    """A line each: reference, age, state, next try, person, subject and reason."""
    outbox = resting.bridge.outbox
    failed = await put(outbox, "a", draft(BEN, "Old printer"))
    await end(outbox, Outcome("unposted", "patience"), "untold")
    waiting = await put(outbox, "b")

    heading, first, second = (await bridge(resting, "outbox", "list")).stdout.splitlines()

    assert heading.split("  ")[0] == "reference"
    assert heading.split() == ["reference", "age", "state", "next", "try", "person", "subject", "reason"]
    assert columns(heading, first)[:1] + columns(heading, first)[2:] == [waiting, "waiting", "now", ANA, "Lunch", ""]
    assert columns(heading, first)[1].endswith(" sec")
    assert columns(heading, second)[0] == failed
    assert columns(heading, second)[2:] == [
        *("given up, untold", "none", BEN, "Old printer"),
        "the board could not be reached for too long (PATIENCE)",
    ]


def columns(heading: str, line: str) -> list[str]:
    """A line of the table, cut where the headings begin."""
    starts = [heading.index(each) for each in ("reference", "age", "state", "next", "person", "subject", "reason")]
    return [line[a:b].strip() for a, b in zip(starts, [*starts[1:], None], strict=True)]


async def test_the_list_says_when_and_why_in_plain_words(resting: Space) -> None:
    """What the board's login stops waits for some time, and the reason is a sentence, never an error's name."""
    resting.board.logins["api@space.example"] = "changed"
    await put(resting.bridge.outbox)
    resting.start_worker()
    await until_async(lambda: is_put_back(resting))

    heading, line = (await bridge(resting, "outbox", "list")).stdout.splitlines()

    assert columns(heading, line)[3].startswith("in ")
    assert columns(heading, line)[6] == "the board rejects the API user's password"
    (found,) = json.loads((await bridge(resting, "outbox", "list", "--json")).stdout)
    assert (found["code"], found["next_try"] > found["kept"]) == ("invalid_grant", True)


async def test_a_refused_token_heads_the_list(resting: Space) -> None:
    """It holds up everybody's post: what Slack said and the remedy come first; and the reason is Slack's."""
    resting.workspace.fail("users.info", "token_revoked", times=None)
    await put(resting.bridge.outbox)
    resting.start_worker()
    await until_async(lambda: is_put_back(resting))
    await resting.stop_worker()

    first, _, heading, line = (await bridge(resting, "outbox", "list")).stdout.splitlines()

    assert first.startswith("Slack: token refused: token_revoked. ")
    assert "install the app again" in first
    assert columns(heading, line)[6] == "Slack refuses the bot token; run `bridge doctor`"
    for_machines = await bridge(resting, "outbox", "list", "--json")
    assert first in for_machines.stderr
    assert json.loads(for_machines.stdout)[0]["code"] == "slack token"


async def test_a_removed_app_heads_the_list(resting: Space) -> None:
    """Nothing is taken: the list says why, also when it is empty."""
    resting.workspace.token = "xoxb-another"
    await resting.bridge.desk.installation.heard_of_removal()

    first, _, rest = (await bridge(resting, "outbox", "list")).stdout.splitlines()

    assert first.startswith("Slack: app removed. ")
    assert rest == "Nothing waits, and nothing has failed."


async def test_the_list_fits_a_narrow_terminal(resting: Space) -> None:
    """On 80 columns subject and reason stand under each post, whole; into a file goes a row on a line."""
    id_ = await put(resting.bridge.outbox, "a", draft(BEN, "The old printer on the second floor"))
    await end(resting.bridge.outbox, Outcome("unposted", "patience"), "untold")

    lines = await asyncio.to_thread(
        on_a_terminal, 80, environment(resting.settings, REDIS_URL=resting.extra["redis_url"])
    )

    assert max(map(len, lines)) <= 80
    assert [lines[0].split()[0], lines[1].strip(), lines[2].split()[0]] == ["reference", "subject: reason", id_]
    whole = " ".join(each.strip() for each in lines[3:])
    assert whole == "The old printer on the second floor: the board could not be reached for too long (PATIENCE)"
    assert len((await bridge(resting, "outbox", "list")).stdout.splitlines()) == 2


def on_a_terminal(columns: int, env: dict[str, str | None]) -> list[str]:
    """What `bridge outbox list` shows there."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, columns))
    known = os.environ | env | {"PYTHONPATH": str(ROOT), "COLUMNS": None}
    given = {name: value for name, value in known.items() if value is not None}
    subprocess.run([sys.executable, "-m", "bridge", "outbox", "list"], env=given, stdout=theirs, check=True, timeout=50)
    os.close(theirs)
    with os.fdopen(ours, "rb", buffering=0) as shown:
        return shown.read(10_000).decode().splitlines()


async def test_what_nobody_takes_is_overdue(resting: Space) -> None:
    """A post that was due a minute ago is called so, and the list asks whether a worker is running."""
    outbox = resting.bridge.outbox
    id_ = await put(outbox)
    await outbox.redis.zincrby(outbox.prefix + "due", -90_000, id_)

    lines = (await bridge(resting, "outbox", "list")).stdout.splitlines()

    assert columns(lines[0], lines[1])[3] == "overdue 1 min"
    assert lines[-1].startswith("Overdue posts are taken by no worker: is one running?")


async def is_put_back(resting: Space) -> bool:
    ((_, entry),) = [each async for each in resting.bridge.outbox.listing()]
    return bool(entry and entry.last_error) and not (entry and entry.claim)


async def test_a_long_reason_is_cut_between_words(resting: Space) -> None:
    """The list stays a list: sixty characters at most; `show` has the whole of it."""
    said = "The subject of a thread at this location may hold no more than a hundred characters. " * 3
    await put(resting.bridge.outbox)
    await end(resting.bridge.outbox, Outcome("refused", "board_refused", detail={"said": said}))

    heading, line = (await bridge(resting, "outbox", "list")).stdout.splitlines()
    reason = columns(heading, line)[6]

    assert len(reason) <= 60
    assert reason.endswith(" …")
    assert f"{said.split('. ')[0]}. " in (await bridge(resting, "outbox", "show", columns(heading, line)[0])).stdout


@pytest.mark.parametrize(("word", "length"), [("x", 61), ("two words", 60), ("two words " * 9, 90), ("", 0)])
def test_no_reason_is_longer_than_sixty_characters(word: str, length: int) -> None:
    """Also one without a space to cut it at."""
    assert len(reasons.short((word * length)[:length])) <= 60


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.4, "0 sec"),
        (59, "59 sec"),
        (60, "1 min"),
        (7300, "2 hours"),
        (3600, "1 hour"),
        (200000, "2 days"),
        (-5, "0 sec"),
    ],
)
def test_ages_are_told_in_plain_units(seconds: float, said: str) -> None:
    """In the largest unit that fits, in the plural where there are several."""
    assert reasons.span(seconds) == said


async def test_a_refusal_that_was_mended_is_left_out(resting: Space) -> None:
    """Once its person has posted the same form, message or subject again, nobody has to look at the first one.

    Nor can it be tried again from a list of yesterday: it would stand on the board twice.
    """
    outbox = resting.bridge.outbox
    mended = []
    for key, subject, ts in (("form", "Longer subject", None), ("other", "Lunch", None), ("third", "Third", "2.2")):
        first = draft(subject=subject)
        mended.append(await put(outbox, key, replace(first, origin=replace(first.origin, message_ts=ts))))
        await end(outbox, Outcome("refused", "no_board_access"))
    alone = await put(outbox, "alone", replace(draft(subject="Alone"), origin=replace(draft().origin, message_ts=None)))
    await end(outbox, Outcome("refused", "no_board_access"))
    for key, subject, ts in (("form", "Subject", None), ("anew", "lunch", None), ("fourth", "Fourth", "2.2")):
        again = draft(subject=subject)
        await put(outbox, key, replace(again, origin=replace(again.origin, message_ts=ts)))
        await end(outbox, Outcome("posted", thread=len(subject)))

    _, *lines = (await bridge(resting, "outbox", "list")).stdout.splitlines()

    assert [each.split()[0] for each in lines] == [alone]
    for id_ in mended:
        result = await bridge(resting, "outbox", "retry", id_)
        assert (result.exit_code, "has sent it again since" in result.stdout + result.stderr) == (1, True)


async def test_a_refusal_of_somebody_else_is_not_mended_by_it(resting: Space) -> None:
    """The same subject by another person mends nothing, nor does a second refusal, nor what was posted before."""
    outbox = resting.bridge.outbox
    await put(outbox, "before")
    await end(outbox, Outcome("posted", thread=4))
    first, second = await put(outbox, "a"), await put(outbox, "b")
    for _ in range(2):
        await end(outbox, Outcome("refused", "unknown"))
    await put(outbox, "c", draft(BEN))
    await end(outbox, Outcome("posted", thread=5))

    _, *lines = (await bridge(resting, "outbox", "list")).stdout.splitlines()

    assert {each.split()[0] for each in lines} == {first, second}


async def test_show_speaks_plainly(resting: Space) -> None:
    """No empty places, no raw seconds: when it was kept, whether its person knows, and in which words."""
    id_ = await put(resting.bridge.outbox)
    waiting = (await bridge(resting, "outbox", "show", id_)).stdout
    await end(resting.bridge.outbox, Outcome("refused", "unknown"))
    refused = (await bridge(resting, "outbox", "show", id_)).stdout

    assert "not yet; it has not ended" in waiting
    assert re.search(r"kept +\d+ sec ago, 20", waiting)
    assert "yes, by message" in refused
    assert "nobody on the board has this person's address" in refused
    assert sentences.REASONS["unknown"] in refused
    for each in ("–", "age seconds", "None", "_"):
        assert each not in waiting + refused.replace(id_, "")


async def test_the_list_is_there_for_machines(resting: Space) -> None:
    """--json has the same facts under names."""
    id_ = await put(resting.bridge.outbox)

    (found,) = json.loads((await bridge(resting, "outbox", "list", "--json")).stdout)

    assert (found["reference"], found["state"], found["person"], found["subject"]) == (id_, "kept", ANA, "Lunch")
    assert 0 <= found["age_seconds"] < 60


async def test_show_has_the_words_and_no_credential(resting: Space) -> None:
    """A failed post's words can be rescued; the response_url, the tokens and the password never appear."""
    id_ = await put(resting.bridge.outbox, of=draft(tags=("food", "friday"), guests=(BEN,)))

    result = await bridge(resting, "outbox", "show", id_)
    as_json = await bridge(resting, "outbox", "show", id_, "--json")

    assert result.exit_code == as_json.exit_code == 0
    assert all(each in result.stdout for each in (id_, "food, friday", BEN, "Who **joins**?"))
    assert json.loads(as_json.stdout)["message"] == "Who **joins**?"
    for secret in ("hooks.slack.com", "xoxb-demo", "pass\n"):
        assert secret not in result.output + as_json.output


async def test_a_subject_cannot_move_the_cursor(resting: Space) -> None:
    """Control and direction characters that somebody typed do not reach the operator's terminal."""
    id_ = await put(resting.bridge.outbox, of=draft(subject="\x1b[2JLunch\u202e\r\n"))

    shown = [await bridge(resting, "outbox", "list"), await bridge(resting, "outbox", "show", id_)]

    for result in shown:
        assert "Lunch" in result.stdout
        assert all(each.isprintable() or each == "\n" for each in result.stdout)


async def test_an_unknown_reference_is_told(resting: Space) -> None:
    """What is not kept cannot be shown, retried or dropped: a sentence and 1."""
    for verb in ("show", "retry", "drop"):
        result = await bridge(resting, "outbox", verb, "nothing-1")

        assert result.exit_code == 1
        assert result.stdout == "No post is kept as nothing-1; `bridge outbox list` shows the references.\n"


# ── retry and drop ───────────────────────────────────────────────────────────


async def test_retry_carries_a_given_up_post_across(resting: Space) -> None:
    """What was given up is due again, and the worker posts it once."""
    id_ = await put(resting.bridge.outbox)
    await end(resting.bridge.outbox, Outcome("unposted", "patience"))

    result = await bridge(resting, "outbox", "retry", id_)

    assert (result.exit_code, result.stdout) == (0, f"{id_} will be tried again at once.\n")
    resting.start_worker()
    await until(lambda: resting.threads)
    assert [each["Subject"] for each in resting.threads] == ["Lunch"]


async def test_retry_after_a_rejected_login_tries_at_once(resting: Space) -> None:
    """The board turned the login down; once that is mended, a retry logs in anew instead of waiting out the hold."""
    resting.board.logins["api@space.example"] = "changed"
    id_ = await put(resting.bridge.outbox)
    resting.start_worker()
    await until(lambda: resting.board.seen("POST /api/token"))
    await until_async(lambda: is_put_back(resting))
    resting.board.logins["api@space.example"] = PASSWORD

    result = await bridge(resting, "outbox", "retry", id_)

    assert result.exit_code == 0
    await until(lambda: resting.threads, seconds=5)
    await until_async(lambda: is_let_in(resting))


async def is_let_in(resting: Space) -> bool:
    return await resting.bridge.login_refused() is None


async def test_retry_looks_first_where_it_may_have_been_posted(resting: Space) -> None:
    """An ending in doubt goes back into doubt, never straight to a second post."""
    id_ = await put(resting.bridge.outbox)
    await end(resting.bridge.outbox, Outcome("unsure", "patience"))

    result = await bridge(resting, "outbox", "retry", id_)

    assert (result.exit_code, "looked for first" in result.stdout) == (0, True)
    entry = await resting.bridge.outbox.get(id_)
    assert entry is not None
    assert entry.state == "sending"


@pytest.mark.parametrize(("outcome", "said"), [("posted", "on the board already"), ("cancelled", "by its person")])
async def test_retry_leaves_alone_what_is_settled(resting: Space, outcome: Any, said: str) -> None:
    """What is on the board, and what its person cancelled, is not tried again."""
    id_ = await put(resting.bridge.outbox)
    if outcome == "cancelled":
        await resting.bridge.outbox.cancel(id_, "changed_mind")
    else:
        await end(resting.bridge.outbox, Outcome(outcome, thread=5))

    result = await bridge(resting, "outbox", "retry", id_)

    assert (result.exit_code, said in result.stdout) == (1, True)


async def test_drop_tells_the_person(resting: Space) -> None:
    """What waits can be taken out; its person hears that it was not posted; a second time there is nothing to do."""
    id_ = await put(resting.bridge.outbox)

    first, second = [await bridge(resting, "outbox", "drop", id_) for _ in range(2)]

    assert (first.exit_code, "taken out of the queue" in first.stdout) == (0, True)
    assert (second.exit_code, "nothing was done" in second.stdout) == (1, True)
    resting.start_worker()
    await until(lambda: any("not posted" in each for each in resting.heard(ANA)))
    assert resting.threads == []


async def test_drop_refuses_what_may_be_on_the_board(resting: Space, redis: Redis) -> None:
    """A post that is being sent stays: nobody is told "was not posted" when it may have been."""
    id_ = await put(resting.bridge.outbox)
    await mark_as_sending(redis, resting, id_)

    result = await bridge(resting, "outbox", "drop", id_)

    assert (result.exit_code, "cannot be dropped" in result.stdout) == (1, True)


# ── which Redis ──────────────────────────────────────────────────────────────

COMMANDS = (("outbox", "list"), ("outbox", "show", "x"), ("outbox", "retry", "x"), ("erase", ANA, "--yes"))


@pytest.mark.parametrize("args", COMMANDS)
async def test_missing_settings_end_with_2(args: tuple[str, ...], tmp_path: Path) -> None:
    """One line for each missing setting, on stderr."""
    bare = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    done = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-m", "bridge", *args], env=bare, cwd=tmp_path, capture_output=True, text=True
    )

    assert (done.returncode, done.stdout) == (2, "")
    first, *lines = done.stderr.splitlines()
    assert first.startswith(f"There is no .env in {tmp_path}: ")
    names = [line.split(":")[0] for line in lines]
    assert names == ["SLACK_SIGNING_SECRET", "SLACK_BOT_TOKEN", "NEXUDUS_USERNAME", "NEXUDUS_PASSWORD"]


async def test_a_redis_that_is_down_is_one_line(resting: Space) -> None:
    """No traceback: a sentence that leads to the doctor, and 1."""
    env = environment(resting.settings, REDIS_URL="redis://:secret@127.0.0.1:1/0")

    result = await command(env, "outbox", "list")

    assert result.exit_code == 1
    remedy = "start Redis there, or correct REDIS_URL; on a rented one look at the address in its host's dashboard"
    assert result.stderr == f"Redis cannot be reached: nothing listens there; {remedy}. `bridge doctor` says more.\n"
    assert "secret" not in result.output


async def test_the_store_of_a_running_bridge_is_used(resting: Space, tmp_path: Path) -> None:
    """Without REDIS_URL the commands reach the embedded store that `bridge run` holds, and start it when it is not."""
    folder = tmp_path / "kept"
    env = environment(resting.settings, BRIDGE_DATA=str(folder)) | {"REDIS_URL": None}
    with embedded(folder) as url:
        client = connect(url)
        await put(Outbox(client, client, resting.settings.prefix, lease=4, keep=3600, per_hour=20))
        await client.aclose()
        running = await command(env, "outbox", "list")
    stopped = await command(env, "outbox", "list")

    assert "Lunch" in running.stdout
    assert "Lunch" in stopped.stdout


async def test_a_store_that_hangs_is_no_second_bridge(
    resting: Space, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody is told to stop the bridge that runs, or to take another folder: that would leave the posts behind."""
    folder = tmp_path / "kept"
    env = environment(resting.settings, BRIDGE_DATA=str(folder)) | {"REDIS_URL": None}
    with embedded(folder) as url:
        async with contextlib.aclosing(connect(url)) as client:
            pid = int((await client.info("server"))["process_id"])
        os.kill(pid, signal.SIGSTOP)
        monkeypatch.setattr(choice, "FREED", 0.3)
        results = [await command(env, "outbox", *words) for words in (["list"], ["drop", "r"])]
        os.kill(pid, signal.SIGCONT)

    said = (
        "The store of the bridge that runs here does not answer; see its /readyz and the runbook. Change no setting.\n"
    )
    assert [(each.exit_code, each.stderr) for each in results] == [(1, said)] * 2


async def test_a_folder_without_a_store_is_not_begun(resting: Space, tmp_path: Path) -> None:
    """In the wrong folder the commands say so, and leave no empty store behind."""
    env = environment(resting.settings, BRIDGE_DATA=str(tmp_path / "elsewhere")) | {"REDIS_URL": None}

    result = await command(env, "outbox", "list")

    assert result.exit_code == 2
    assert result.stderr.startswith("BRIDGE_DATA: nothing was ever kept in ")
    assert "or set REDIS_URL" in result.stderr
    assert not (tmp_path / "elsewhere").exists()
