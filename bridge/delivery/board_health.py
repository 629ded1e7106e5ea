"""How the board is: while it is away, or rejects the login, one process of all asks it, and calls all when it is back.

Two keys say that nobody else is to ask: `away` and `rejected`. A claim brings along whether one of them is there.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import cast

import structlog
from redis.exceptions import RedisError

from bridge.nexudus.wire import NexudusError, Unauthorized, Unavailable, Unsure
from bridge.outbox.ledger import Outbox

log = structlog.get_logger()

# Seconds that a trouble is believed without a newer one: who asks notes it every few seconds, while anybody lives.
_AWAY_TTL, _REJECTED_TTL = 60, 3600
# How often the board is asked while it is away, in seconds; the first times sooner, should it be a matter of moments.
EVERY, _FIRST = 3.0, 0.5
# So many questions in a row that fail, besides the call that raised the doubt, are no faults of single calls.
_CONFIRMED = 2
# Seconds until another process follows one that died while it asked.
_LOCK = 8.0
# A login may be rejected although the board gave out a token: then no hold is noted, and a question costs five calls.
_REJECTED_PAUSE = 30.0

Question = asyncio.Task[NexudusError | None]
Ask = Callable[[], Awaitable[object]]
Refused = Callable[[], Awaitable[str | None]]


class BoardHealth:
    """Of the account whose `outbox` this is; raises what Redis raises."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox, self._redis = outbox, outbox.redis
        self._away, self._rejected, self._lock = (outbox.key(name) for name in ("away", "rejected", "asking"))
        self._name = secrets.token_hex(8)
        self._doubt = asyncio.Event()
        self._logged = ""
        # Whoever starts does not know what the processes before it left waiting.
        self._fresh = True

    def doubt(self) -> None:
        """Have the board asked soon, whatever is known of it."""
        self._doubt.set()

    async def notice(self, error: Exception) -> None:
        """A call ended in `error`. An answer is no trouble; so is a named wait, be it the board's or our own pace."""
        if isinstance(error, Unauthorized):
            await self._note_rejected(error)
        silent = isinstance(error, Unsure) and not error.answered
        if silent or isinstance(error, Unauthorized) or (isinstance(error, Unavailable) and error.wait is None):
            self.doubt()

    async def keep(self, ask: Ask, refused: Refused, pause: float = 5) -> None:
        """For ever: while in doubt, or while any process noted trouble, `ask` the board something harmless.

        `refused` says whether the login is spared for a while. Every `pause` seconds a trouble of others is looked for.
        """
        while True:
            try:
                if self._doubt.is_set() or not await self.is_open():
                    self._doubt.clear()
                    await self._ask_for_all(ask, refused)
                    # One round in so many seconds: faults of single calls must not have it asked all the time.
                    await asyncio.sleep(min(pause, EVERY))
            except RedisError:
                await asyncio.sleep(1)
            except Exception:
                log.exception("asking_broke")
                await asyncio.sleep(EVERY)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._doubt.wait(), pause)

    async def is_open(self) -> bool:
        """Whether everybody may ask the board: it is neither known to be away nor to reject the login."""
        return not await self._redis.exists(self._away, self._rejected)

    async def is_away(self) -> bool:
        return bool(await self._redis.exists(self._away))

    async def login_refused(self) -> str | None:
        """The board's last word on our login, if it was a no."""
        return cast("str | None", await self._redis.get(self._rejected))

    async def _ask_for_all(self, ask: Ask, refused: Refused) -> None:
        """Until it answers, unless another process does that already."""
        if not await self._redis.set(self._lock, self._name, nx=True, px=_ms(_LOCK)):
            return
        questions: set[Question] = set()
        try:
            await self._until_it_answers(ask, refused, questions)
        finally:
            for each in questions:
                each.cancel()
            await asyncio.gather(*questions, return_exceptions=True)
            if await self._redis.get(self._lock) == self._name:
                await self._redis.delete(self._lock)

    async def _until_it_answers(self, ask: Ask, refused: Refused, questions: set[Question]) -> None:
        clock, failed, pause, spared = asyncio.get_running_loop().time, 0, _FIRST, 0.0
        while True:
            began, shut, held = clock(), not await self.is_open(), await refused()
            # A board that hangs must not hide that it is back: in trouble it is asked anew beside the open question.
            if began >= spared and (shut or not questions):
                questions.add(asyncio.create_task(_trouble_of(ask)))
            done = await _ended(questions)
            questions -= done
            troubles = [each.result() for each in done]
            if None in troubles:
                return await self._open() if shut or self._fresh else None
            failed += len(troubles)
            for trouble in troubles:
                if isinstance(trouble, Unauthorized):
                    await self._note_rejected(trouble)
                    # Where the hold ended under way, the question was answered by it and cost the board nothing.
                    spared = 0.0 if held or await refused() else clock() + _REJECTED_PAUSE
                elif isinstance(trouble, Unavailable) and trouble.wait is not None:
                    if not shut:
                        return None  # whoever names a time is there
                elif shut or failed >= _CONFIRMED:
                    await self._note_away(str(trouble))
            # Not quite atomic: two that ask for a moment do no harm.
            await self._redis.set(self._lock, self._name, px=_ms(_LOCK))
            await asyncio.sleep(max(0.0, began + pause - clock()))
            pause = min(2 * pause, EVERY)

    async def _note_rejected(self, error: Unauthorized) -> None:
        self._log("board_rejects_login", reason=error.reason, remedy="run bridge doctor")
        await self._redis.set(self._rejected, error.reason, ex=_REJECTED_TTL)

    async def _note_away(self, why: str) -> None:
        self._log("board_away", why=why)
        await self._redis.set(self._away, 1, ex=_AWAY_TTL)

    async def _open(self) -> None:
        """Everything that waited for the board is due."""
        shut = not await self.is_open()
        waited = await self._outbox.recall()
        if shut:
            log.info("board_back", waited=waited)
        self._logged, self._fresh = "", False

    def _log(self, event: str, **why: str) -> None:
        """Once for each trouble: the attempts that it fails are logged by themselves."""
        if self._logged != event:
            log.error(event, **why)
        self._logged = event


async def _ended(questions: set[Question]) -> set[Question]:
    """Those that have, after a few seconds at most."""
    if not questions:
        return set()
    return (await asyncio.wait(questions, timeout=EVERY, return_when=asyncio.FIRST_COMPLETED))[0]


async def _trouble_of(ask: Ask) -> NexudusError | None:
    """None as well for a no: who refuses us one thing is there."""
    try:
        await ask()
    except (Unauthorized, Unavailable, Unsure) as error:
        return error
    except NexudusError:
        return None
    return None


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
