"""A real server for the session, empty for each test; and nothing that is said in a test gives anybody away."""

import logging
import os
from collections.abc import AsyncIterator, Generator, Iterator
from pathlib import Path

import pytest
import structlog
from hypothesis import settings
from redis.asyncio import Redis

from bridge import wiring
from bridge.slack import warnings
from bridge.store.client import connect
from bridge.store.embedded import embedded
from tests.support import overheard
from tests.support.clinic import Clinic, open_clinic
from tests.support.space import Space, open_space

# It tells each step of a rendering, a hundred lines for each line rendered.
logging.getLogger("markdown_it").setLevel(logging.WARNING)

# CI looks at the same examples every time: a run that lands must not depend on luck. Developers get new ones.
settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("ci")


def pytest_configure() -> None:
    # The tests' own clients write as much as bridge's do.
    wiring.hush()


def pytest_runtest_setup() -> None:
    overheard.forget()
    # Tracebacks as bridge itself writes them: without the variables of each frame. The demo takes its own log back.
    plain = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    structlog.reset_defaults()
    structlog.configure(processors=[*structlog.get_config()["processors"][:-1], plain])
    warnings._told.clear()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A test fails when anything that was logged or printed within it, by whatever logger, gives somebody away."""
    report = yield
    ended = report.when == "teardown" and not report.failed
    if ended and (found := overheard.leaks("\n".join(said for _, said in report.sections))):
        report.outcome, report.longrepr = "failed", "\n".join(["What was logged gives away", *found])
    return report


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder: Path = tmp_path_factory.mktemp("store")
    with embedded(folder) as url:
        yield url


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    client = connect(redis_url)
    await client.flushall()
    yield client
    await client.aclose()


@pytest.fixture
async def clinic(
    redis_url: str, redis: Redis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Clinic]:
    """For the doctor, as an operator calls it."""
    monkeypatch.chdir(tmp_path)  # nobody's .env
    async with open_clinic(redis_url) as opened:
        yield opened


@pytest.fixture
async def resting(
    redis_url: str, redis: Redis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Space]:
    """A space whose worker has not begun, for an operator's commands."""
    monkeypatch.chdir(tmp_path)
    async with open_space(redis_url, worker=False) as opened:
        opened.extra["redis_url"] = redis_url
        yield opened


@pytest.fixture
async def space(redis_url: str, redis: Redis) -> AsyncIterator[Space]:
    """A whole space with everything well, its worker at work."""
    async with open_space(redis_url) as opened:
        yield opened


@pytest.fixture(scope="module")
async def shared(redis_url: str) -> AsyncIterator[Space]:
    """One space for all the requests that are to have no effect; nothing is delivered, nothing waited for."""
    async with open_space(redis_url, worker=False) as opened:
        opened.bridge.desk.brief = 0.0
        yield opened
