"""Three books, and whether they agree: what Slack was promised, what the board holds, what people were told. Pure."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from bridge.demo.slack.workspace import Workspace
from bridge.language import sentences

_ENDINGS = {
    sentences.POSTED: "posted",
    sentences.POSTED_LATE: "posted",
    sentences.REFUSED: "not posted",
    sentences.UNSURE: "unsure",
}
_HEADING = "|".join(re.escape(each) for each in _ENDINGS)
# A message's one line, and a view's section: the heading, the subject, and the link about one or the other.
_LINE = re.compile(rf"^({_HEADING}): (Post \d+)(?: — \S*/thread/(\d+)/)?")
_SECTION = re.compile(rf"\*({_HEADING})\*\\n(?:<[^|>]*/thread/(\d+)/[^|>]*\|)?(Post \d+)")


@dataclass(frozen=True)
class Post:
    """Something that a person wants on the board; the subject tells it from every other one."""

    number: int
    user: str
    login: int
    form: bool = False

    @property
    def subject(self) -> str:
        return f"Post {self.number:06}"


@dataclass(frozen=True)
class Told:
    """A last word that reached a person."""

    subject: str
    user: str
    ending: str
    thread: int | None = None


@dataclass
class Reckoning:
    """The posts that broke a promise, by how; then what is only worth knowing."""

    lost: list[str] = field(default_factory=list)
    twice: list[str] = field(default_factory=list)
    unreported: list[str] = field(default_factory=list)
    wrongly_reported: list[str] = field(default_factory=list)
    wrong_author: list[str] = field(default_factory=list)
    told_unsure: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    @property
    def holds(self) -> bool:
        return not (self.lost or self.twice or self.unreported or self.wrongly_reported or self.wrong_author)

    def __str__(self) -> str:
        names = ("lost", "twice", "unreported", "wrongly_reported", "wrong_author", "told_unsure")
        found = {name.replace("_", " "): getattr(self, name) for name in names}
        lines = [f"{name:<18}{len(each)}  {' '.join(each[:12])}".rstrip() for name, each in found.items()]
        return "\n".join([*lines, ", ".join(f"{name} {count}" for name, count in sorted(self.counts.items()))])


def reckon(posts: Iterable[Post], promised: set[str], told: Iterable[Told], board: Mapping[int, Any]) -> Reckoning:
    """`promised` holds the subjects that bridge acknowledged as kept or ended; `board` the threads by id."""
    found, threads, words = Reckoning(), _by_subject(board), _told_by_subject(told)
    for post in posts:
        _judge(post, post.subject in promised, words.get(post.subject, []), threads.get(post.subject, []), found)
    return found


def _judge(post: Post, promised: bool, told: list[Told], threads: list[Any], found: Reckoning) -> None:
    endings = {each.ending for each in told}
    found.counts.update(["promised" if promised else "not promised", *(["on the board"] if threads else [])])
    found.counts["told more than once"] += len(told) > 1
    found.counts["told: not posted"] += "not posted" in endings
    if promised and not threads and not endings & {"not posted", "unsure"}:
        found.lost.append(post.subject)
    if len(threads) > 1:
        found.twice.append(post.subject)
    # A post that reached the board is to be told even where Slack never got its answer.
    if (promised or threads) and not told:
        found.unreported.append(post.subject)
    if any(_is_wrong(each, post, threads) for each in told):
        found.wrongly_reported.append(post.subject)
    if any(each["UserId"] != post.login for each in threads):
        found.wrong_author.append(post.subject)
    if "unsure" in endings:
        found.told_unsure.append(post.subject)


def _is_wrong(told: Told, post: Post, threads: list[Any]) -> bool:
    if told.user != post.user:
        return True
    if told.ending == "posted":
        return told.thread not in [each["Id"] for each in threads]
    return told.ending == "not posted" and bool(threads)


def _by_subject(board: Mapping[int, Any]) -> dict[str, list[Any]]:
    threads: dict[str, list[Any]] = {}
    for each in board.values():
        threads.setdefault(each["Subject"], []).append(each)
    return threads


def _told_by_subject(told: Iterable[Told]) -> dict[str, list[Told]]:
    words: dict[str, list[Told]] = {}
    for each in told:
        words.setdefault(each.subject, []).append(each)
    return words


# ── reading what people saw ──────────────────────────────────────────────────


def everything_told(workspace: Workspace) -> Iterator[Told]:
    """From answers, response_urls, ephemeral and direct messages, and from the forms as they stand."""
    hooks = ((workspace.hooks[id_].user, each) for id_, several in workspace.responses.items() for each in several)
    quiet = ((str(each.get("user")), each) for each in workspace.ephemerals)
    direct = ((user, each) for kept in (workspace.dms, workspace.answers) for user in kept for each in kept[user])
    for messages in (hooks, quiet, direct):
        yield from (said for user, each in messages if (said := read_line(user, str(each.get("text")))))
    for id_, view in workspace.views.items():
        yield from read_view(workspace.owners[id_], view)


def read_line(user: str, text: str) -> Told | None:
    found = _LINE.match(text)
    return Told(found[2], user, _ENDINGS[found[1]], int(found[3]) if found[3] else None) if found else None


def read_view(user: str, view: Mapping[str, Any]) -> Iterator[Told]:
    for heading, thread, subject in _SECTION.findall(json.dumps(view["blocks"], ensure_ascii=False)):
        yield Told(subject, user, _ENDINGS[heading], int(thread) if thread else None)
