"""`bridge demo`: the whole product on one page in the browser, without any account, and nothing of it is kept."""

import asyncio
import contextlib
import webbrowser
from collections.abc import AsyncIterator

import typer

from bridge.demo import backstage
from bridge.demo.loopback import serve
from bridge.demo.page import lent
from bridge.demo.page.scene import settle
from bridge.demo.page.site import Site
from bridge.demo.stage import guarded, open_stage

# Long enough that "slow" is slow and not silent; the waits are seconds instead of minutes.
PACE = {"nexudus_timeout": 3, "nexudus_search_lag": 1, "longest_wait": 2, "still_trying_after": 2, "lease": 10}

NOTICE = "Everything stays on this computer. Ctrl-C ends it, and nothing is kept."


async def main(*, port: int, show: bool, stand_ins: bool = False) -> None:
    """Serves the page until Ctrl-C. Exits 1 when there is no store on this platform or the port is taken.

    `stand_ins`: without a bridge in it; how one is started beside it is printed.
    """
    backstage.without_network_settings()
    serving = _serve(port, show and backstage.has_a_screen(), stand_ins)
    raise typer.Exit(await backstage.unless_interrupted(serving))


async def _serve(port: int, show: bool, stand_ins: bool) -> int:
    try:
        with backstage.throwaway() as (redis_url, _):
            async with open_site(redis_url, port, alone=not stand_ins) as (url, site):
                lines = lent.dotenv(site.stage.bridge.settings)
                typer.echo(
                    lent.NOTICE.format(url=url, lines=lines) if stand_ins else f"bridge demo is at {url}\n{NOTICE}"
                )
                if show:
                    await asyncio.to_thread(webbrowser.open, url)
                await asyncio.Event().wait()
    except OSError as error:
        typer.echo(f"The demo cannot listen on port {port}: {error.strerror}. Try --port 0.", err=True)
    return 1


@contextlib.asynccontextmanager
async def open_site(redis_url: str, port: int = 0, *, alone: bool = True) -> AsyncIterator[tuple[str, Site]]:
    """The page and everything behind it, for as long as the block runs. Raises OSError when the port is taken.

    Not `alone`: for a bridge of one's own, which `lent.dotenv` leads here.
    """
    site = Site()
    given = {} if alone else lent.given()
    async with serve(guarded(site.app), port) as url:
        given |= {"slack_guests": "refuse", "nexudus_thread_url": url + "/#thread-{id}"}
        async with open_stage(redis_url, settle, alone=alone, **PACE, **given) as stage:
            site.open(stage)
            yield url, site
