"""The test post: made only when asked for, read back, deleted again whatever happens, and remembered."""

import json
from typing import Any

import pytest
from redis.asyncio import Redis
from typer.testing import Result

from bridge.demo.nexudus.faults import Fault
from bridge.operator.doctor import test_post
from tests.support.clinic import Clinic
from tests.support.space import HALL

LOGIN = "api@space.example"
DELETE, READ, LIST = (f"{each} /api/community/communitythreads" for each in ("DELETE", "GET", "GET"))


@pytest.fixture(autouse=True)
def _own_login(clinic: Clinic) -> None:
    """The API user stands among the board's users, as on the real one."""
    clinic.board.add_member("Api", LOGIN, user_id=900, coworker_id=901, businesses=[HALL])
    clinic.board.add_thread(BusinessId=HALL, UserId=900, Subject="Test by bridge doctor", Message="Somebody's own")


def said(result: Result, check: str) -> str:
    (found,) = [each for each in result.stdout.splitlines() if each[4:].startswith(f"{check}: ")]
    return found


def posted(clinic: Clinic) -> list[Any]:
    """The threads that were asked for, without the empty one that asks for the role."""
    return [each.json for each in clinic.board.seen("POST /api/community/communitythreads") if each.json]


@pytest.mark.parametrize("group", ["11", "General", "general"])
async def test_a_test_post_leaves_nothing_behind(clinic: Clinic, group: str) -> None:
    """By id or by name: one private thread under the API user's own login, and afterwards the board is as before."""
    before = dict(clinic.board.threads)

    result = await clinic.doctor("--test-post", group)

    assert result.exit_code == 0, result.output
    assert said(result, "Test post") == "ok  Test post: posted to General, read back and deleted again"
    (body,) = posted(clinic)
    assert (body["BusinessId"], body["UserId"], body["CommunityGroupId"]) == (HALL, 900, 11)
    assert (body["Private"], body["InstantDelivery"]) == (True, False)
    assert clinic.board.threads == before


@pytest.mark.parametrize("keeps", [True, False])
async def test_what_the_board_does_is_learnt_and_remembered(clinic: Clinic, redis: Redis, keeps: bool) -> None:
    """SystemId kept or not, lists whole or cut; and a later doctor says so without posting again."""
    clinic.board.keeps_system_id, clinic.board.partial_lists = keeps, not keeps
    result = await clinic.doctor("--test-post", "11")
    later = await clinic.doctor()

    kept, full = "the board keeps it" if keeps else "the board drops it", "hold the whole" if keeps else "cut the"
    assert kept in said(result, "SystemId")
    assert full in said(result, "Thread lists")
    assert f"SystemId: {kept}; lists {full}" in said(later, "Test post")
    assert len(posted(clinic)) == 1
    (key,) = [key async for key in redis.scan_iter("*learnt")]
    learnt = json.loads(str(await redis.get(key)))
    assert (learnt["system_id"], learnt["full_lists"]) == (keeps, keeps)


@pytest.mark.parametrize(
    ("fault", "told"), [(Fault.THROTTLE_429, "429 and a wait of 2 s"), (Fault.THROTTLE_409, "409 and a wait of 2 s")]
)
async def test_how_the_board_throttles_is_learnt(clinic: Clinic, fault: Fault, told: str) -> None:
    """Many reads at once, after the thread is gone, bring out which of the two documented forms this board uses."""
    clinic.board.misbehave(fault, None, "GET /api/community/communitythreads", value=2, rate=0)
    (trouble,) = clinic.board.faults
    after_the_deletion(clinic, lambda: setattr(trouble, "rate", 1.0))

    result = await clinic.doctor("--test-post", "11")

    assert told in said(result, "Throttle")
    assert len(clinic.board.threads) == 2


def after_the_deletion(clinic: Clinic, then: Any) -> None:
    """Calls `then` when the thread was deleted and that was looked at."""
    really = clinic.board.trouble_for

    def watching(line: str) -> Any:
        found = really(line)
        if line.startswith(READ + "/") and clinic.board.seen(DELETE):
            then()
        return found

    clinic.board.trouble_for = watching  # type: ignore[method-assign]


async def test_a_slow_list_is_told(clinic: Clinic) -> None:
    """Lists that lag longer than NEXUDUS_SEARCH_LAG would make a look in doubt blind: the setting is named."""
    clinic.board.search_lag = 1.2

    line = said(await clinic.doctor("--test-post", "11"), "List lag")

    assert line.startswith("no  List lag: a new thread shows after ")
    assert "set NEXUDUS_SEARCH_LAG to " in line


