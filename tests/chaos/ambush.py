"""Striking a process at a boundary between two of its steps, seen from outside: on the wire."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Side = Literal["before", "after"]
Role = Literal["web", "worker"]


@dataclass(frozen=True)
class Boundary:
    """Before a step takes effect, or after it did and before the process learns of it; at its `nth` pass."""

    role: Role
    side: Side
    step: str
    nth: int = 1

    def __str__(self) -> str:
        again = " again" if self.nth > 1 else ""
        return f"{self.role}: {self.side} {self.step}{again}"


class Ambush:
    """One strike at a time, at the next process of the right role that passes the boundary."""

    def __init__(self, role_of: Callable[[int], tuple[Role, int] | None]) -> None:
        self._role_of = role_of
        self._boundary: Boundary | None = None
        self._passed = 0
        self._strike: Callable[[int, Side], Awaitable[None]] | None = None

    def set(self, boundary: Boundary, strike: Callable[[int, Side], Awaitable[None]]) -> None:
        """`strike` gets the process's id and may hold up the message for as long as it takes."""
        self._boundary, self._strike, self._passed = boundary, strike, 0

    def lift(self) -> bool:
        """Whether it still lay in wait."""
        waiting, self._boundary = self._boundary is not None, None
        return waiting

    async def passing(self, step: str, side: Side, port: int) -> None:
        """Somebody at this local port passes a boundary."""
        boundary = self._boundary
        if boundary is None or (boundary.step, boundary.side) != (step, side):
            return
        owner = self._role_of(port)
        if owner is None or owner[0] != boundary.role or self._strike is None:
            return
        self._passed += 1
        if self._passed < boundary.nth:
            return
        self._boundary = None
        await self._strike(owner[1], side)


def holds_port(pid: int, port: int) -> bool:
    """Whether this process has a TCP connection from that local port. Linux only."""
    try:
        held = {str(each.readlink()) for each in Path(f"/proc/{pid}/fd").iterdir()}
        table = Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]
    except OSError:
        return False
    inodes = {f"socket:[{row.split()[9]}]" for row in table if int(row.split()[1].split(":")[1], 16) == port}
    return bool(inodes & held)
