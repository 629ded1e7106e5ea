"""Everything that strangers do to an open port, from one address and all at once, while people go on using it."""

import asyncio
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import typer

from tests.processes.test_processes import Town, open_town
from tests.support.space import ANA, BEN

MOST = 2.0  # seconds for a signed command


async def abused(town: Town, seconds: float, hands: int) -> Sequence[float]:
    """How long each signed command took meanwhile: help, a form and a post in turn; -1 for one that failed."""
    port = str(town.port)
    abuser = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.support.abuse", port, str(seconds), str(hands), env=town.env
    )
    took = list[float]()
    try:
        while abuser.returncode is None:
            for user, text in ((ANA, "help"), (BEN, "A form"), (ANA, f"post Through {len(took)} | all of it")):
                began = time.monotonic()
                answer = await town.sender.command(user, text)
                took.append(time.monotonic() - began if answer.status == 200 else -1)
            await asyncio.sleep(0.05)
    finally:
        if abuser.returncode is None:
            abuser.kill()
        await abuser.wait()
    return took


def resident(pid: int) -> float:
    """MB. https://man7.org/linux/man-pages/man5/proc_pid_status.5.html"""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


async def run() -> None:
    with tempfile.TemporaryDirectory() as name:
        async with open_town(Path(name)) as town:
            process = await town.start("run")
            await town.listening()
            calm = await abused(town, 5, 0)
            before = resident(process.pid)
            for hands in (1, 5, 20):
                took = await abused(town, 30, hands)
                more, log = resident(process.pid) - before, (Path(name) / "run.log").stat().st_size
                typer.echo(
                    f"{hands:3} hands of each kind: {len(took)} commands, the slowest {max(took):.2f} s, half within "
                    f"{sorted(took)[len(took) // 2]:.2f} s (left alone {sorted(calm)[len(calm) // 2]:.2f}); "
                    f"{more:.0f} MB more at most, log {log} bytes"
                )
                assert min(took) >= 0, "a command failed"
                assert max(took) <= MOST
                assert more < 160
            assert (Path(name) / "run.log").stat().st_size < 1_000_000
