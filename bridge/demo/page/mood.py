"""How the board behaves, as the page's switch has it."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bridge.demo.nexudus.board import Board
from bridge.demo.nexudus.faults import Fault
from bridge.demo.stage import Stage

SLOWNESS = 1.5
NO = {"AttemptedValue": None, "PropertyName": "Subject", "Message": "The word of the day is missing in the subject."}


@dataclass(frozen=True)
class Mood:
    """One position of the switch; `about` says what to watch for."""

    name: str
    about: str
    begin: Callable[[Board], None]


def _slow(board: Board) -> None:
    board.delay = SLOWNESS


def _refuse(board: Board) -> None:
    board.misbehave(Fault.UNSUCCESSFUL, None, errors=[NO])


def _hang_up(board: Board) -> None:
    # As live: what is new can be read at once, but a search finds it only after a while.
    board.search_lag = 1.0
    board.misbehave(Fault.HANGUP_AFTER, None)


def _nothing(board: Board) -> None:
    """Neither more nor less than it should."""


MOODS: Mapping[str, Mood] = {
    "works": Mood("Works", "The board answers as it should.", _nothing),
    "slow": Mood("Slow", "Every answer takes a second and a half. Slack is answered at once all the same.", _slow),
    "refuses": Mood("Refuses", "It says no to every thread. The reason appears under the field.", _refuse),
    "hangs-up": Mood(
        "Hangs up", "It takes the thread, then hangs up. Bridge looks before it repeats: one thread, not two.", _hang_up
    ),
    "down": Mood("Down", "Nothing answers. Posts are kept, and cross once the board works again.", _nothing),
}


class Switch:
    """Where the switch stands; several presses take their turns."""

    def __init__(self, stage: Stage) -> None:
        self.stage, self.mood = stage, "works"
        self._turning = asyncio.Lock()

    async def turn(self, mood: str) -> None:
        """Raises KeyError for a mood that there is not."""
        begin = MOODS[mood].begin
        async with self._turning:
            was, self.mood = self.mood, mood
            self.stage.board.behave()
            begin(self.stage.board)
            if mood == "down" and was != "down":
                await self.stage.board_server.stop()
            elif was == "down" and mood != "down":
                await self.stage.board_server.start()
