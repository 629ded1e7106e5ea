"""What the store said, or why it said nothing: a kind, a sentence for the operator, and what to do about it.

The first word of an answer says which it is; Redis 6.2 wraps what failed inside a script, so that the word stands in
the middle. https://redis.io/docs/latest/develop/reference/protocol-spec/#simple-errors
"""

import re
import socket
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import InvalidResponse, RedisError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeout


class Unanswered(RedisError):
    """It was asked, and no answer came: what was asked may have been done."""


class BrokenOff(Unanswered, RedisConnectionError):
    """The connection ended while the answer was awaited."""


class Late(Unanswered, RedisTimeout):
    """No answer in time."""


class NoneFree(RedisConnectionError):
    """All our connections were taken for as long as this one could wait; nothing was asked."""


class OtherEncryption(RedisConnectionError):
    """The port speaks TLS and was asked without (`tls`), or the other way round."""

    def __init__(self, *, tls: bool) -> None:
        super().__init__("TLS port" if tls else "plain port")
        self.tls = tls


@dataclass(frozen=True)
class Trouble:
    """`said` follows the name of the place where the store `answered`, else "cannot be reached: "."""

    kind: str
    said: str
    remedy: str
    answered: bool = True

    def sentence(self, place: str = "Redis") -> str:
        """Without a full stop, and without the remedy."""
        if self.answered:
            return f"{place} {self.said}"
        where = "Redis cannot be reached" if place == "Redis" else f"cannot be reached at {place}"
        return f"{where}: {self.said}"


_PRIMARY = "set REDIS_URL to the primary; after a failover it ends by itself"
_UNCLUSTERED = "set REDIS_URL to a Redis without cluster mode; bridge keeps all of an account in one slot"
_PLACE = "start Redis there, or correct REDIS_URL; on a rented one look at the address in its host's dashboard"
_LOGIN = "correct user and password in REDIS_URL"
_ALLOWED = "allow this user what bridge needs: ACL SETUSER … ~bridge:* +@all -@dangerous +info"

_ANSWERS: Mapping[str, tuple[str, str]] = {
    "NOAUTH": ("wants a password, and REDIS_URL has none", _LOGIN),
    "WRONGPASS": ("refuses the login", _LOGIN),
    "NOPERM": ("forbids this user a command or a key of bridge's", _ALLOWED),
    "READONLY": ("is a replica, which takes no writes", _PRIMARY),
    "MASTERDOWN": ("is a replica that has lost its primary", _PRIMARY),
    "UNBLOCKED": ("has become a replica, which takes no writes", _PRIMARY),
    "NOREPLICAS": (
        "refuses to write: too few replicas are connected",
        "start its replicas, or lower min-replicas-to-write",
    ),
    "LOADING": ("is still reading its data from the disk", "wait; it answers by itself when that is done"),
    "MISCONF": ("refuses to write: it cannot save to its own disk", "make room on its disk; its log says more"),
    "OOM": ("answers and refuses to write: its memory is full", "give it more memory"),
    "BUSY": ("is busy with a script of somebody else's", "wait, or end it there with SCRIPT KILL"),
    "MOVED": ("is one node of a cluster, and bridge's keys belong to another", _UNCLUSTERED),
    "ASK": ("is one node of a cluster, and bridge's keys are moving to another", _UNCLUSTERED),
    "CROSSSLOT": ("is a cluster in which bridge's keys do not stand together", _UNCLUSTERED),
    "CLUSTERDOWN": ("belongs to a cluster that is down, or serves no part of it", _UNCLUSTERED),
    "unknown command": (
        "does not know a command that bridge needs; a Sentinel answers so, and a Redis without scripts",
        "set REDIS_URL to the Redis itself, 6.2 or newer, with EVALSHA allowed",
    ),
    "database": (
        "has no database of that number",
        "correct the number behind the last / of REDIS_URL; 0 is always there",
    ),
    "clients": (
        "takes no more connections: its maxclients are reached",
        "end other programs' connections, choose a plan with more of them, or set REDIS_CONNECTIONS lower",
    ),
}
# What begins with ERR is told apart by its text, in the words of 6.2, 7 and Valkey.
_TEXTS = (
    ("max number of clients", "clients"),
    ("unknown command", "unknown command"),
    ("unknown redis command", "unknown command"),
    ("the user executing the script can't", "NOPERM"),
    ("acl failure in script", "NOPERM"),
    ("non local key in a cluster", "MOVED"),
    ("db index is out of range", "database"),
    ("invalid db index", "database"),
    ("select is not allowed in cluster mode", "database"),
    ("invalid password", "WRONGPASS"),
    ("without any password configured", "WRONGPASS"),
    ("but no password is set", "WRONGPASS"),
)
_IN_A_SCRIPT = re.compile(r"@user_script: ?\d+: -?([A-Z]{3,}) ")
# Whoever answers so is no primary (any more); another connection may lead to one that is.
_ELSEWHERE = frozenset({"READONLY", "UNBLOCKED", "MASTERDOWN", "CLUSTERDOWN", "LOADING"})

