"""The durable ledger and queue of drafts in Redis.

One sorted set is the whole queue: an entry's score is the time when it is due, so a lease,
a retry's delay and the hand-over from a dead worker are one mechanism. A list wakes idle workers;
losing a wake-up costs seconds, never a draft. What a draft has gone through stands in its record.

    kept ──► sending ──► posted | refused | unsure
      └────────────────► refused | cancelled | unposted        then told, or untold
"""

import json
import secrets
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, cast

import structlog
from redis.asyncio import Redis

from bridge.outbox import leases, scripts
from bridge.post import attachment
from bridge.post.draft import Draft, Outcome, reference
from bridge.post.entry import UNREADABLE, Entry, read_entry
from bridge.settings.environment import Settings

log = structlog.get_logger()


def build(settings: Settings, redis: Redis, blocking: Redis) -> "Outbox":
    """The outbox of this account; `blocking` waits for what is put."""
    keep, per_hour = settings.keep_days * 86400, settings.posts_per_person_per_hour
    return Outbox(redis, blocking, settings.prefix, settings.lease, keep, per_hour)


# Whether what is put back waits for the board: no; it tried, and the board was away; it saw so, and did not even try.
Board = Literal["", "tried", "shut"]
Disposition = Literal["kept", "already kept", "kept again", "changed", "too many", "tried again"]


@dataclass(frozen=True)
class Kept:
    """What became of a call to `put`, and the draft that now stands for the form; "tried again": for the same post."""

    disposition: Disposition
    id: str


