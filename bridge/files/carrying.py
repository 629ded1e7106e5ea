"""Carrying the files of a posted thread: each looked at, offered, announced to the board, and seen to arrive.

As with threads, what may have happened is looked for before it is repeated. The thread stands whatever becomes
of its files; those that stay in Slack are told, with the reason.
"""

import asyncio
import contextlib
import time
from dataclasses import dataclass, field, replace
from typing import Any

import httpx
import structlog

from bridge import metrics
from bridge.delivery import decision
from bridge.delivery.attempt import Delivery
from bridge.delivery.decision import Policy
from bridge.files.download import SlackFiles, Stays
from bridge.files.queue import FileQueue
from bridge.files.serving import Files
from bridge.nexudus.client import Nexudus, Sighting
from bridge.nexudus.wire import BadReference, NexudusError, Refused, Unauthorized, Unavailable, Unsure
from bridge.outbox.ledger import Board
from bridge.outbox.worker import Work
from bridge.post import attachment
from bridge.post.attachment import ENDED
from bridge.post.entry import Entry
from bridge.settings.environment import Settings
from bridge.slack.webapi import CallFailed, WebApi
from bridge.telling.notify import Telling, Untold

log = structlog.get_logger()

SLOTS = 3
# Seconds after the thread until files are given up.
PATIENCE = 3600.0
# How often it is asked whether the board has fetched a file that it says it has.
FETCH_LOOKS = (0.2, 0.5, 1, 2, 5, 15, 30)


def build(
    settings: Settings, http: httpx.AsyncClient, api: WebApi, rules: attachment.Rules, delivery: Delivery
) -> "Carrying":
    """What carries the files of what `delivery` posts; `http` is for files alone."""
    outbox, address = delivery.outbox, settings.public_url or ""
    files = Files(outbox.redis, settings.prefix, address, SlackFiles(api, http, rules), settings.file_ttl)
    return Carrying(FileQueue.of(outbox), delivery.board, files, delivery.reporting.telling, delivery.policy)


