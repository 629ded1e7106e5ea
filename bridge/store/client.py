"""Clients of the Redis at a URL: for short calls, and for the reads that wait, on the same few connections."""

import time
from collections.abc import Callable
from typing import Any, cast

import structlog
from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.connection import parse_url
from redis.exceptions import RedisError

from bridge.moments import STORE
from bridge.store import trouble
from bridge.store.connection import Once
from bridge.store.pool import Connections, Patient

log = structlog.get_logger()

# REDIS_CONNECTIONS's default.
CONNECTIONS = 6
# Seconds without a trouble until the next of its kind is another one.
_OVER = 60.0


def connect(
    url: str,
    *,
    timeout: float = STORE,
    connections: int = CONNECTIONS,
    certificate: str | None = None,
    tell: Callable[[RedisError], None] | None = None,
) -> Redis:
    """A client whose calls end soon enough for Slack to be answered in time.

    An answer is waited for `timeout` seconds; before that, when all `connections` are taken, one of them for 1.5 times
    as long. `certificate` is as REDIS_CERTIFICATE. `tell` hears of every trouble.

    redis-py's own defaults retry ten times, which outlasts Slack's three seconds; `Once` says when we do.

    A byte that is no UTF-8 is read as U+FFFD: damage to one record must not keep a script's whole answer from us.
    """
    options: dict[str, Any] = dict(parse_url(url))
    if url.startswith("rediss:"):
        options |= _checked_by(certificate)
    # In a burst a queue for few connections serves the first at once; a connection for everybody makes all late. Who
    # waits in it has asked nothing yet, so that may take longer than an answer.
    own = {
        "max_connections": connections,
        "decode_responses": True,
        "encoding_errors": "replace",
        "socket_timeout": timeout,
        "socket_connect_timeout": timeout,
        "retry": Once(),
        "health_check_interval": 0,
    }
    return Redis.from_pool(Connections(wait=1.5 * timeout, tell=tell or _nobody, **options | own))


def waiting(client: Redis, *, block: float) -> Redis:
    """On the same connections, for reads that wait up to `block` seconds: they would outlast the other's timeout."""
    shared = cast(Connections, client.connection_pool)
    return Redis(connection_pool=cast(ConnectionPool, Patient(shared, block)))


def to_the_log() -> Callable[[RedisError], None]:
    """Says what is the matter, once for each kind until it has been over for a minute."""
    seen: dict[str, float] = {}

    def tell(error: RedisError) -> None:
        if not trouble.is_known(error):
            return
        found, now = trouble.of(error), time.monotonic()
        if now - seen.get(found.kind, -_OVER) >= _OVER:
            log.error("redis_trouble", kind=found.kind, said=found.sentence(), remedy=found.remedy)
        seen[found.kind] = now

    return tell


def _checked_by(certificate: str | None) -> dict[str, Any]:
    if certificate is None:
        return {}
    if certificate == "none":
        return {"ssl_cert_reqs": "none", "ssl_check_hostname": False}
    return {"ssl_cert_reqs": "required", "ssl_ca_certs": certificate}


def _nobody(_: RedisError) -> None:
    pass
