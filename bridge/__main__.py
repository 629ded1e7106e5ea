"""The commands. Each reads the settings once, builds everything once, and hands it in."""

import asyncio
import errno
import io
import socket
import sys
from pathlib import Path
from typing import Annotated

try:
    import structlog
    import typer
    import uvloop
except ModuleNotFoundError:  # a Python that bridge was not set up for, as a rule the system's own
    _folder = Path(__file__).parents[1]
    sys.stderr.write(f"Run `make setup` once in {_folder}, then type `.venv/bin/python -m bridge` there.\n")
    sys.exit(2)

from bridge import running, wiring
from bridge.operator import commands
from bridge.operator.commands import read_settings, stop
from bridge.settings import hosts
from bridge.settings.environment import Settings
from bridge.settings.problems import misspelt
from bridge.slack import connections
from bridge.store import choice
from bridge.store.embedded import StoreUnavailable
from bridge.version import version

log = structlog.get_logger()

cli = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
cli.add_typer(commands.cli)


def main() -> None:
    """The console script `bridge`."""
    cli()


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"bridge {version()}")
        raise typer.Exit


@cli.callback(
    epilog="Exit status: 0, it is done or all holds; 1, it could not be done, or something does not hold; 2, a setting "
    "or an argument is missing or wrong, and its line on stderr says which.  `demo` ended by Ctrl-C: 130."
)
def bridge(
    _: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Says which version this is.")
    ] = False,
) -> None:
    """Carries messages from Slack to the members' discussion board in Nexudus."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A terminal without UTF-8 shows a question mark instead of a traceback.
        sys.stdout.reconfigure(errors="replace")


@cli.command()
def run() -> None:
    """Web and worker in one process: the default for one machine."""
    _serve(web=True, worker=True)


@cli.command()
def web() -> None:
    """Listens to Slack. Any number of these and of workers share one Redis."""
    _serve(web=True, worker=False)


@cli.command()
def worker() -> None:
    """Carries the kept posts to the board."""
    _serve(web=False, worker=True)


@cli.command()
def demo(
    terminal: Annotated[bool, typer.Option("--terminal", help="Tell a story in the terminal instead.")] = False,
    browser: Annotated[bool, typer.Option(help="Open the browser on the page.")] = True,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Where the page is served; 0: any free one.")] = 0,
    stand_ins: Annotated[
        bool, typer.Option("--stand-ins", help="Only the stand-ins; prints the settings that lead `bridge run` there.")
    ] = False,
) -> None:
    """The whole product without any account: stand-ins for Slack and Nexudus, on this computer only."""
    if terminal:
        import bridge.demo.terminal.command as story

        asyncio.run(story.main())
    else:
        import bridge.demo.page.command as page

        asyncio.run(page.main(port=port, show=browser, stand_ins=stand_ins))


def _serve(*, web: bool, worker: bool) -> None:
    settings = read_settings()
    wiring.set_up_logs(settings.log_level)
    for name, meant in misspelt().items():
        log.warning("setting_ignored", name=name, meant=meant)
    if not settings.redis_url and (host := hosts.forgetful()):
        log.warning("disk_is_thrown_away", host=host, store=str(settings.bridge_data), remedy=hosts.REMEDY)
    alone, lasting = web and worker, not settings.dyno
    try:
        with choice.for_serving(settings.redis_url, settings.bridge_data, lasting=lasting, alone=alone) as url:
            address = _listen("PORT", settings.host, settings.port) if web else None
            port = settings.metrics_port
            measured = _listen("METRICS_PORT", "127.0.0.1", port) if port is not None else None
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(_run(settings, url, address, measured, web=web, worker=worker))
    except StoreUnavailable as error:
        stop(str(error))


def _listen(name: str, host: str, port: int) -> socket.socket:
    try:
        return connections.listen(host, port)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            taken = "is taken by another program on this machine; if that is another bridge, stop it"
            stop(f"{name}: {port} {taken}. Example: {name}=3001")
        if error.errno == errno.EACCES:
            stop(f"{name}: {port} may not be opened by this user. Example: {name}=3000")
        stop(f"HOST: {host} is no address of this machine. Example: HOST=127.0.0.1")


async def _run(
    settings: Settings,
    url: str,
    address: socket.socket | None,
    measured: socket.socket | None,
    *,
    web: bool,
    worker: bool,
) -> None:
    async with wiring.build(settings, url) as bridge:
        await running.run(bridge, web=web, worker=worker, listening=address, measured=measured)


if __name__ == "__main__":
    main()
