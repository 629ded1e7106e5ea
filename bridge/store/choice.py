"""Which Redis: that of REDIS_URL, or the embedded one where a single process owns a lasting disk."""

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

from bridge.store.embedded import (
    FREED,
    REDIS_EXAMPLE,
    StoreInUse,
    StoreUnavailable,
    embedded,
    is_locked,
    of_running,
    refuse_links,
    was_kept,
)


@contextlib.contextmanager
def for_serving(url: str | None, folder: Path, *, lasting: bool, alone: bool) -> Iterator[str]:
    """The Redis at `url`, or else the embedded server of the one process that owns a lasting disk.

    Raises StoreUnavailable, as `embedded` does.
    """
    if not url and not alone:
        raise StoreUnavailable("REDIS_URL", "is missing; web and worker meet in one Redis", REDIS_EXAMPLE)
    with contextlib.ExitStack() as opened:
        yield url or opened.enter_context(embedded(on_disk(folder, lasting=lasting)))


@contextlib.contextmanager
def at_hand(url: str | None, folder: Path, *, lasting: bool) -> Iterator[str]:
    """The Redis at `url`, that of the `bridge run` beside us, or the embedded one that it left behind.

    Raises StoreInUse when the store of the bridge beside us does not answer, StoreUnavailable when there is none.
    """
    with contextlib.ExitStack() as opened:
        yield url or _embedded(on_disk(folder, lasting=lasting), opened)


def on_disk(folder: Path, *, lasting: bool) -> Path:
    """The folder of an embedded server. Raises StoreUnavailable where the host's disk is not `lasting`."""
    if not lasting:
        raise StoreUnavailable(
            "REDIS_URL", "is missing; this host's disk is thrown away at every restart", REDIS_EXAMPLE
        )
    return folder


def _embedded(folder: Path, opened: contextlib.ExitStack) -> str:
    refuse_links(folder)
    deadline = time.monotonic() + FREED
    while is_locked(folder):
        if url := of_running(folder):
            return url
        if time.monotonic() > deadline:
            raise StoreInUse(folder)
        time.sleep(0.1)  # it may just be started again
    return opened.enter_context(_left_behind(folder))


def _left_behind(folder: Path) -> contextlib.AbstractContextManager[str]:
    if not was_kept(folder):
        said = (
            f"nothing was ever kept in {folder.resolve()}; run this where `bridge run` runs, or set REDIS_URL to the "
            "Redis that the processes share"
        )
        raise StoreUnavailable("BRIDGE_DATA", said, REDIS_EXAMPLE)
    return embedded(folder)
