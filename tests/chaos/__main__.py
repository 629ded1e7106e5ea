"""`python -m tests.chaos storm|matrix`: exit 0 only when every promise held."""

import asyncio
import time

import typer

from tests.chaos import failover, matrix, storm

cli = typer.Typer(no_args_is_help=True, add_completion=False)


@cli.command("storm")
def storm_command(
    posts: int = 10_000, seed: int = 1, faults: float = 0.2, every: int = 150, people: int = 100, clocks: bool = False
) -> None:
    """POSTS posts while FAULTS of the board's calls are disturbed, and every EVERY posts something dies or freezes."""
    typer.echo(f"{posts} posts, {faults:.0%} of the board's calls disturbed, seed {seed}")
    size = storm.Size(posts, faults, people=people, every=every, clocks=clocks)
    began = time.monotonic()

    def say(text: str) -> None:
        typer.echo(f"[{time.monotonic() - began:4.0f} s] {text}")

    found = asyncio.run(storm.run(seed, size, say))
    typer.echo(str(found))
    raise typer.Exit(0 if found.holds else 1)


@cli.command("matrix")
def matrix_command(acts: str = ",".join(matrix.ACTS), only: str = "") -> None:
    """Each boundary between two steps in turn, with each of ACTS done there; ONLY those whose name holds this."""

    async def run() -> bool:
        cells, holds = [each for each in matrix.CELLS if only in str(each.boundary)], True
        async for row in matrix.rows(acts.split(","), cells):
            typer.echo(str(row) if row.holds else f"{row}\n{row.found}")
            holds = holds and row.holds
        return holds

    raise typer.Exit(0 if asyncio.run(run()) else 1)


@cli.command("failover")
def failover_command(posts: int = 300) -> None:
    """What a failover by Sentinel loses to asynchronous replication: a figure, not a promise."""
    typer.echo(str(asyncio.run(failover.run(posts, typer.echo))))


cli()
