"""What the terminal and the browser need alike: a store that is thrown away, a log, no way out, an end."""

import asyncio
import contextlib
import logging
import os
import signal
import tempfile
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any

import structlog
import typer

from bridge import wiring
from bridge.settings import network
from bridge.store.embedded import NotInstalled, StoreUnavailable, embedded


async def unless_interrupted(show: Coroutine[Any, Any, int]) -> int:
    """The exit status that the show ends with: 130 after Ctrl-C or SIGTERM, 1 without a store on this platform."""
    work, loop, signals = asyncio.create_task(show), asyncio.get_running_loop(), (signal.SIGINT, signal.SIGTERM)
    for number in signals:
        loop.add_signal_handler(number, work.cancel)
    try:
        return await work
    except asyncio.CancelledError:
        typer.echo("\nStopped. Nothing was kept.")
        return 130
    except NotInstalled as missing:
        typer.echo(f"The demo keeps its posts in the embedded store, which is not installed; {missing.how}.", err=True)
        return 1
    except StoreUnavailable as unavailable:
        typer.echo(f"The demo keeps its posts in an embedded store: {unavailable}", err=True)
        return 1
    finally:
        for number in signals:
            loop.remove_signal_handler(number)


@contextlib.contextmanager
def throwaway() -> Iterator[tuple[str, Path]]:
    """An embedded store and a log, gone with the block. Raises StoreUnavailable."""
    try:
        tempfile.gettempdir()
    except OSError:
        raise StoreUnavailable("TMPDIR", "is a folder that cannot be written to", "TMPDIR=/var/tmp") from None
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


def without_network_settings() -> None:
    """Nothing leads out of this computer: no proxy, and no certificates of the operator's, which may be gone."""
    for name in [each for each in os.environ if each.lower().endswith("_proxy") or each in network.CERTIFICATES]:
        del os.environ[name]


def has_a_screen() -> bool:
    """Without one, opening a browser would start a text browser in this very terminal."""
    return (
        os.name == "nt" or os.uname().sysname == "Darwin" or bool(os.getenv("DISPLAY") or os.getenv("WAYLAND_DISPLAY"))
    )