async def test_a_group_that_is_not_there(clinic: Clinic) -> None:
    """Nothing is posted, and the groups that there are stand in the line."""
    line = await clinic.line_of("Test post", "--test-post", "nowhere")

    assert line.startswith("no  Test post: Hall has no group nowhere; nothing was posted → name one of its groups: 11")
    assert posted(clinic) == []


async def test_nobody_to_post_under(clinic: Clinic) -> None:
    """An API user that the board does not list cannot sign a thread: nobody else is taken instead."""
    clinic.board.users.pop(900)

    line = await clinic.line_of("Test post", "--test-post", "11")

    assert "nothing was posted" in line
    assert "NEXUDUS_USERNAME" in line
    assert posted(clinic) == []


async def test_a_thread_that_cannot_be_deleted_is_named(clinic: Clinic) -> None:
    """Without the role the thread stays: it is named, with its id, and what to do."""
    clinic.board.missing_roles = {"CommunityThread-Delete"}

    line = await clinic.line_of("Test post", "--test-post", "11")

    (left,) = [id_ for id_, each in clinic.board.threads.items() if each["Private"]]
    assert f"({left}) is still on the board → delete it by hand" in line
    assert "CommunityThread-Delete" in line


async def test_a_missing_create_role(clinic: Clinic) -> None:
    """The board's 401 to the post leads to the role."""
    clinic.board.missing_roles = {"CommunityThread-Create"}

    assert "give the API user's role CommunityThread-Create" in await clinic.line_of("Test post", "--test-post", "11")


@pytest.mark.parametrize("fault", [Fault.HANGUP_AFTER, Fault.OOPS_AFTER, Fault.HTML_200_AFTER])
async def test_a_post_in_doubt_is_found_and_deleted(clinic: Clinic, fault: Fault) -> None:
    """Taken, but never confirmed: it is looked for by its subject, and does not stay."""
    before = dict(clinic.board.threads)
    clinic.env["NEXUDUS_TIMEOUT"] = "1"
    first_real_post(clinic, fault)

    result = await clinic.doctor("--test-post", "11")

    assert "deleted again" in said(result, "Test post")
    assert len(posted(clinic)) == 1
    assert clinic.board.threads == before


async def test_a_refused_post(clinic: Clinic) -> None:
    """What the board has against it stands in the line, and nothing was made."""
    before = dict(clinic.board.threads)
    first_real_post(clinic, Fault.UNSUCCESSFUL)

    assert "the board refused it: No → try another group" in await clinic.line_of("Test post", "--test-post", "11")
    assert clinic.board.threads == before


async def test_a_post_that_is_never_found(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither confirmed nor found: the subject to look for is told, as it may still turn up."""
    monkeypatch.setattr(test_post, "_LOOK_EVERY", 0.01)
    clinic.env["NEXUDUS_TIMEOUT"] = "1"
    first_real_post(clinic, Fault.HANGUP_BEFORE)

    line = await clinic.line_of("Test post", "--test-post", "11")

    (body,) = posted(clinic)
    assert f"did not confirm it → look for “{body['Subject']}” on the board, and delete it by hand" in line


async def test_a_deletion_that_is_not_confirmed_is_looked_at(clinic: Clinic) -> None:
    """Deleted, but never answered: a look tells that it is gone."""
    before = dict(clinic.board.threads)
    clinic.board.misbehave(Fault.OOPS_AFTER, 1, DELETE)

    assert "deleted again" in said(await clinic.doctor("--test-post", "11"), "Test post")
    assert clinic.board.threads == before


async def test_a_board_that_stumbles_while_it_is_read_back(clinic: Clinic) -> None:
    """What cannot be read back is marked as not found out, and the thread is deleted all the same."""
    before = dict(clinic.board.threads)
    first_real_post(clinic, None, lambda: setattr(clinic.board, "fail_lists", True))

    result = await clinic.doctor("--test-post", "11")

    assert "--  Thread lists: could not be read" in result.stdout
    assert clinic.board.threads == before


def first_real_post(clinic: Clinic, fault: Fault | None, then: Any = lambda: None) -> None:
    """The fault waits until the empty post that asks for the role is over."""
    really = clinic.board.trouble_for

    def watching(line: str) -> Any:
        if line.startswith("POST /api/community/communitythreads") and posted(clinic):
            then()
            if fault:
                clinic.board.misbehave(fault)
            clinic.board.trouble_for = really  # type: ignore[method-assign]
        return really(line)

    clinic.board.trouble_for = watching  # type: ignore[method-assign]


async def test_no_post_without_being_asked(clinic: Clinic) -> None:
    """A plain doctor posts nothing, and remembers nothing."""
    await clinic.doctor()

    assert posted(clinic) == []
    assert "Test post" not in (await clinic.doctor()).stdout
