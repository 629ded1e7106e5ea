"""The demo by keyboard alone, with a screen reader's eyes, and on a phone."""

import re

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, expect
from redis.asyncio import Redis

from bridge import sentences
from tests.browser.pages import Demo, opened


async def test_a_post_by_keyboard_alone(demo: Demo) -> None:
    """From the first Tab to the thread without a mouse; the focus stays in the form, and comes back afterwards."""
    page, keys = demo.page, demo.page.keyboard
    await keys.press("Tab")
    await expect(page.get_by_role("link", name="Skip to the composer")).to_be_focused()
    await keys.press("Enter")
    words = page.get_by_label("Message", exact=True)
    await expect(words).to_be_focused()
    await keys.type("/community Lunch")
    await keys.press("Enter")
    form = page.get_by_role("dialog", name=sentences.TITLE)
    await expect(form.get_by_label("Subject")).to_be_focused()
    await expect(form.get_by_label("Group")).to_be_visible()
    await keys.press("Tab")
    await expect(form.get_by_role("button", name="Bold")).to_be_focused()
    await keys.press("Tab")
    await keys.type("Soup at noon.")
    for _ in range(30):
        await keys.press("Tab")
        assert await page.evaluate(
            "document.activeElement.closest('dialog') || document.activeElement === document.body"
        )
    await form.get_by_role("textbox", name="Message").focus()
    await keys.press("Control+Enter")
    await expect(form).to_contain_text(sentences.POSTED)
    await keys.press("Escape")
    await expect(form).to_be_hidden()
    await expect(words).to_be_focused()
    assert demo.threads("Lunch") == 1


async def test_the_menu_by_keyboard(demo: Demo) -> None:
    """A message's menu opens with Enter, closes with Escape, and gives the focus back."""
    page, keys = demo.page, demo.page.keyboard
    more = page.get_by_role("button", name="More actions for Ben Okoro’s message")
    await more.focus()
    await keys.press("Enter")
    await expect(page.get_by_role("menuitem", name="Post to community")).to_be_focused()
    await keys.press("Escape")
    await expect(more).to_be_focused()
    await keys.press("Enter")
    await keys.press("ArrowDown")
    await keys.press("Enter")
    await expect(page.get_by_role("dialog")).to_be_visible()


async def test_what_happens_is_announced(demo: Demo) -> None:
    """A screen reader hears of the new thread and of bridge's words, without the focus moving."""
    words, heard = demo.page.get_by_label("Message", exact=True), demo.page.get_by_role("status")
    await demo.type("/community post Coffee is back | Hot.")
    await expect(heard).to_contain_text("New on the board: Coffee is back, by Ana Silva")
    await expect(heard).to_contain_text(f"bridge, to you alone: {sentences.POSTED}")
    await words.focus()
    await demo.page.keyboard.type("/community status")
    await demo.page.keyboard.press("Enter")
    await expect(heard).to_contain_text(sentences.STATUS_TITLE)
    await expect(words).to_be_focused()


async def violations(page: Page) -> list[str]:
    found = (await Axe().run(page)).response["violations"]
    return [f"{each['id']}: {node['html']}" for each in found for node in each["nodes"]]


@pytest.mark.parametrize(("width", "dark"), [(1440, False), (1440, True), (390, False)], ids=["light", "dark", "phone"])
async def test_axe_finds_nothing(browser: Browser, redis_url: str, redis: Redis, width: int, dark: bool) -> None:
    """Every rule of axe-core holds (names, labels, contrast, roles): at the start, in the form, after the post."""
    async with opened(browser, redis_url, width=width, dark=dark) as demo:
        page = demo.page
        assert await violations(page) == []
        await page.get_by_label("Message", exact=True).fill("/")
        await expect(page.locator("#commands")).to_be_visible()
        assert await violations(page) == []
        await page.keyboard.press("Escape")
        await page.get_by_role("button", name="More actions for Ben Okoro’s message").click()
        await page.get_by_role("menuitem", name="Post to community").click()
        form = page.get_by_role("dialog")
        await form.get_by_role("button", name="More options").click()
        await form.get_by_label("Subject").fill("")
        await form.get_by_role("button", name="Post", exact=True).click()
        await expect(form.locator(".error").first).to_have_text(re.compile("required"))
        assert await violations(page) == []
        await form.get_by_label("Subject").fill("The projector")
        await form.get_by_role("button", name="Post", exact=True).click()
        await expect(form).to_contain_text(sentences.POSTED)
        assert await violations(page) == []
        await form.get_by_role("link", name="Open the thread").click()
        await expect(page.get_by_role("article", name="The projector")).to_be_visible()
        assert await violations(page) == []


async def test_a_phone_shows_one_part_at_a_time(phone: Demo) -> None:
    """Nothing is wider than the window; a link in Slack turns to the board."""
    page = phone.page
    await phone.type("/community post Coffee is back | Hot.")
    await page.get_by_role("link", name="Open the thread").click()
    await expect(page.get_by_role("article", name="Coffee is back")).to_be_focused()
    await expect(page.get_by_role("button", name="Board")).to_have_attribute("aria-pressed", "true")
    await expect(page.locator("#composer")).to_be_hidden()
    assert await page.evaluate("document.documentElement.scrollWidth") == 390
    await page.get_by_role("button", name="Crossing").click()
    await expect(page.locator("#crossings")).to_contain_text("Told in the very answer to Slack")
