"""What became of the posts that were asked for, counted from the stand-ins."""

import json
from dataclasses import dataclass

from bridge.demo.stage import BOARD_USERS, Stage
from bridge.language import sentences


@dataclass(frozen=True)
class Asked:
    """One post that somebody asked for."""

    user: str
    subject: str


@dataclass(frozen=True)
class Tally:
    """What became of the posts, counted from what the board holds and what people were shown."""

    asked: int
    threads: int
    refused: int
    lost: int
    twice: int
    untold: int

    @property
    def as_promised(self) -> bool:
        return not (self.lost or self.twice or self.untold)

    def __str__(self) -> str:
        asked = f"{self.asked} posts asked for · {self.threads} threads on the board"
        return f"{asked} · lost {self.lost} · twice {self.twice}"


def tally(stage: Stage, asked: list[Asked]) -> Tally:
    """Lost: its author has it neither on the board nor has been told that it was not posted."""
    threads = stage.board.threads.values()
    held = [(each, _own(stage, each)) for each in asked]
    absent = [each for each, own in held if not own]
    refused = sum(told(stage, each.user, sentences.REFUSED, each.subject) for each in absent)
    return Tally(
        asked=len(asked),
        threads=len(threads),
        refused=refused,
        lost=len(absent) - refused,
        twice=len(threads) - len({(each["UserId"], each["Subject"]) for each in threads}),
        untold=sum(not told(stage, each.user, str(id_)) for each, own in held for id_ in own),
    )


def _own(stage: Stage, asked: Asked) -> list[int]:
    author = BOARD_USERS.get(asked.user)
    threads = stage.board.threads.items()
    return [id_ for id_, each in threads if (each["UserId"], each["Subject"]) == (author, asked.subject)]


def told(stage: Stage, user: str, *words: str) -> bool:
    """Whether one and the same message to this person holds all the words."""
    return any(all(word in json.dumps(each, ensure_ascii=False) for word in words) for each in stage.seen(user))
