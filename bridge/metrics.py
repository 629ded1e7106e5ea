"""What is counted, for Prometheus. Labels are names of ours, never anybody's words or ids."""

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
WAITING = Gauge("bridge_waiting", "Entries in the outbox, those waiting to be told included")
FAILED = Gauge("bridge_failed", "Ended without a thread, or untold")
OVERDUE = Gauge("bridge_overdue_seconds", "How long the most overdue entry has been due")
