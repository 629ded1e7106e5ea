"""What the doctor says of one check, and plain words for what went wrong on the way."""

import errno
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass

from redis.exceptions import RedisError

from bridge.store import trouble


@dataclass(frozen=True)
class Finding:
    """`holds` is None where it could not be found out; that alone is no failure."""

    check: str
    holds: bool | None
    said: str
    remedy: str = ""

    def line(self) -> str:
        """The board's and Slack's own names stand in it, so that no control character may."""
        mark = {True: "ok", False: "no", None: "--"}[self.holds]
        text = f"{mark}  {self.check}: {self.said}" + (f" → {self.remedy}" if self.remedy else "")
        return "".join(each if each.isprintable() else " " for each in text)


# The libraries between us and the wire wrap these; the first that is found inside says most.
_CAUSES: tuple[tuple[type[BaseException], str], ...] = (
    (socket.gaierror, "no computer of that name is known"),
    (ConnectionRefusedError, "nothing listens there"),
    (ssl.SSLError, "its certificate or encryption cannot be used"),
    (FileNotFoundError, "there is no such socket"),
    (PermissionError, "this user may not open it"),
    (TimeoutError, "no answer in time"),
    *((kind, "its answer cannot be read") for kind in (AttributeError, TypeError, ValueError)),
)


def why(error: BaseException) -> str:
    """Why something could not be reached. Never the error's own text, which may hold a secret."""
    if isinstance(error, RedisError):
        return trouble.of(error).said
    within = list(_within(error))
    for kind, said in _CAUSES:
        if any(isinstance(each, kind) for each in within):
            return said
    names = " ".join(type(each).__name__ for each in within)
    if "Timeout" in names:
        return "no answer in time"
    refused = any(isinstance(each, OSError) and each.errno == errno.ECONNREFUSED for each in within)
    return "nothing listens there" if refused else "the connection broke off"


def _within(error: BaseException) -> Iterator[BaseException]:
    """The error, and what it was made of."""
    waiting, seen = [error], set[int]()
    while waiting:
        each = waiting.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        waiting += [inner for inner in (each.__cause__, each.__context__) if inner is not None]
        if isinstance(each, BaseExceptionGroup):
            waiting += each.exceptions
