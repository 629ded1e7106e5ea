"""What delivery asks for when there is something to tell: a report, of which `notify` is the one that works."""

from typing import Protocol

from bridge.post.draft import Outcome
from bridge.post.entry import Entry


class Untold(Exception):
    """No way of telling worked; `final` when none ever will. `wait`: seconds that were asked for."""

    def __init__(self, *, final: bool, wait: float | None = None) -> None:
        super().__init__("untold")
        self.final, self.wait = final, wait


class Report(Protocol):
    """Tells the person what became of an entry, and answers by which way. Raises Untold."""

    async def __call__(self, entry: Entry, outcome: Outcome | None) -> str: ...
