"""Removing what is kept about one person, in their own posts and in other people's.

A post of somebody else that is still to be carried is left as it is: whom it mentions, credits or
invites is that person's to say. What has ended loses the mention, the credit and the guest, and the
erased person's own words and files. A message or thread that an open form was opened on goes whole
where it names the person: the form then says that it is gone.
"""

import re
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

from bridge.language import sentences
from bridge.members.people import People
from bridge.operator.personal_data import Person, read, write
from bridge.outbox import scripts
from bridge.outbox.ledger import Outbox
from bridge.post.draft import NOT_POSTED

# Where the embedded store has no room to write its file anew, for example.
STILL_ON_DISK = (
    "Nobody can see it any more, but it may still stand in the store's files: they could not be written anew. Look for "
    "room on the disk, and erase again; or wait, it is tried again within a day."
)

# The queues of posts that are to be carried or told, and of those whose files are.
_QUEUES = ("due", "attach")


@dataclass(frozen=True)
class Erased:
    """Own drafts that are gone, how many of them were on their way, and others' that still name the person.

    `known`: something else was removed, such as who they are on the board, or a mention in what has ended.
    `nameless`: nobody said what they are called, so nothing was looked through for their name.
    """

    drafts: int
    on_their_way: int
    waiting: int
    known: bool
    nameless: bool = False

    def sentences(self, user: str) -> str:
        said = [self._removed(user)]
        if self.on_their_way:
            was = "was" if self.on_their_way == 1 else "were"
            said.append(f"{self.on_their_way} of them {was} on the way and may still appear on the board.")
        if self.waiting:
            one = self.waiting == 1
            posts, name, they = ("post", "names", "it has") if one else ("posts", "name", "they have")
            said.append(
                f"{self.waiting} {posts} of others still to be carried {name} {user}: erase again once {they} ended."
            )
        if self.nameless:
            said.append(
                "Slack did not tell what they are called, so their name may still stand in others' posts: "
                f'bridge erase {user} --name "NAME" removes it.'
            )
        return " ".join(said)

    def _removed(self, user: str) -> str:
        if self.drafts:
            posts, was = ("post", "was") if self.drafts == 1 else ("posts", "were")
            known = ", and what was known of them" if self.known else ""
            return f"{self.drafts} kept {posts} of {user} {was} removed{known}."
        if self.known:
            return f"What was known of {user} was removed."
        return f"Nothing of {user}'s own was kept." if self.waiting else f"Nothing was kept about {user}."


def is_user_id(text: str) -> bool:
    """Whether this can be a Slack person's id. https://docs.slack.dev/reference/objects/user-object"""
    return re.fullmatch(r"[UW][A-Z0-9]{2,}", text) is not None


async def erase(outbox: Outbox, people: People, user: str, names: Iterable[str] = ()) -> Erased:
    """Remove every draft and every memory of a Slack person, whatever their team.

    `names`: what they are or were called, besides what the caches say, or Slack where those say nothing.
    """
    teams = await _teams(outbox, user)
    own = {each.id: each for team in teams for each in await outbox.latest(team, user, 10**6)}.values()
    on_their_way = sum(each.state == "sending" for each in own)
    files = {str(file.get("id")) for each in own for file in (*each.files, *each.draft.files)}
    drafts = sum([await _remove_drafts(outbox, team, user) for team in sorted(teams)])
    known = [await people.cache.remembered(f"{kind}:{user}") for kind in ("slack", "member")]
    told = {*names, await people.name(user)}
    await people.forget(user)
    called = _names([*known, *({"name": name} for name in told)])
    scrubbed = await _scrub_drafts(outbox, Person(user, called))
    places = scrubbed.places + await _scrub_the_rest(outbox, Person(user), files | scrubbed.files)
    return Erased(drafts, on_their_way, scrubbed.waiting, known=any(known) or places > 0, nameless=not any(told))


async def _remove_drafts(outbox: Outbox, team: str, user: str) -> int:
    """Every draft in one list of a person's, waiting or ended. Answers how many there were."""
    ids = cast("list[str]", await outbox.redis.zrange(outbox.mine_key(user, team), 0, -1))
    for id_ in ids:
        entry = await outbox.get(id_)
        form = await outbox.redis.hget(outbox.record_key(id_), "form")
        if entry and (source := outbox.source_of(entry.draft)):
            await outbox.redis.hdel(source, id_)
        for queue in ("due", "attach", "failed"):
            await outbox.redis.zrem(outbox.key(queue), id_)
        await outbox.redis.delete(outbox.record_key(id_), *([form] if form else []))
    await outbox.redis.delete(outbox.mine_key(user, team))
    return len(ids)


def _names(known: Iterable[Any]) -> frozenset[str]:
    """What the person is called: bridge writes it where a mention cannot stand, as in a form's field."""
    records = [each for cached in known if cached for each in (cached, *cached.get("profiles", ()))]
    return frozenset(str(each["name"]) for each in records if each.get("name"))


class _Scrubbed(NamedTuple):
    """In how many drafts the person stood and stands no more, how many waiting ones name them, and whose files went."""

    places: int
    waiting: int
    files: frozenset[str]


