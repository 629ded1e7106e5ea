"""A connection to the store that hears what it is told: what went wrong is named, and who is to know is told.

redis-py's three kinds of connections are taken as they are, with this before them.
"""

import contextlib
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, TypeVar

from redis.asyncio.connection import AbstractConnection, SSLConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeout

from bridge.store import plain_or_tls, trouble
from bridge.store.trouble import BrokenOff, Late, OtherEncryption, Unanswered

T = TypeVar("T")


class Hearing(AbstractConnection):
    """`hear` is told of every trouble. `ready`: it is past its login. `patient`: it is lent to a read that waits.

    `astray`: one that was opened with it led to a server that is no primary.
    """

    hear: Callable[[RedisError], None]
    patient = ready = astray = False

    async def connect_check_health(self, check_health: bool = True, retry_socket_connect: bool = True) -> None:
        """Raises what the store said, OtherEncryption, or redis-py's errors: nothing was asked yet."""
        if self.is_connected:
            return
        self.ready = self.astray = False
        try:
            await super().connect_check_health(check_health=check_health, retry_socket_connect=retry_socket_connect)
        except RedisError as error:
            named = await self._misunderstood(error) or error
            self.hear(named)
            if named is error:
                raise
            raise named from error
        self.ready = True

    async def _misunderstood(self, error: RedisError) -> RedisError | None:
        host, port = getattr(self, "host", None), getattr(self, "port", 0)
        if host is None or trouble.of(error).kind not in ("broke off", "timed out", "encryption", "unreadable"):
            return None
        encrypted = isinstance(self, SSLConnection)
        other = plain_or_tls.speaks_plain if encrypted else plain_or_tls.speaks_tls
        return OtherEncryption(tls=not encrypted) if await other(host, port) else None

    async def send_packed_command(self, command: Any, check_health: bool = True) -> None:
        if not self.is_connected:
            await self.connect_check_health(check_health=False)
        with self._heard():
            await super().send_packed_command(command, check_health=check_health)

    async def read_response(self, *args: Any, **kwargs: Any) -> Any:
        """Raises what the store said, or Unanswered once it was asked more than who it is."""
        with self._heard():
            return await super().read_response(*args, **kwargs)

    @contextlib.contextmanager
    def _heard(self) -> Iterator[None]:
        try:
            yield
        except RedisError as error:
            if not self.ready:
                raise
            if trouble.is_answer(error):
                self.hear(error)
                raise
            unanswered = Late(str(error)) if isinstance(error, RedisTimeout) else BrokenOff(str(error))
            self.hear(unanswered)
            raise unanswered from error


class Once(Retry):
    """One more try where the connection broke off, or led to a server that is no primary.

    That is for the connection that a restart of the server left dead, or a failover left at the old primary; every
    script of ours may run twice. What timed out is not tried again: there would be no time left.
    """

    def __init__(self) -> None:
        super().__init__(NoBackoff(), 1)

    async def call_with_retry(
        self,
        do: Callable[[], Awaitable[T]],
        fail: Callable[..., Any],
        is_retryable: Callable[[Exception], bool] | None = None,
        with_failure_count: bool = False,
    ) -> T:
        """Raises Unanswered also when only the first try went unanswered: it may have been done."""
        try:
            return await do()
        except RedisError as error:
            if not (isinstance(error, RedisConnectionError) or trouble.leads_elsewhere(error)):
                raise
            first = error
            await fail(error, *([1] if with_failure_count else []))
        try:
            return await do()
        except RedisError as error:
            if isinstance(error, RedisConnectionError):
                await fail(error, *([2] if with_failure_count else []))
            if isinstance(first, Unanswered) and not isinstance(error, Unanswered):
                raise BrokenOff(str(first)) from error
            raise
