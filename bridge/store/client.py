"""Clients of the Redis at a URL: for short calls, and for the reads that wait."""

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError

from bridge.moments import STORE

_CONNECTIONS = 32


def connect(url: str, *, timeout: float = STORE) -> Redis:
    """A client whose calls end soon enough for Slack to be answered in time.

    An answer is waited for `timeout` seconds; before that, when all connections are taken, one of them for 1.5 times
    as long.

    redis-py's own defaults retry ten times, which outlasts Slack's three seconds. One retry
    is for the pooled connection that a restart of the server left dead; every script of
    ours may run twice. What timed out is not tried again: there would be no time left.

    A byte that is no UTF-8 is read as U+FFFD: damage to one record must not keep a script's whole answer from us.
    """
    # In a burst a queue for few connections serves the first at once; a connection for everybody makes all late. Who
    # waits in it has asked nothing yet, so that may take longer than an answer.
    pool = BlockingConnectionPool.from_url(
        url,
        max_connections=_CONNECTIONS,
        timeout=1.5 * timeout,
        decode_responses=True,
        encoding_errors="replace",
        socket_timeout=timeout,
        socket_connect_timeout=timeout,
        retry=Retry(NoBackoff(), 1, supported_errors=(RedisConnectionError,)),
        health_check_interval=0,
    )
    return Redis.from_pool(pool)


def connect_blocking(url: str, *, block: float) -> Redis:
    """A client of its own for reads that wait `block` seconds: they would outlast the other's timeout."""
    return Redis.from_url(
        url, decode_responses=True, socket_timeout=block + 2, socket_connect_timeout=1, retry=Retry(NoBackoff(), 0)
    )