async def _teams(outbox: Outbox, user: str) -> set[str]:
    """The lists of their drafts, "" for the one of today; drafts that outlived theirs are put back into it."""
    teams = {key.split(":")[-2] async for key in _keys(outbox, f"mine:*:{user}")} | {""}
    async for key in _keys(outbox, "draft:*"):
        origin = _object((await _fields(outbox, key)).get("draft", "")).get("origin")
        if isinstance(origin, dict) and origin.get("user") == user:
            listed = [await outbox.redis.zscore(outbox.mine_key(user, team), _id(key)) for team in teams]
            if listed == [None] * len(teams):
                await outbox.redis.zadd(outbox.mine_key(user), {_id(key): 0})
    return teams


# ── other people's drafts ────────────────────────────────────────────────────


async def _scrub_drafts(outbox: Outbox, person: Person) -> _Scrubbed:
    waiting = places = 0
    files: set[str] = set()
    async for key in _keys(outbox, "draft:*"):
        fields = await _fields(outbox, key)
        named = {name: text for name, text in fields.items() if person.is_in(text)}
        if not named:
            continue
        if await _is_queued(outbox, _id(key)):
            waiting += 1
            continue
        places += 1
        scrubbed = {name: write(_without(name, text, person, fields)) for name, text in _touched(fields, named)}
        files |= _file_ids(fields) - _file_ids(fields | scrubbed)
        # The body says names, which no id tells from other words; what was sent is not needed any more.
        await outbox.run(scripts.NOTE, _id(key), *(part for pair in scrubbed.items() for part in pair))
        await outbox.redis.hdel(key, "body")
    return _Scrubbed(places, waiting, frozenset(files))


async def _is_queued(outbox: Outbox, id_: str) -> bool:
    scores = [await outbox.redis.zscore(outbox.key(queue), id_) for queue in _QUEUES]
    return any(score is not None for score in scores)


def _touched(fields: dict[str, str], named: dict[str, str]) -> Iterable[tuple[str, str]]:
    """The fields to rewrite: those that name the person, and always the outcome, where guests stand by name alone."""
    return ({name: text for name, text in fields.items() if name == "outcome"} | named).items()


def _without(name: str, text: str, person: Person, fields: dict[str, str]) -> Any:
    """One field of somebody else's record that has ended."""
    value = read(text)
    if name == "draft" and isinstance(value, dict):
        return _draft_without(value, person, posted=fields.get("state") not in NOT_POSTED)
    if name == "outcome" and isinstance(value, dict) and "who" in (value.get("detail") or {}):
        value["detail"]["who"] = [sentences.SOMEONE]
    return person.without(value)


def _draft_without(draft: dict[str, Any], person: Person, *, posted: bool) -> dict[str, Any]:
    """The words of a credited message are its author's; its title on the board is the sharer's."""
    if draft.get("credit") == person.user:
        draft |= {"message": [], "files": [], "left": [], "credit": None}
        draft |= {} if posted else {"subject": sentences.ERASED}
    scrubbed: dict[str, Any] = person.without(draft)
    return scrubbed | {"message": [piece for piece in scrubbed.get("message", ()) if piece]}


def _file_ids(fields: dict[str, str]) -> set[str]:
    listed = [read(fields.get("files", "[]")), _object(fields.get("draft", "")).get("files")]
    return {str(each["id"]) for files in listed if isinstance(files, list) for each in files if "id" in each}


# ── everything else ──────────────────────────────────────────────────────────


async def _scrub_the_rest(outbox: Outbox, person: Person, files: Iterable[str]) -> int:
    """What forms were opened on, what messages became, and files on offer. Answers in how many places they stood."""
    redis, places, ids = outbox.redis, 0, tuple(files)
    async for key in _keys(outbox, "source:*"):
        posted = await _fields(outbox, key)
        if gone := [id_ for id_, text in posted.items() if person.is_in(text)]:
            places += await redis.hdel(key, *gone)
    own = outbox.key(f"originals:{person.user}")
    if names := await redis.zrange(own, 0, -1):
        places += await redis.delete(own, *(outbox.key(str(each)) for each in names))
    async for key in _keys(outbox, "original:*"):
        if person.is_in(str(await redis.get(key) or "")):
            places += await redis.delete(key)
    async for key in _keys(outbox, "file:*"):
        address = str(_object(str(await redis.get(key) or "")).get("url"))
        if any(id_ in address for id_ in ids):
            places += await redis.delete(key)
    # A hint says speakers by name, a cached group has its members' ids: both are made again when they are wanted.
    async for key in _keys(outbox, "form:*"):
        await redis.hdel(key, "thread_said")
    async for key in _keys(outbox, "group*:*"):
        await redis.delete(key)
    return places


async def _keys(outbox: Outbox, pattern: str) -> AsyncIterator[str]:
    # Nothing in a prefix means anything to MATCH.
    async for key in outbox.redis.scan_iter(match=outbox.key(pattern), count=500):
        yield str(key)


async def _fields(outbox: Outbox, key: str) -> dict[str, str]:
    return cast("dict[str, str]", await outbox.redis.hgetall(key))


def _object(text: str) -> dict[str, Any]:
    """A JSON object, also where another version of bridge wrote something else."""
    found = read(text)
    return found if isinstance(found, dict) else {}


def _id(key: str) -> str:
    return key.rpartition(":")[2]