@dataclass(frozen=True)
class Outbox:
    """`prefix` ends with the account's hash tag; `keep` is how many seconds an ended record stays.

    `queue` is the one that is claimed from: "due" has the posts, "attach" those whose files are on their way.
    """

    redis: Redis
    blocking: Redis
    prefix: str
    lease: float
    keep: float
    per_hour: int
    queue: Literal["due", "attach"] = "due"
    token: str = field(default_factory=lambda: secrets.token_hex(8))

    # ── keeping ──────────────────────────────────────────────────────────────

    async def put(self, key: str, draft: Draft, *, nonce: str = "", watch: float = 0) -> Kept:
        """Keep the draft under Slack's own `key`; `watch` seconds long the caller will tell by itself.

        `nonce` tells a second press of the button (another one) from the same request replayed.

        Raises RedisError when it could not be kept: then nothing may be promised.
        """
        times = _ms(watch), self.per_hour, _ms(self.keep)
        args = reference(key), draft.digest, draft.to_json(), *times, nonce, draft.again
        keys = self.form_key(key), self.mine_key(draft.origin.user)
        disposition, id_ = await self.run(scripts.PUT, *args, keys=keys)
        return Kept(cast(Disposition, disposition), id_)

    async def outcome_for_answer(self, id_: str, *, last: bool, gone: bool = False) -> Outcome | Literal["told"] | None:
        """The outcome, if the caller is the one to tell it; "told" if somebody did. After `last` the worker tells.

        `gone`: nobody would read the caller's answer any more.
        """
        found = await self.run(scripts.TAKE_OUTCOME, id_, int(last), int(gone))
        return "told" if found == "told" else Outcome.from_json(found) if found else None

    # ── delivering ───────────────────────────────────────────────────────────

    async def claim(self) -> Entry | float:
        """Lease the next due entry, or answer how many seconds nothing will be due (-1: nothing waits)."""
        token = f"{self.token}:{secrets.token_hex(4)}"
        fields = leases.claimed(await self.run(scripts.CLAIM, token, _ms(self.lease)))
        if isinstance(fields, float):
            return fields
        try:
            claim, claimed, stuck = [fields[self._own + name] for name in ("claim", "claimed", "stuck")]
            at = int(claimed) / 1000
            return replace(await self.read(fields), claim=claim, claimed=at, stuck=int(stuck), drift=time.time() - at)
        except UNREADABLE:
            return await self.park(fields.get("id", ""))

    async def park(self, id_: str) -> float:
        """Set a record that cannot be read aside for the operator. Answers that the queue can be asked at once."""
        log.error("unreadable", id=id_)
        await self.run(scripts.SET_ASIDE, id_, _ms(self.keep))
        return 0.0

    async def renew(self, entry: Entry) -> None:
        """Hold the lease for another `lease` seconds. Raises Lost."""
        if not await self.run(scripts.RENEW, entry.id, entry.claim, _ms(self.lease)):
            raise leases.Lost(entry.id)

    async def sending(
        self, entry: Entry, body: Mapping[str, Any], facts: Mapping[str, Any], likeness: str, hold: float
    ) -> Literal["ok", "twin"]:
        """Mark, durably, that the call is about to be made, and renew the lease for it. Raises Lost.

        `likeness` is equal for drafts whose threads could not be told from one another; "twin": one
        of those is in the air.
        """
        text = json.dumps(body, sort_keys=True)
        air = self.key(f"air:{likeness}")
        args = (text, air, _ms(hold), json.dumps(facts), _ms(self.lease))
        said = await self.run(scripts.SENDING, entry.id, entry.claim, *args)
        return cast(Literal["ok", "twin"], leases.still_ours(entry.id, said))

    async def put_back(
        self, entry: Entry, delay: float, *, error: str = "", looks: int = 0, void: bool = False, called: bool = False,
        answered: bool = False, failed: bool = False, board: Board = "",
    ) -> None:  # fmt: skip
        """Try again in `delay` seconds, or when the `board` is back that it waits for (`recall`). Raises Lost.

        `void`: this attempt marked the draft as sending, and surely sent nothing. `called`: it sent, and does not know
        how that ended; the looks count from now. `answered`: the board itself said no success. `failed`: a send did.
        """
        flags = [int(each) for each in (void, called, answered, failed)]
        args = (_ms(delay), looks, error, _ms(entry.sent) if entry.sent else "", *flags, board)
        leases.still_ours(entry.id, await self.run(scripts.PUT_BACK, entry.id, entry.claim, *args))

    async def recall(self) -> int:
        """The board answers: what waits for it, posts and files, is due at once. Answers how many there were."""
        return sum([int(await replace(self, queue=each).run(scripts.RECALL)) for each in ("attach", "due")])

    async def tell_later(self, entry: Entry, delay: float) -> None:
        """The outcome stands; try to tell it again in `delay` seconds. Raises Lost."""
        leases.still_ours(entry.id, await self.run(scripts.TELL_LATER, entry.id, entry.claim, _ms(delay)))

    async def settle(self, entry: Entry, outcome: Outcome) -> Literal["ok", "watched", "held", "ended"]:
        """Note the outcome before anybody is told. Raises Lost.

        "watched": a web process will tell it. "held": another draft holds this thread.
        """
        hidden = entry.draft.private or bool(outcome.detail.get("hidden"))
        posted = {"user": entry.draft.origin.user, "link": outcome.link, "private": hidden}
        said = await self.run(
            scripts.SETTLE,
            *(entry.id, entry.claim, outcome.ending, outcome.to_json(), outcome.thread or ""),
            *(self.source_of(entry.draft), json.dumps(posted | {"subject": entry.draft.subject})),
            *(_ms(self.keep), int(outcome.late), *attachment.planned(entry.draft.files)),
        )
        return cast(Literal["ok", "watched", "held", "ended"], leases.still_ours(entry.id, said))

    async def told(self, entry: Entry, way: str, *, look_again: float = 0, leased: bool = True) -> bool:
        """Close the record: the person knows (or `way` is "untold"). Posted words are blanked. Raises Lost.

        `leased`: who tells holds the entry's lease, as workers do; others tell beside them. False when it has to be
        told once more: in the form, within three seconds of an interim answer, which may yet cover it there.
        """
        posted = entry.outcome is not None and entry.outcome.ending == "posted" and way != "untold"
        blank = entry.draft.blanked().to_json() if posted else ""
        early = int(entry.attaching > 0)
        args = (way, blank, _ms(self.keep), _ms(look_again), early)
        said = await self.run(scripts.TOLD, entry.id, entry.claim if leased else "", *args)
        return leases.still_ours(entry.id, said) == "ok"

    async def note(self, entry: Entry, **fields: str | int | float) -> None:
        """Remember something about the attempt; never the state."""
        await self.run(scripts.NOTE, entry.id, *(part for pair in fields.items() for part in pair))

    async def holder(self, thread: int) -> str | None:
        """The draft that a thread on the board belongs to."""
        return cast("str | None", await self.redis.get(self.key(f"held:{thread}")))

    # ── people at the form, operators at the outbox ──────────────────────────

    async def cancel(self, id_: str, reason: str, response_url: str | None = None, at: float = 0) -> str:
        """End a draft that is surely not sent. Answers "cancelled", or the state that forbids it."""
        outcome = Outcome("cancelled", reason)
        entry = await self.get(id_)
        fresh = entry.draft.to_json() if entry else ""
        if entry and response_url:
            origin = entry.draft.origin
            fresh = _replaced(entry.draft, response_url, at or origin.asked_at)
        return cast(str, await self.run(scripts.CANCEL, id_, outcome.to_json(), fresh))

    async def retry(self, id_: str) -> str:
        """Try again by hand; what is in doubt is looked for first. Answers the new state, or what forbids it."""
        return cast(str, await self.run(scripts.RETRY, id_))

    async def get(self, id_: str) -> Entry | None:
        """None also for a record that cannot be read; not logged here, where commands write what they are asked for."""
        fields = cast("dict[str, str]", await self.redis.hgetall(self.record_key(id_)))
        try:
            return await self.read(fields) if fields else None
        except UNREADABLE:
            return None

    async def is_kept(self, id_: str) -> bool:
        """Whether there is a record, also one that cannot be read."""
        return bool(await self.redis.exists(self.record_key(id_)))

    async def latest(self, team: str, user: str, count: int = 5) -> list[Entry]:
        """A person's latest drafts, newest first; with those that older versions listed under this `team`."""
        async with self.redis.pipeline(transaction=False) as pipe:
            for key in (self.mine_key(user), self.mine_key(user, team)):
                pipe.zrevrange(key, 0, count - 1, withscores=True)
            kept: dict[str, float] = {id_: at for listed in await pipe.execute() for id_, at in listed}
        ids = sorted(kept, key=lambda id_: kept[id_], reverse=True)[:count]
        return [entry for id_ in ids if (entry := await self.get(id_))]

    async def listing(self) -> AsyncIterator[tuple[str, Entry | None]]:
        """What waits, then what failed or could not be told: each once, None for a record that cannot be read."""
        waiting = cast("list[str]", await self.redis.zrange(self.key("due"), 0, -1))
        failed = cast("list[str]", await self.redis.zrange(self.key("failed"), 0, -1))
        for id_ in dict.fromkeys([*waiting, *failed]):
            if (entry := await self.get(id_)) or await self.is_kept(id_):
                yield id_, entry

    async def posted_from(self, team: str, channel: str, ts: str) -> list[dict[str, Any]]:
        """The threads made of one Slack message, with who made them."""
        found = await self.redis.hvals(self.source_key(team, channel, ts))
        return [json.loads(text) for text in found]

    # ── the ledger itself, for the rooms that share it ───────────────────────

    def key(self, name: str) -> str:
        """Of a queue ("due", "attach", "failed"), or of something else that is kept under the prefix."""
        return self.prefix + name

    @property
    def wake_key(self) -> str:
        """The list that calls one idle worker when something is put into the queue."""
        return self.key("wake" if self.queue == "due" else "attach-wake")

    def record_key(self, id_: str) -> str:
        return self.key(f"draft:{id_}")

    def form_key(self, key: str) -> str:
        return self.key(f"form:{key}")

    def mine_key(self, user: str, team: str = "") -> str:
        """Of the list of a person's drafts; `team`: of one that older versions kept for each team that was named."""
        return self.key(f"mine:{team}:{user}" if team else f"mine:{user}")

    def source_key(self, team: str, channel: str, ts: str) -> str:
        return self.key(f"source:{team}:{channel}:{ts}")

    def source_of(self, draft: Draft) -> str:
        """The key of the Slack message that a draft was made of; "" where it was typed."""
        origin = draft.origin
        if not (origin.channel and origin.message_ts):
            return ""
        return self.source_key(origin.team, origin.channel, origin.message_ts)

    @property
    def _own(self) -> str:
        """What begins the names of this queue's own fields in a record."""
        return "" if self.queue == "due" else f"{self.queue}_"

    async def run(self, script: str, *args: str | int | float, keys: Sequence[str] = ()) -> Any:
        """A step on the queue, given its own `keys` and `args`."""
        call = self.redis.register_script(script)
        return await call(keys=[self.key(self.queue), *keys], args=[self.prefix, self._own, *args])

    async def read(self, fields: Mapping[str, str]) -> Entry:
        """The entry that a record's fields are, and whether its form is closed. Raises UNREADABLE."""
        closed = await self.redis.hget(fields["form"], "closed") if "form" in fields else None
        return read_entry(fields, form_closed=bool(closed))


def _ms(seconds: float) -> int:
    return round(seconds * 1000)


def _replaced(draft: Draft, response_url: str, at: float) -> str:
    origin = replace(draft.origin, response_url=response_url, asked_at=at, view=None)
    return replace(draft, origin=origin).to_json()
