"""One browser for each worker; a page and a store of its own for each test."""

import os
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser
from redis.asyncio import Redis

from tests.browser.pages import MISSING, Demo, executable, launched, opened


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    path = executable()
    if path is None:
        # In CI, a suite that did not run must not look like one that passed.
        (pytest.fail if os.environ.get("CI") else pytest.skip)(MISSING)
    async with launched(path) as browser:
        yield browser


@pytest.fixture
async def demo(browser: Browser, redis_url: str, redis: Redis) -> AsyncIterator[Demo]:
    async with opened(browser, redis_url) as demo:
        yield demo
        assert demo.complaints == []


@pytest.fixture
async def phone(browser: Browser, redis_url: str, redis: Redis) -> AsyncIterator[Demo]:
    async with opened(browser, redis_url, width=390, height=844) as demo:
        yield demo
        assert demo.complaints == []
