"""The web process's socket."""

import socket

from bridge import running


def test_small_answers_leave_at_once() -> None:
    """An accepted connection does not hold back the second half of an answer for a delayed ACK (40 ms)."""
    with running.listen("127.0.0.1", 0) as listening, socket.create_connection(listening.getsockname()) as _:
        accepted, _ = listening.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
