"""The members' portal of the demo: the board's threads as one person may see them, rendered as it would."""

from collections.abc import Iterable
from typing import Protocol

import nh3
from markdown_it import MarkdownIt

from bridge.demo.loopback import Json
from bridge.demo.nexudus.board import Board

# The classic portal pipes the message through a Markdown filter, which lets HTML pass.
MARKDOWN = MarkdownIt("commonmark", {"html": True}).enable(["strikethrough", "table"])
TAGS = {"p", "br", "hr", "strong", "em", "s", "del", "code", "pre", "a", "ul", "ol", "li", "blockquote"}
TAGS |= {"h1", "h2", "h3", "h4", "table", "thead", "tbody", "tr", "th", "td"}


class Member(Protocol):
    """Somebody by the ids on both banks; `board` is their UserId, where they have one."""

    @property
    def id(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def board(self) -> int | None: ...
    @property
    def coworker(self) -> int | None: ...


def shown(board: Board, me: Member, members: Iterable[Member]) -> Json:
    """The threads, newest first, and how many are there that this person may not see."""
    authors = {each.board: each for each in members if each.board is not None}
    threads = [each for each in board.threads.values() if _may_read(board, each, me)]
    newest = sorted(threads, key=lambda each: str(each["CreatedOn"]), reverse=True)
    return {
        "threads": [_thread(board, each, authors.get(each["UserId"])) for each in newest],
        "hidden": len(board.threads) - len(threads),
    }


def _may_read(board: Board, thread: Json, me: Member) -> bool:
    if me.board is not None and me.board == thread["UserId"]:
        return True
    if thread["Private"]:
        return me.board in (thread["Guests"] or ())
    group = board.groups.get(thread["CommunityGroupId"])
    if group and group["GroupAccess"] == 3:
        return me.coworker in group["Members"]
    return True


def _thread(board: Board, thread: Json, author: Member | None) -> Json:
    return {
        "id": thread["Id"],
        "author": author.name if author else "somebody",
        "who": author.id if author else "",
        "subject": thread["Subject"],
        "html": rendered(thread["Message"]),
        "tags": [each for each in (thread["Tags"] or "").split(",") if each],
        "group": board.groups.get(thread["CommunityGroupId"], {}).get("Name"),
        "location": board.businesses[thread["BusinessId"]]["Name"],
        "instant": bool(thread["InstantDelivery"]),
        "private": bool(thread["Private"]),
        "created": thread["CreatedOn"],
        "files": [
            each["Name"] for each in thread.get("ThreadFiles") or () if isinstance(each, dict) and "Name" in each
        ],
    }


def rendered(markdown: str) -> str:
    """Harmless HTML: no scripts, no pictures from elsewhere, no styles."""
    html = MARKDOWN.render(markdown)
    return nh3.clean(html, tags=TAGS, attributes={"a": {"href"}}, url_schemes={"http", "https", "mailto", "tel"})
