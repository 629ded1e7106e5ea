"""The demo in a real browser: the system's own Chromium, driven as a person would."""

import contextlib
import os
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass

from playwright.async_api import Browser, Page, async_playwright, expect

from bridge.demo.page.command import open_site
from bridge.demo.stage import Stage

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MISSING = "no browser is installed, so nothing was tested: apt-get install chromium"

# Four of them share two processors with everything else.
expect.set_options(timeout=15_000)


@dataclass
class Demo:
    """A page of the demo, what stands behind it, and what the page complained of."""

    page: Page
    stage: Stage
    complaints: list[str]

    async def act_as(self, name: str) -> None:
        await self.page.locator(".person label", has_text=name).click()
        await expect(self.page.get_by_role("radio", name=name)).to_be_checked()
        await expect(self.page.locator("#main")).not_to_have_attribute("inert", "")

    async def board_is(self, mood: str) -> None:
        await self.page.locator(".mood label", has_text=mood).click()
        await expect(self.page.locator("#board")).to_have_attribute("data-mood", mood.lower().replace(" ", "-"))

    async def type(self, words: str) -> None:
        await self.page.get_by_label("Message", exact=True).fill(words)
        await self.page.get_by_role("button", name="Send").click()

    def threads(self, subject: str) -> int:
        return sum(each["Subject"] == subject for each in self.stage.board.threads.values())


def executable() -> str | None:
    return next((path for name in NAMES if (path := shutil.which(name))), None)


@contextlib.asynccontextmanager
async def launched(path: str) -> AsyncIterator[Browser]:
    """Chromium's own sandbox does not start as root."""
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    async with async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=path, args=["--no-sandbox"] if root else [])
        try:
            yield browser
        finally:
            await browser.close()


@contextlib.asynccontextmanager
async def opened(
    browser: Browser, redis_url: str, *, width: int = 1440, height: int = 900, dark: bool = False, scale: float = 1
) -> AsyncIterator[Demo]:
    """The demo as `bridge demo` puts it together, in a window of its own."""
    async with open_site(redis_url) as (url, site):
        context = await browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            reduced_motion="reduce",
            has_touch=width < 760,
            device_scale_factor=scale,
        )
        page = await context.new_page()
        demo = Demo(page, site.stage, [])
        page.on("console", lambda message: demo.complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: demo.complaints.append(str(error)))
        page.on("request", lambda request: _stays_here(demo, url, request.url))
        await page.goto(url)
        await expect(page.locator("#messages article").first).to_be_visible()
        try:
            yield demo
        finally:
            await context.close()


def _stays_here(demo: Demo, url: str, requested: str) -> None:
    if not requested.startswith((url, "data:", "about:")):
        demo.complaints.append(f"asked for {requested}")
