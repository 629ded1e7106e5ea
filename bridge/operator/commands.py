"""The operator's commands: the app in Slack, what does not hold, what waits, and forgetting somebody."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, NoReturn, TypeVar

import typer
from pydantic import ValidationError
from pydantic_settings import DotEnvSettingsSource, EnvSettingsSource
from redis.exceptions import RedisError

from bridge import wiring
from bridge.operator import erasure, listing
from bridge.operator import manifest as app_manifest
from bridge.settings import problems
from bridge.settings.environment import PUBLIC_RULE, Settings, has_path
from bridge.store import choice, other_accounts, rewriting
from bridge.store.embedded import StoreInUse, StoreUnavailable

T = TypeVar("T")
AsJson = Annotated[bool, typer.Option("--json", help="For machines.")]
Reference = Annotated[str, typer.Argument(help="As `bridge outbox list` and the reports in Slack show it.")]

# An operator whose bridge runs must not stop it for that, nor take another folder.
SILENT = "The store of the bridge that runs here does not answer; see its /readyz and the runbook. Change no setting."

cli = typer.Typer()
outbox = typer.Typer(no_args_is_help=True, help="What waits, what failed and why, and the way out by hand.")
cli.add_typer(outbox, name="outbox")


@cli.command(name="doctor")
def see_the_doctor(
    as_json: AsJson = False,
    test_post: Annotated[
        str | None,
        typer.Option("--test-post", metavar="GROUP", help="Also post to this group, read it back and delete it again."),
    ] = None,
) -> None:
    """Says what does not hold yet, and what to do about it. Changes nothing, unless a test post is asked for."""
    from bridge.operator.doctor import examination  # every other command starts sooner without it

    findings = examination.examine(read_settings(), problems.misspelt(), test_post)
    _say(examination.report(findings, as_json=as_json), ok=all(each.holds is not False for each in findings))


@cli.command()
def manifest(
    url: Annotated[str | None, typer.Option(help="Where Slack reaches bridge. Unset: PUBLIC_URL.")] = None,
    command: Annotated[str | None, typer.Option(help="The slash command. Unset: SLACK_COMMAND.")] = None,
    socket_mode: Annotated[
        bool, typer.Option("--socket-mode", help="For a bridge without a public address: it calls Slack.")
    ] = False,
    files: Annotated[bool, typer.Option("--files", help="Also asks for files:read, so that files can cross.")] = False,
    threads: Annotated[bool, typer.Option("--threads", help="Also asks for what whole threads need to cross.")] = False,
    name: Annotated[str, typer.Option(help="What the app is called in Slack.")] = app_manifest.NAME,
) -> None:
    """Prints the Slack app for this host as YAML, to paste at api.slack.com/apps. Needs no setting."""
    given, public = url, _as_set("public_url")
    url, command = url or public, command or _as_set("slack_command") or app_manifest.COMMAND
    try:
        app = app_manifest.manifest(url, command, socket_mode=socket_mode, files=files, threads=threads, name=name)
        if not (given or socket_mode) and public and has_path(public):
            raise ValueError(f"PUBLIC_URL: {PUBLIC_RULE}. Example: {problems.example('public_url')}")
    except ValueError as error:
        stop(str(error))
    typer.echo(app_manifest.to_yaml(app), nl=False)
    # What follows is not the file, so it does not go to stdout; the link is long, so it comes last.
    if socket_mode:
        _say_of_socket_mode(given, needs_address=files and not public)
    elif app_manifest.is_placeholder(url):
        typer.echo(f"\n{app_manifest.TO_FILL_IN.format(url=url or app_manifest.PLACEHOLDER)}", err=True)
        return
    typer.echo(f"\nOr open this, to have Slack's page filled in:\n{app_manifest.one_click(app)}", err=True)


def _say_of_socket_mode(url: str | None, *, needs_address: bool) -> None:
    if url:
        typer.echo(f"\n{url} is not used: in Socket Mode bridge calls Slack.", err=True)
    if needs_address:
        typer.echo("\nFiles also need PUBLIC_URL in .env: the board fetches them there, in Socket Mode too.", err=True)


def _as_set(name: str) -> str | None:
    """One setting as the environment or `.env` has it, whatever the others are."""
    found = dict(EnvSettingsSource(Settings)())
    with contextlib.suppress(UnicodeDecodeError, OSError):  # another command says what is wrong with the file
        found = {**DotEnvSettingsSource(Settings)(), **found}
    return str(found[name]).strip() if found.get(name) else None


@outbox.command(name="list")
def list_(as_json: AsJson = False) -> None:
    """What waits, then what failed or could not be told."""

    async def listed(bridge: wiring.Bridge) -> str:
        others = await other_accounts.others(bridge.redis, bridge.outbox.prefix, alone=bridge.is_alone)
        for each in others if as_json else ():
            if each.is_left_behind:
                typer.echo(listing.sentence(each), err=True)  # stdout is the list of this account's own
        slack, _ = await bridge.slack_trouble()
        if slack and as_json:
            typer.echo(listing.slack_sentence(slack), err=True)
        return await listing.listing(bridge.outbox, others, slack, as_json=as_json)

    _say(_on_the_store(listed))


@outbox.command()
def show(reference: Reference, as_json: AsJson = False) -> None:
    """All about one post, its words too."""
    _report(_on_the_store(lambda bridge: listing.show(bridge.outbox, reference, as_json=as_json)))


@outbox.command()
def retry(reference: Reference) -> None:
    """Tries again at once; what may be on the board already is looked for first."""
    _report(_on_the_store(lambda bridge: listing.retry(bridge.outbox, bridge.board.tokens, reference)))


@outbox.command()
def drop(reference: Reference) -> None:
    """Takes a post out that was surely not sent; its person is told."""
    _report(_on_the_store(lambda bridge: listing.drop(bridge.outbox, reference)))


@cli.command()
def erase(
    user: Annotated[str, typer.Argument(metavar="SLACK_USER_ID", help="In Slack: their profile > ⋮ > Copy member ID.")],
    name: Annotated[
        list[str] | None,
        typer.Option(help="What they are or were called, for when Slack cannot say. May be given several times."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Removes what is kept about one person; what waits of theirs will not be posted."""
    if not erasure.is_user_id(user):
        stop("SLACK_USER_ID: must be a person's id in Slack. Example: bridge erase U012ABCDEF")
    read_settings()
    if not yes:
        typer.confirm(
            f"Erase who {user} is on the board, and every kept post of theirs? Those that still wait are not posted. "
            "This cannot be undone.",
            abort=True,
        )

    async def erased(bridge: wiring.Bridge) -> tuple[erasure.Erased, bool]:
        done = await erasure.erase(bridge.outbox, bridge.desk.places.people, user, name or ())
        return done, not bridge.is_alone or await rewriting.rewrite(bridge.redis)

    done, rewritten = _on_the_store(erased)
    _say(done.sentences(user))
    if not rewritten:
        _say(erasure.STILL_ON_DISK, ok=False)