# Why there was no answer; the first that is found inside says most.
_SILENCES: tuple[tuple[type[BaseException], str, str, str], ...] = (
    (
        ssl.SSLCertVerificationError,
        "certificate",
        "its certificate cannot be verified",
        "set REDIS_CERTIFICATE to the CA file that it was signed with, or to none: encrypted, and not verified",
    ),
    (
        ssl.SSLError,
        "encryption",
        "no encrypted connection can be made",
        "see whether rediss:// and the port are right, and REDIS_CERTIFICATE",
    ),
    (socket.gaierror, "name", "no computer of that name is known", _PLACE),
    (ConnectionRefusedError, "refused", "nothing listens there", _PLACE),
    (FileNotFoundError, "socket", "there is no such socket", _PLACE),
    (PermissionError, "socket", "this user may not open it", _PLACE),
    (
        NoneFree,
        "none free",
        "none of our connections was free in time",
        "see whether Redis is slow; else set REDIS_CONNECTIONS higher, as far as its plan allows",
    ),
    (InvalidResponse, "unreadable", "its answer cannot be read; that is no Redis", _PLACE),
    (TimeoutError, "timed out", "no answer in time", _PLACE),
    (RedisTimeout, "timed out", "no answer in time", _PLACE),
)
_ENCRYPTION = {
    True: ("TLS port", "redis:// leads to a port with TLS", "write rediss:// in REDIS_URL"),
    False: ("plain port", "rediss:// leads to a port without TLS", "write redis:// in REDIS_URL, or its port for TLS"),
}


def of(error: BaseException) -> Trouble:
    """What to say of it. Never the error's own text, which may hold a secret."""
    within = list(_within(error))
    for each in within:
        if isinstance(each, OtherEncryption):
            return Trouble(*_ENCRYPTION[each.tls], answered=False)
        if (kind := _kind(each)) in _ANSWERS:
            return Trouble(kind, *_ANSWERS[kind])
    if kind := _kind(error):
        return Trouble(kind, f"refuses what bridge asks ({kind})", "see the log of that Redis")
    for kind_of, kind, said, remedy in _SILENCES:
        if any(isinstance(each, kind_of) for each in within):
            return Trouble(kind, said, remedy, answered=False)
    return Trouble("broke off", "the connection broke off", _PLACE, answered=False)


def is_answer(error: BaseException) -> bool:
    """Whether the server itself said this."""
    return isinstance(error, ResponseError) or getattr(error, "status_code", None) is not None


def is_known(error: BaseException) -> bool:
    """Whether it is a trouble for the operator, and none of the answers that a program reckons with."""
    return not is_answer(error) or _kind(error) in _ANSWERS


def leads_elsewhere(error: BaseException) -> bool:
    """Whether the next try had better take another connection."""
    return _kind(error) in _ELSEWHERE


def may_have_run(error: BaseException) -> bool:
    """Whether what was asked may have been done all the same; a TimeoutError of our own may have struck at any time."""
    return any(isinstance(each, Unanswered | TimeoutError) for each in _within(error, contexts=False))


def _kind(error: BaseException) -> str:
    """The first word of an answer, or our own for those of ERR; "" for what is no answer."""
    if not is_answer(error):
        return ""
    text = str(error)
    if inside := _IN_A_SCRIPT.search(text):
        return inside[1]
    if found := next((kind for words, kind in _TEXTS if words in text.lower()), ""):
        return found
    word = getattr(error, "status_code", None) or text.partition(" ")[0]
    return word if re.fullmatch(r"[A-Z]{2,20}", word) else "ERR"


def _within(error: BaseException, *, contexts: bool = True) -> Iterator[BaseException]:
    """The error, and what it was made of."""
    waiting, seen = [error], set[int]()
    while waiting:
        each = waiting.pop(0)
        if id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        inner = [each.__cause__, each.__context__ if contexts else None]
        waiting += [cause for cause in inner if cause is not None]
