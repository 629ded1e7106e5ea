"""What the terminal and the browser need alike: a store that is thrown away, a log, no proxies, an end."""

import asyncio
import contextlib
import logging
import os
import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import structlog

from bridge import wiring
from bridge.store.embedded import embedded


async def unless_interrupted(work: "asyncio.Task[int]", stopped: Callable[[], None]) -> int:
    """Ctrl-C and SIGTERM end the work; then the answer is 130, or what `work` made of it."""
    loop, signals = asyncio.get_running_loop(), (signal.SIGINT, signal.SIGTERM)
    for number in signals:
        loop.add_signal_handler(number, work.cancel)
    try:
        return await work
    except asyncio.CancelledError:
        stopped()
        return 130
    finally:
        for number in signals:
            loop.remove_signal_handler(number)


@contextlib.contextmanager
def throwaway() -> Iterator[tuple[str, Path]]:
    """An embedded store and a log, gone with the block. Raises StoreUnavailable."""
    with (
        tempfile.TemporaryDirectory(prefix="bridge-demo-") as name,
        logs(Path(name) / "bridge.log") as log,
        embedded(Path(name) / "store") as url,
    ):
        yield url, log


@contextlib.contextmanager
def logs(path: Path) -> Iterator[Path]:
    """Everything that bridge and its libraries log goes to a file, so that the terminal stays readable."""
    with path.open("a") as file:
        wiring.set_up_logs("info")
        structlog.configure(**{**structlog.get_config(), "logger_factory": structlog.WriteLoggerFactory(file)})
        others = logging.StreamHandler(file)
        logging.getLogger().addHandler(others)
        try:
            yield path
        finally:
            logging.getLogger().removeHandler(others)
            structlog.reset_defaults()


def without_proxies() -> None:
    """A company's proxy would be asked for 127.0.0.1 too; Slack's client does not even heed no_proxy."""
    for name in [each for each in os.environ if each.lower().endswith("_proxy")]:
        del os.environ[name]
    # Else the system's own proxy would be looked up instead.
    os.environ["no_proxy"] = "*"


def has_a_screen() -> bool:
    """Without one, opening a browser would start a text browser in this very terminal."""
    return (
        os.name == "nt" or os.uname().sysname == "Darwin" or bool(os.getenv("DISPLAY") or os.getenv("WAYLAND_DISPLAY"))
    )