def _on_the_store(work: Callable[[wiring.Bridge], Awaitable[T]]) -> T:
    """Works on the store that the running bridge uses, or has used last."""

    async def done(settings: Settings, url: str) -> T:
        async with wiring.build(settings, url) as bridge:
            return await work(bridge)

    settings = read_settings()
    try:
        with choice.at_hand(settings.redis_url, settings.bridge_data, lasting=not settings.dyno) as url:
            return asyncio.run(done(settings, url))
    except StoreInUse:
        typer.echo(SILENT, err=True)
        raise typer.Exit(1) from None
    except StoreUnavailable as error:
        stop(str(error))
    except (RedisError, OSError) as error:
        from bridge.operator.doctor.finding import why

        typer.echo(f"Redis cannot be reached: {why(error)}. `bridge doctor` says more.", err=True)
        raise typer.Exit(1) from None


def read_settings() -> Settings:
    """The settings, or a line for each that is wrong and exit 2."""
    try:
        if unread := list(problems.unread_lines(Path(".env"))):
            stop(*unread)
        return Settings()
    except ValidationError as error:
        stop(*problems.without_file(error, Path(".env")), *problems.problems(error, problems.misspelt()))
    except UnicodeDecodeError:
        stop(".env: is not written in UTF-8; open it in a plain text editor and save it as UTF-8")
    except OSError as error:
        stop(f".env: cannot be read ({error.strerror}); it must be a text file that this user may read")


def stop(*lines: str) -> NoReturn:
    """Ends the command with 2: something has to be set first."""
    for line in lines:
        typer.echo(line, err=True)
    raise typer.Exit(2)


def _report(done: listing.Done) -> None:
    _say(done.said, ok=done.ok)


def _say(text: str, *, ok: bool = True) -> None:
    typer.echo(text)
    if not ok:
        raise typer.Exit(1)
