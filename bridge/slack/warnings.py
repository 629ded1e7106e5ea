"""What is worth a line in the log, and not one for each time that somebody causes it."""

import time
from typing import Any

import structlog

log = structlog.get_logger()

_told: dict[tuple[str, ...], float] = {}


def at_most_once_a_minute(event: str, *about: str, **details: Any) -> None:
    """A warning in this process's log; strangers must not fill the disk. What it is `about` is counted by itself."""
    if time.monotonic() - _told.get((event, *about), float("-inf")) > 60:
        _told[event, *about] = time.monotonic()
        log.warning(event, **details)
