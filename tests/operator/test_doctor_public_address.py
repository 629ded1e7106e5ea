"""The doctor where strangers come in: the public address, and what files take on their way to the board."""

import contextlib
from collections.abc import AsyncIterator

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bridge import running, wiring
from bridge.demo.loopback import serve
from bridge.operator.doctor import public_address
from bridge.settings.environment import GivenSettings
from tests.support.clinic import Clinic

FILE_ROLES = ("CommunityThreadFile-List", "CommunityThreadFile-Read")


@contextlib.asynccontextmanager
async def running_bridge(clinic: Clinic) -> AsyncIterator[str]:
    """The real web process of this clinic, at the address that it gives."""
    given = {name.lower(): value for name, value in clinic.env.items()} | {"public_url": "https://bridge.hall.example"}
    settings = GivenSettings.model_validate(given)
    async with wiring.build(settings, str(clinic.env["REDIS_URL"])) as bridge, serve(running.app(bridge)) as url:
        yield url


def allow_files(clinic: Clinic) -> None:
    clinic.workspace.scopes += ",files:read"


def lines_of(output: str, check: str) -> list[str]:
    return [each for each in output.splitlines() if each[4:].startswith(f"{check}: ")]


# ── the address ──────────────────────────────────────────────────────────────


async def test_the_public_address_is_ours(clinic: Clinic) -> None:
    """Where bridge answers for Slack and for the board, one line says so; nothing is posted there to find out."""
    allow_files(clinic)
    async with running_bridge(clinic) as url:
        result = await clinic.doctor(PUBLIC_URL=url)

    assert result.exit_code == 0, result.output
    (line,) = lines_of(result.stdout, "Public address")
    said = f"bridge answers at {url} (/slack/events and /files/*), as seen from this computer"
    assert line == f"ok  Public address: {said}"


async def test_a_bridge_that_does_not_run_yet(clinic: Clinic) -> None:
    """Before the first start nothing can answer: a hint with what will be needed, and no failure."""
    result = await clinic.doctor(PUBLIC_URL="http://127.0.0.1:9")

    assert result.exit_code == 0
    (line,) = lines_of(result.stdout, "Public address")
    assert line.startswith(
        "--  Public address: http://127.0.0.1:9/slack/events cannot be reached: nothing listens there"
    )
    assert line.endswith("→ start bridge, and let the web server there pass /slack/events on to 127.0.0.1:3000")


async def test_something_else_at_the_public_address(clinic: Clinic) -> None:
    """A web server that answers by itself is not taken for bridge."""
    async with serve(Starlette()) as url:
        result = await clinic.doctor(PUBLIC_URL=url)

    (line,) = lines_of(result.stdout, "Public address")
    assert "/slack/events is answered by something else than bridge (status 404)" in line


async def test_a_web_server_that_keeps_the_files_back(clinic: Clinic) -> None:
    """Passing on /slack/events alone is enough until files are on: then the other path is named."""

    async def events(_: Request) -> Response:
        return Response()

    async with serve(Starlette(routes=[Route("/slack/events", events, methods=["POST"])])) as url:
        (before,) = lines_of((await clinic.doctor(PUBLIC_URL=url)).stdout, "Public address")
        allow_files(clinic)
        (after,) = lines_of((await clinic.doctor(PUBLIC_URL=url)).stdout, "Public address")

    assert before.startswith("ok")
    assert "/files/ is answered by something else than bridge" in after


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("https://bridge.your-space.com", "bridge.your-space.com is the example of the instructions"),
        ("http://localhost:3000", "Slack cannot reach localhost from the internet"),
        ("https://192.168.1.5", "Slack cannot reach 192.168.1.5 from the internet"),
    ],
)
async def test_an_address_that_cannot_be_it(clinic: Clinic, url: str, said: str) -> None:
    """The example, or an address that only this computer or this network knows, is told without asking there."""
    given = {name.lower(): value for name, value in clinic.env.items()} | {"public_url": url}
    given["slack_api_url"] = "https://slack.com/api/"

    (found,) = await public_address.examine(GivenSettings.model_validate(given), files=True)

    assert found.line().startswith(f"no  Public address: {said} → set PUBLIC_URL")


async def test_without_an_address_there_is_nothing_to_ask(clinic: Clinic) -> None:
    """PUBLIC_URL may be left out; then no line speaks of it."""
    assert lines_of((await clinic.doctor()).stdout, "Public address") == []


# ── files ────────────────────────────────────────────────────────────────────


async def test_files_stay_as_long_as_nobody_allows_them(clinic: Clinic) -> None:
    """Without the scope the file roles are not asked for, and the line says how files would cross."""
    clinic.board.missing_roles = set(FILE_ROLES)

    result = await clinic.doctor(PUBLIC_URL="http://127.0.0.1:9")

    assert result.exit_code == 0
    (line,) = lines_of(result.stdout, "Files")
    assert line.startswith("ok  Files: they stay in Slack; `bridge manifest --files`")
    assert not lines_of(result.stdout, "Nexudus roles for files")
    assert not clinic.board.seen("GET /api/community/communitythreadfiles")


async def test_files_without_an_address(clinic: Clinic) -> None:
    """The scope alone carries nothing: the setting that is missing for it is named."""
    allow_files(clinic)

    (line,) = lines_of((await clinic.doctor()).stdout, "Files")

    assert line.startswith("--  Files: the app may read them, but without PUBLIC_URL")


@pytest.mark.parametrize("role", FILE_ROLES)
async def test_a_missing_role_for_files(clinic: Clinic, role: str) -> None:
    """Once files are on, a role that they need is missed as any other is, on a line of its own."""
    allow_files(clinic)
    thread = next(iter(clinic.board.threads))
    clinic.board.files[1] = {"Id": 1, "CommunityThreadId": thread, "Name": "plan.pdf"}
    clinic.board.missing_roles = {role}

    line = await clinic.line("Nexudus roles for files", PUBLIC_URL="http://127.0.0.1:9")

    where = "tick them in the API user's role (dashboard.nexudus.com > Settings > Roles)"
    assert line == f"no  Nexudus roles for files: missing: {role} → {where}"


async def test_the_role_to_add_files_shows_later(clinic: Clinic) -> None:
    """Whether files may be added only a file can tell; the line says so."""
    allow_files(clinic)

    (line,) = lines_of((await clinic.doctor(PUBLIC_URL="http://127.0.0.1:9")).stdout, "Nexudus roles for files")

    assert (
        line == "ok  Nexudus roles for files: List and Read hold; CommunityThreadFile-Create shows with the first file"
    )
