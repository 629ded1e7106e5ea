"""The few connections that a process may have: who wants one more waits for it, as long as its own time lasts.

A plan of a rented Redis may take twenty connections from everybody together, and a failover leaves those that are open
at the server that was the primary. redis-py's own pool keeps connections that were refused on top of the others, and
gives those out first.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any, cast

from redis.asyncio import ConnectionPool
from redis.asyncio.connection import AbstractConnection, RedisSSLContext, SSLConnection
from redis.exceptions import RedisError
from redis.maint_notifications import MaintNotificationsConfig

from bridge.store import trouble
from bridge.store.connection import Hearing
from bridge.store.trouble import NoneFree

# Seconds until one that was not let in tries again; somebody else's connection may have ended.
_AGAIN = 0.2


class Connections(ConnectionPool):
    """At most `max_connections`; one is waited for `wait` seconds, first come, first served.

    `tell` hears of every trouble, from whichever connection.
    """

    def __init__(self, *, wait: float, tell: Callable[[RedisError], None], **options: Any) -> None:
        # Notices of maintenance are Redis Enterprise's alone, and cost every new connection a round trip.
        super().__init__(maint_notifications_config=MaintNotificationsConfig(enabled=False), **options)
        kind = self.connection_class
        self.connection_class = type(kind.__name__, (Hearing, kind), {})
        self._encryption = _encryption(kind, self.connection_kwargs)
        self._wait, self._tell = wait, tell
        self._queue: deque[asyncio.Future[None]] = deque()
        self._shut_until = 0.0

    def make_connection(self) -> Hearing:
        """One more, which is not open yet."""
        connection = cast(Hearing, self.connection_class(**self.connection_kwargs))
        connection.hear = self._hear
        if self._encryption is not None:
            cast(SSLConnection, connection).ssl_context = self._encryption
        return connection

    async def get_connection(self, command_name: Any = None, *keys: Any, **options: Any) -> Hearing:
        """One that is open. Raises NoneFree, or what kept it from being opened: nothing was asked yet."""
        clock = asyncio.get_running_loop().time
        until, called, failed = clock() + self._wait, False, None
        try:
            while True:
                if called or not self._queue:
                    if (connection := await self._idle()) is not None:
                        return connection
                    if self._has_room():
                        try:
                            return await self._open()
                        except RedisError as error:
                            failed = error
                            if not self._is_worth_waiting(error) or clock() >= until:
                                raise
                called = await self._turn(until if failed is None else min(until, clock() + _AGAIN), first=called)
                if not called and clock() >= until:
                    raise failed or NoneFree("none was free in time")
                called = called or failed is not None
        finally:
            self._pass_on()

    async def release(self, connection: AbstractConnection) -> None:
        """Give one back; what is dead, or went astray, is given up."""
        assert isinstance(connection, Hearing)
        self._in_use_connections.discard(connection)
        if connection.is_connected and not connection.astray:
            self._available_connections.append(connection)
        else:
            await connection.disconnect(nowait=True)
        self._pass_on()

    async def _idle(self) -> Hearing | None:
        while self._available_connections:
            connection = cast(Hearing, self._available_connections.pop())
            self._in_use_connections.add(connection)
            if connection.astray or await _is_spoilt(connection):
                self._in_use_connections.discard(connection)
                await connection.disconnect(nowait=True)
                continue
            return connection
        return None

    def _ours(self) -> list[Hearing]:
        return cast("list[Hearing]", [*self._available_connections, *self._in_use_connections])

    def _has_room(self) -> bool:
        if asyncio.get_running_loop().time() < self._shut_until:
            return False
        return len(self._in_use_connections) + len(self._available_connections) < self.max_connections

    async def _open(self) -> Hearing:
        connection = self.make_connection()
        self._in_use_connections.add(connection)
        try:
            await connection.connect_check_health(check_health=False, retry_socket_connect=False)
        except BaseException:
            self._in_use_connections.discard(connection)
            await connection.disconnect(nowait=True)
            raise
        return connection

    def _is_worth_waiting(self, error: RedisError) -> bool:
        """Where others of ours are connected, one of those will do; and who is full may have room soon."""
        others = any(each.ready and not each.patient for each in self._ours())
        if others or trouble.of(error).kind == "clients":
            self._shut_until = asyncio.get_running_loop().time() + _AGAIN / 2
            return True
        return False

    async def _turn(self, until: float, *, first: bool) -> bool:
        """Whether it is our turn before `until`; who has had it once stays `first` in the queue."""
        turn = asyncio.get_running_loop().create_future()
        (self._queue.appendleft if first else self._queue.append)(turn)
        try:
            async with asyncio.timeout_at(until):
                await turn
        except TimeoutError:
            pass
        finally:
            if turn in self._queue:
                self._queue.remove(turn)
        return turn.done() and not turn.cancelled()

    def _pass_on(self) -> None:
        """Whoever waits longest has a look."""
        while self._queue and (self._available_connections or self._has_room()):
            turn = self._queue.popleft()
            if not turn.done():
                turn.set_result(None)
                break

    def _hear(self, error: RedisError) -> None:
        """One that led to the wrong server says the same of those that were opened with it."""
        if trouble.leads_elsewhere(error):
            for each in self._ours():
                each.astray = True
        self._tell(error)


class Patient:
    """The same connections for reads that wait, up to `block` seconds; they leave at least one to the others."""

    def __init__(self, shared: Connections, block: float) -> None:
        self._shared, self._patience = shared, block + 2
        self._room = asyncio.Semaphore(max(1, shared.max_connections - 1))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._shared, name)

    async def get_connection(self, *args: Any, **options: Any) -> Hearing:
        """Raises as Connections does."""
        await self._room.acquire()
        try:
            connection = await self._shared.get_connection()
        except BaseException:
            self._room.release()
            raise
        connection.patient, connection.socket_timeout = True, self._patience
        return connection

    async def release(self, connection: Hearing) -> None:
        connection.patient, connection.socket_timeout = False, self._shared.connection_kwargs["socket_timeout"]
        self._room.release()
        await self._shared.release(connection)


def _encryption(kind: type[AbstractConnection], options: dict[str, Any]) -> RedisSSLContext | None:
    """For all connections: to read the machine's CAs for each costs more than its handshake, and everybody waits."""
    if not issubclass(kind, SSLConnection):
        return None
    found: RedisSSLContext = kind(**options).ssl_context
    found.get()
    return found


async def _is_spoilt(connection: AbstractConnection) -> bool:
    """Whether it has ended, or says what nobody asked."""
    try:
        return await connection.can_read()
    except (RedisError, OSError):
        return True
