"""What an address among the settings has to be: of the web, or of a Redis. Each raises ValueError, never with a piece
of the address in it.
"""

import re
from urllib.parse import SplitResult, urlsplit

from redis.asyncio import Redis
from redis.exceptions import RedisError

LOOPBACK = ("127.0.0.1", "::1", "localhost")

_ENCODE = "in its password / must be written as %2F, # as %23, @ as %40, ? as %3F and [ as %5B"


def web(value: str) -> str:
    """https, or plain http on this computer; without a login, which others would read where the address is shown."""
    parts = split(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or re.search(r"\s", value):
        raise ValueError("must be a web address such as https://example.com")
    without_login(parts)
    if parts.scheme == "http" and parts.hostname not in LOOPBACK:
        raise ValueError("must begin with https:// (plain http is for this machine only)")
    return value


def without_login(parts: SplitResult) -> None:
    """Refuses what others would read with the address."""
    if "@" in parts.netloc:
        raise ValueError("must hold no user name and no password")


def has_path(url: str) -> bool:
    """Whether anything but a slash follows the host."""
    parts = split(url)
    return bool(parts.path.strip("/") or parts.query or parts.fragment)


def redis(value: str) -> str:
    """As redis-py takes it (https://redis.readthedocs.io/en/stable/connections.html), read in one way only."""
    parts = split(value)
    if parts.scheme not in ("redis", "rediss", "unix"):
        raise ValueError("must begin with redis://, rediss:// or unix://")
    if _is_cut_short(parts):
        raise ValueError(f"cannot be read; {_ENCODE}")
    try:
        # An option that redis-py does not know shows only when it makes a connection; this one is never opened.
        Redis.from_url(value).connection_pool.make_connection()  # type: ignore[no-untyped-call] # redis-py leaves it so
    except (TypeError, ValueError, AttributeError, RedisError):
        if "ssl_" in parts.query:
            raise ValueError(
                "cannot be read; instead of ssl_… options set REDIS_CERTIFICATE=none, or a CA file"
            ) from None
        raise ValueError("cannot be read; something after the ? or the last / is not an option of Redis") from None
    return value


def _is_cut_short(parts: SplitResult) -> bool:
    """By a character of the password, whose beginning would be read as a host, and its end as a path or not at all."""
    login, at, _ = parts.netloc.rpartition("@")
    if parts.scheme == "unix":  # a file may have an @ in its name, and has no host
        return bool(parts.fragment) or "@" in login + parts.query or (bool(parts.netloc) and not at)
    return bool(parts.fragment) or "@" in login + parts.path + parts.query


def split(value: str) -> SplitResult:
    """Its parts, with a port that is a number."""
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError:
        raise ValueError(f"cannot be read; {_ENCODE}") from None
    return parts
