"""What the connections of one server have in common: how many there may be, who waits, and how much of them is held."""

import resource
from typing import Protocol

from bridge.slack.warnings import at_most_once_a_minute

MOST_CONNECTIONS = 1000
# Bytes of all requests that no app has answered yet: nobody has proven that they are Slack's.
MOST_HELD = 64 * 1024 * 1024
# Nearly everything of Slack's is smaller, and must not be refused because strangers send much.
SMALL = 32 * 1024


class Waiting(Protocol):
    """A connection on which nothing is being answered."""

    def end(self) -> None: ...


class Crowd:
    """What the connections of one server have in common."""

    def __init__(self) -> None:
        # Who waits, those who have waited longest first; and how many bytes of requests are held.
        self.waiting: dict[Waiting, None] = {}
        self.held = 0

    def is_full(self) -> bool:
        """Whether a large request is one too many. So much is left that everybody may send a small one."""
        return self.held > max(MOST_HELD - room() * SMALL, 0)

    def make_room(self) -> None:
        """Ends who has waited longest; that is the newcomer where all the others are being answered."""
        next(iter(self.waiting)).end()
        remedy = "look at the proxy before bridge: who opens so many?"
        at_most_once_a_minute("no_room", connections=room(), remedy=remedy)


def room() -> int:
    """How many connections there may be: Redis, Slack and the board need descriptors, too."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MOST_CONNECTIONS if soft == resource.RLIM_INFINITY else min(MOST_CONNECTIONS, soft // 2)
