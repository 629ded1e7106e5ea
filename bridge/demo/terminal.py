"""`bridge demo`: the whole product in a terminal, without any account, and nothing of it is kept."""

import asyncio
import contextlib
import io
import logging
import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import structlog
import typer

from bridge import store, wiring
from bridge.demo import page
from bridge.demo.stage import NotAsPromised, open_stage
from bridge.demo.story import Story
from bridge.demo.tally import tally

INTRODUCTION = (
    "bridge carries messages from Slack to a Nexudus discussion board. Here it is at work: the real web process, "
    "worker and store, between a stand-in for Slack and a stand-in for Nexudus. Everything listens on 127.0.0.1 "
    "only, no setting is read, and nothing is kept. Slack waits three seconds for each answer. Where bridge would "
    "wait for minutes before it tries again, it waits for a second here."
)


async def main() -> None:
    """Tells the story. Exits 1 when bridge did not do what it promises, 130 on Ctrl-C."""
    _without_proxies()
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A terminal without UTF-8 shows a question mark instead of a traceback.
        sys.stdout.reconfigure(errors="replace")
    raise typer.Exit(await _unless_interrupted(asyncio.create_task(_tell())))


async def _unless_interrupted(telling: asyncio.Task[int]) -> int:
    loop, signals = asyncio.get_running_loop(), (signal.SIGINT, signal.SIGTERM)
    for number in signals:
        loop.add_signal_handler(number, telling.cancel)
    try:
        return await telling
    except asyncio.CancelledError:
        page.lines("", "Stopped. Nothing was kept.")
        return 130
    finally:
        for number in signals:
            loop.remove_signal_handler(number)


async def _tell() -> int:
    with tempfile.TemporaryDirectory(prefix="bridge-demo-") as name, _logs(Path(name) / "bridge.log") as log:
        try:
            with store.embedded(Path(name) / "store") as url:
                return await _act(url)
        except store.StoreUnavailable as unavailable:
            typer.echo(f"The demo keeps its posts in an embedded store: {unavailable}", err=True)
        except NotAsPromised as broken:
            typer.echo(f"\nNot as promised: {broken}\n\nThe end of bridge's log:\n{_end_of(log)}", err=True)
    return 1


async def _act(redis_url: str) -> int:
    page.lines("bridge demo", "=" * page.WIDTH)
    page.paragraph(INTRODUCTION)
    async with open_stage(redis_url) as stage:
        story = Story(stage)
        await story.tell()
        counted = tally(stage, story.asked)
    page.lines("", "", "=" * page.WIDTH)
    if counted.refused:
        page.lines(f"Not posted, and its author was told so and why: {counted.refused}")
    if counted.untold:
        page.lines(f"On the board, but its author was not told: {counted.untold}")
    page.lines(str(counted))
    return 0 if counted.as_promised else 1


@contextlib.contextmanager
def _logs(path: Path) -> Iterator[Path]:
    """Everything that bridge and its libraries log goes to a file, so that the story stays readable."""
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


def _end_of(log: Path) -> str:
    return "\n".join(log.read_text().splitlines()[-20:])


def _without_proxies() -> None:
    """A company's proxy would be asked for 127.0.0.1 too; Slack's client does not even heed no_proxy."""
    for name in [each for each in os.environ if each.lower().endswith("_proxy")]:
        del os.environ[name]
    # Else the system's own proxy would be looked up instead.
    os.environ["no_proxy"] = "*"
