"""`bridge demo --terminal`: the whole product told in a terminal, without any account; nothing of it is kept."""

from pathlib import Path

import typer

from bridge.demo import backstage
from bridge.demo.stage import NotAsPromised, open_stage
from bridge.demo.terminal import lines
from bridge.demo.terminal.story import Story
from bridge.demo.terminal.tally import tally

INTRODUCTION = (
    "bridge carries messages from Slack to a Nexudus discussion board. Here it is at work: the real web process, "
    "worker and store, between a stand-in for Slack and a stand-in for Nexudus. Everything listens on 127.0.0.1 "
    "only, no setting is read, and nothing is kept. Slack waits three seconds for each answer. Where bridge would "
    "wait for minutes before it tries again, it waits for a second here."
)


async def main() -> None:
    """Tells the story. Exits 1 when bridge did not do what it promises, 130 on Ctrl-C."""
    backstage.without_network_settings()
    raise typer.Exit(await backstage.unless_interrupted(_tell()))


async def _tell() -> int:
    with backstage.throwaway() as (url, log):
        try:
            return await _act(url)
        except NotAsPromised as broken:
            typer.echo(f"\nNot as promised: {broken}\n\nThe end of bridge's log:\n{_end_of(log)}", err=True)
    return 1


async def _act(redis_url: str) -> int:
    lines.lines("bridge demo", "=" * lines.WIDTH)
    lines.paragraph(INTRODUCTION)
    async with open_stage(redis_url) as stage:
        story = Story(stage)
        await story.tell()
        counted = tally(stage, story.asked)
    lines.lines("", "", "=" * lines.WIDTH)
    if counted.refused:
        lines.lines(f"Not posted, and its author was told so and why: {counted.refused}")
    if counted.untold:
        lines.lines(f"On the board, but its author was not told: {counted.untold}")
    lines.lines(str(counted))
    return 0 if counted.as_promised else 1


def _end_of(log: Path) -> str:
    return "\n".join(log.read_text().splitlines()[-20:])
