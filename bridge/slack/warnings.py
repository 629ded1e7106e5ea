"""What is worth a line in the log, and not one for each time that somebody causes it."""

import time
from typing import Any

import structlog

log = structlog.get_logger()

_told: dict[str, float] = {}


def at_most_once_a_minute(event: str, **details: Any) -> None:
    """A warning in this process's log; strangers must not fill the disk."""
    if time.monotonic() - _told.get(event, float("-inf")) > 60:
        _told[event] = time.monotonic()
        log.warning(event, **details)