@dataclass(frozen=True)
class Carrying:
    """Works the queue of files until told to stop; any number of these share one Redis."""

    box: FileQueue
    board: Nexudus
    files: Files
    telling: Telling
    policy: Policy
    stopping: asyncio.Event = field(default_factory=asyncio.Event)

    def stop(self) -> None:
        self.stopping.set()

    @property
    def work(self) -> Work:
        """A few posts at a time: the board's pace is shared with the posts themselves."""
        return Work(self.box.outbox, self._carry, "files", SLOTS, self.stopping)

    async def _carry(self, entry: Entry) -> None:
        """Every file one step further, noted after each; then the lease is given back."""
        assert entry.outcome is not None
        files, delay = [dict(each) for each in entry.files], PATIENCE
        for number, file in enumerate(files):
            if file["state"] in ENDED:
                continue
            if self.stopping.is_set():
                delay = 0  # the next worker goes on
                break
            delay = min(delay, await self._step(entry, files, number))
            if file["state"] in ENDED:
                await self._end(entry, file)
            await self.box.save(entry, files)
        open_still = any(each["state"] not in ENDED for each in files)
        if open_still or not (entry.told_early and any(each["state"] == "stays" for each in files)):
            board: Board = "shut" if entry.shut else "tried" if any(each.get("held") for each in files) else ""
            await self.box.save(entry, files, delay=delay if open_still else 0, board=board)
        else:
            await self._tell(entry, files)

    async def _step(self, entry: Entry, files: list[dict[str, Any]], number: int) -> float:
        """Takes one file as far as it goes now; answers after how many seconds it wants to be looked at again."""
        file = files[number]
        try:
            if self._is_over(entry, file):
                await self._last_look(entry, file)
            elif _now(entry) < file.get("again", 0) and not file.get("held"):
                pass  # another file of the post was due
            elif entry.shut and file["state"] != "there":
                again = max(_now(entry) + 60, self._end_of_patience(entry) + 1)
                file |= {"away": "board_away", "held": True, "again": again}
            else:
                return await self._further(entry, files, number)
        except (Stays, Refused) as refused:
            _stay(file, refused.reason if isinstance(refused, Stays) else _refusal(refused))
        except (CallFailed, NexudusError) as error:
            self._later(entry, file, error)
        return max(0.0, file.get("again", 0) - _now(entry)) if file["state"] not in ENDED else 0

    async def _further(self, entry: Entry, files: list[dict[str, Any]], number: int) -> float:
        file = files[number]
        for name in ("again", "held"):
            file.pop(name, None)
        if file["state"] == "adding":
            await self._look(entry, file)
        if file["state"] == "waiting":
            await self._add(entry, files, number)
        if file["state"] == "there":
            return await self._see_it_arrive(entry, file)
        return max(0.0, file.get("again", 0) - _now(entry)) if file["state"] not in ENDED else 0

    def _is_over(self, entry: Entry, file: dict[str, Any]) -> bool:
        """Patience is at its end. What was never tried is tried once all the same: bridge may have been away."""
        if entry.stuck > decision.MOST_STUCK:
            return True
        if file["state"] == "there":
            return False  # that has an end of its own
        tried = file["state"] == "adding" or file.get("tried") or file.get("tries") or file.get("sends")
        return bool(tried) and _now(entry) > self._end_of_patience(entry)

    def _end_of_patience(self, entry: Entry) -> float:
        return (entry.ended or _now(entry)) + PATIENCE

    async def _last_look(self, entry: Entry, file: dict[str, Any]) -> None:
        """What the board may have done meanwhile counts, before a file is given up."""
        if file["state"] == "adding":
            with contextlib.suppress(NexudusError):
                seen = await self.board.thread_files(self._thread(entry))
                self._recognised(entry, file, seen)
        if file["state"] == "there" and await self.files.was_fetched(file["token"]):
            file["state"] = "added"
            return
        away = file.get("away", "not_carried")
        _stay(file, {"waiting": away, "adding": "doubt", "there": "not_fetched"}[file["state"]])

    def _later(self, entry: Entry, file: dict[str, Any], error: Exception) -> None:
        """Somebody is away for now. What Slack will not give later either stays there."""
        if isinstance(error, CallFailed) and not error.passing:
            _stay(file, "gone")
            return
        board, longest = not isinstance(error, CallFailed), self.policy.longest_wait
        file |= {"tried": True, "away": "board_away" if board else "slack_away"}
        named: float | None = getattr(error, "wait", None)
        if board and named is None:
            file["held"] = True  # it is due at once when the board is back
        if named is not None:
            wait = decision.named(named)
        elif board and file["state"] == "adding":  # a look that failed is no failure
            wait = decision.look_again(_now(entry) - file["sent"], longest)
        elif isinstance(error, Unauthorized):
            wait = min(decision.UNAUTHORIZED_WAIT, longest)
        else:
            file["tries"] = file.get("tries", 0) + 1
            wait = decision.wait(decision.WAITS, file["tries"] - 1, longest)
        self._wait(entry, file, wait)

    def _wait(self, entry: Entry, file: dict[str, Any], seconds: float) -> None:
        """No longer than the person waits for a word."""
        file["again"] = min(_now(entry) + seconds, max(_now(entry), self._end_of_patience(entry)) + 1)

    async def _add(self, entry: Entry, files: list[dict[str, Any]], number: int) -> None:
        """Look at the file, offer it, note that the board is about to be asked, and ask."""
        file = files[number]
        if file.get("sends", 0) >= decision.MOST_SENDS:
            return _stay(file, "doubt")
        if not self.files.public_url:
            raise Stays("off")  # the operator switched it off meanwhile
        token = await self.files.offer(file, await self._length(file))
        until = time.monotonic() + self.box.outbox.lease / 2
        file |= {"state": "adding", "token": token, "sent": _now(entry), "looks": 0, "answered": False}
        file["sends"] = file.get("sends", 0) + 1
        await self.box.save(entry, files)
        body = {
            "CommunityThreadId": self._thread(entry),
            "Name": file["name"],
            "NewFileDataUrl": self.files.address(token),
        }
        try:
            await self.board.add_thread_file(body, until)
        except Unsure as unsure:
            # From now on: the call itself may have taken long, to be let in and to wait for its turn.
            again = _now(entry) + decision.EARLY_LOOKS[0]
            file |= {"sent": _now(entry), "again": again, "answered": unsure.answered}
        except (Unavailable, Unauthorized):
            file |= {"state": "waiting", "sends": file["sends"] - 1}  # surely nothing happened
            raise
        else:
            file["state"] = "there"

    async def _length(self, file: dict[str, Any]) -> int:
        """The bytes of a file that passed. Raises Stays and CallFailed."""
        async with self.files.source.opened(file["url"], file["type"]) as opened:
            if opened.length is not None:
                return opened.length
            # Only its end tells how long it is, and the board must not hear of a file that breaks off.
            return sum([len(chunk) async for chunk in opened.chunks])

    async def _look(self, entry: Entry, file: dict[str, Any]) -> None:
        """In doubt: found, it is there; asked again only after two clear looks, later than the call could last."""
        try:
            seen = await self.board.thread_files(self._thread(entry))
        except Refused:
            _stay(file, "doubt")  # who may not look cannot know
            return
        if self._recognised(entry, file, seen):
            return
        now, answered = _now(entry), bool(file.get("answered"))
        settled = decision.settled(file["sent"], file.get("sends", 1), self.policy, answered=answered)
        if not seen.complete:
            file["looks"] = 0
        elif decision.counts(file["looks"], now, settled, answered=answered):
            file["looks"] += 1
        if file["looks"] >= decision.CLEAR_LOOKS:
            await self._once_more(file)
        elif now < settled:
            file["again"] = min(settled, now + 3)
        elif seen.complete:
            file["again"] = now + self.policy.search_lag
        else:
            self._wait(entry, file, decision.look_again(now - file["sent"], self.policy.longest_wait))

    def _recognised(self, entry: Entry, file: dict[str, Any], seen: Sighting) -> bool:
        found = any(attachment.is_same(each, self._thread(entry), file) for each in seen.records)
        if found:
            file["state"] = "there"
        return found

    async def _once_more(self, file: dict[str, Any]) -> None:
        """Should the board carry out the first asking after all, it finds no file any more. If it has the bytes
        already, and lists them under no name that we know, only somebody who looks can tell.
        """
        if await self.files.withdraw(file["token"]):
            file |= {"state": "waiting", "doubted": True}
        else:
            _stay(file, "doubt")

    async def _see_it_arrive(self, entry: Entry, file: dict[str, Any]) -> float:
        """The board says that it has the file; added it is once the board has fetched every byte."""
        if await self.files.was_fetched(file["token"]):
            file["state"] = "added"
            return 0
        if _now(entry) > file["sent"] + self.files.life + 1:
            _stay(file, "not_fetched")
            return 0
        file["waits"] = file.get("waits", 0) + 1
        return float(FETCH_LOOKS[min(file["waits"] - 1, len(FETCH_LOOKS) - 1)])

    async def _end(self, entry: Entry, file: dict[str, Any]) -> None:
        """What is told as staying must not reach the board afterwards."""
        if file["state"] == "stays" and "token" in file:
            await self.files.withdraw(file["token"])
        for name in ("url", "token", "sent", "again", "held", "tried", "answered"):
            file.pop(name, None)
        metrics.FILES.labels(file["state"], file.get("reason", "")).inc()
        log.info("file_ended", id=entry.id, state=file["state"], reason=file.get("reason"))

    def _thread(self, entry: Entry) -> int:
        return int((entry.outcome.thread if entry.outcome else None) or 0)

    async def _tell(self, entry: Entry, files: list[dict[str, Any]]) -> None:
        """A second word, because the first one was said before it was known that something stays."""
        fresh = replace(entry, files=tuple(files), attaching=0)
        try:
            if entry.stuck > decision.MOST_STUCK and not entry.attaching:
                raise Untold(final=True)  # it was the telling that broke so often, in whatever way
            way = await self.telling(fresh, entry.outcome)
            metrics.TOLD.labels(way).inc()
        except Untold as untold:
            if not decision.is_past_telling(entry, _now(entry), final=untold.final):
                await self.box.save(entry, files, delay=max(60.0, untold.wait or 0))
                return
            log.error("untold", id=entry.id, of="files")
        await self.box.known(entry)


def _now(entry: Entry) -> float:
    """By the clock of Redis, as every time in a record."""
    return time.time() - entry.drift


def _stay(file: dict[str, Any], reason: str) -> None:
    """Once it was in doubt, no reason tells that it is not there."""
    file |= {"state": "stays", "reason": "doubt" if file.get("doubted") else reason}


def _refusal(refused: Refused) -> str:
    return "role" if isinstance(refused, BadReference) else "board"
