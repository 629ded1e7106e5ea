"""Dora, whom the traps are about: on which records of both banks she stands, and what became of her post."""

import contextlib
import html
from collections.abc import AsyncIterator
from typing import Any

from bridge.demo.nexudus.faults import CREATE
from bridge.demo.slack.sender import Reply
from bridge.language import sentences
from tests.support.space import ANNEX, HALL, Space, answer_text, open_space, until

DORA = "U0DORA"
DORAS = "dora@space.example"
POST = "post Coffee is back | The machine works again"
PROFILES, LOGINS = "GET /api/spaces/coworkers", "GET /api/sys/users"


def told(space: Space, user: str, reply: Reply) -> str:
    """Everything that this person could have read: the answer, the form, the later messages."""
    heard = [answer_text(reply), *space.heard(user), *reply.errors.values()]
    if reply.action == "update":
        heard.append(space.view_text())
    return html.unescape(" ".join(heard))


async def refused(space: Space, user: str, reply: Reply, reason: str, **detail: Any) -> None:
    """The sentence for `reason` reaches the person, and nothing of theirs stands on the board."""
    sentence = sentences.reason(reason, detail)
    assert sentence

    await until(lambda: sentence in told(space, user, reply), 3)

    assert space.threads == []
    # What the gates should have stopped never set out for the board at all.
    assert [seen for seen in space.board.seen(CREATE) if seen.method == "POST"] == []


async def posted(space: Space) -> dict[str, Any]:
    """The one thread there is."""
    await until(lambda: space.threads)
    (thread,) = space.threads
    return thread


def ids(thread: dict[str, Any]) -> tuple[Any, Any]:
    return thread["UserId"], thread["CoworkerId"]


async def form(space: Space, user: str, subject: str = "Lunch") -> dict[str, Any]:
    """An open form of this person with everything in it that was looked up."""
    await space.sender.command(user, subject)
    await until(lambda: not space.bridge.desk.tasks)
    return space.view()


def choice(value: Any, kind: str = "static_select") -> dict[str, Any]:
    """A select's state that no form of ours ever offered."""
    return {
        "type": kind,
        "selected_option": {"text": {"type": "plain_text", "text": "x"}, "value": value},
    }


async def forged(space: Space, view: dict[str, Any], **states: Any) -> Reply:
    """A submission whose fields hold what no client of Slack's would send."""
    live = space.workspace.views[view["id"]]
    live["state"]["values"] |= {name: {name: state} for name, state in states.items()}
    return await space.sender.submit(view["id"], {"message": "Hi"}, force=True)


def add_dora(space: Space, email: str | None = DORAS, **flags: Any) -> None:
    space.workspace.add_user(DORA, "Dora", email, **flags)


def add_profile(
    space: Space, email: str = DORAS, user_id: int | None = 150, coworker_id: int = 250, **more: Any
) -> Any:
    return space.board.add_member(
        "Dora", email, user_id=user_id, coworker_id=coworker_id, **{"businesses": [HALL], **more}
    )


@contextlib.asynccontextmanager
async def two_locations(redis_url: str) -> AsyncIterator[Space]:
    """Hall and Annex; Ana and Ben stand at Hall only, Dora at both."""
    async with open_space(redis_url) as opened:
        opened.board.add_business(ANNEX, "Annex", "annex")
        opened.board.add_group(21, ANNEX, "Annex people", 2)
        add_dora(opened)
        add_profile(opened, businesses=[HALL, ANNEX])
        yield opened
