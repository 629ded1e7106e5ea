"""What is counted, for Prometheus. Labels are names of ours, never anybody's words or ids."""

import time

from prometheus_client import Counter, Gauge, Histogram

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 3)

ACK = Histogram("bridge_ack_seconds", "From a request's arrival to its acknowledgement", buckets=_SECONDS)
REQUESTS = Counter("bridge_requests_total", "Requests from Slack by answered status", ["status"])
PUT = Counter("bridge_put_total", "What became of keeping a draft", ["disposition"])
ATTEMPTS = Counter("bridge_attempts_total", "Attempts at delivering or telling")
RETRIES = Counter("bridge_retries_total", "Attempts that did not end in a thread, by cause", ["cause"])
ADOPTED = Counter("bridge_adopted_total", "Threads found on the board after doubt")
OUTCOMES = Counter("bridge_outcomes_total", "Endings, with the reason", ["ending", "reason"])
TOLD = Counter("bridge_told_total", "By which way people were told", ["way"])
FILES = Counter("bridge_files_total", "Files that ended, with the reason", ["ending", "reason"])
SUBMIT_TO_BOARD = Histogram(
    "bridge_submit_to_board_seconds",
    "From keeping to the thread",
    buckets=(*_SECONDS, 10, 60, 600, 3600, 86400),
)
STAGE = Histogram(
    "bridge_stage_seconds",
    "How long a post stood in each stage: queued, author (who it is, and may they), board (the call), telling",
    ["stage"],
    buckets=(*_SECONDS, 10, 60, 600, 3600, 86400),
)
DUPLICATES = Counter("bridge_duplicates_total", "Requests that Slack sent again, and that had no second effect", ["of"])
TURNS = Counter("bridge_pace_wait_seconds_total", "How long calls to the board waited for their turn")
PAUSES = Counter("bridge_pauses_total", "How often the board told us to wait")
WAITING = Gauge("bridge_waiting", "Entries in the outbox, those waiting to be told included")
FAILED = Gauge("bridge_failed", "Ended without a thread, or untold")
OVERDUE = Gauge("bridge_overdue_seconds", "How long the most overdue entry has been due")
OLDEST = Gauge("bridge_oldest_seconds", "How long ago the oldest post that has not ended was kept")
ATTACHING = Gauge("bridge_attaching", "Posts whose files are on their way")
DRAFTS = Gauge("bridge_drafts", "Entries in the outbox by state, of the thousand that are due first", ["state"])


def answered(status: int, began: float) -> None:
    """A request, or an envelope of Slack's socket, that arrived when `time.perf_counter` said `began`."""
    REQUESTS.labels(str(status)).inc()
    ACK.observe(time.perf_counter() - began)
