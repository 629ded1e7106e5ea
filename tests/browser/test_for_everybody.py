"""The demo by keyboard alone, with a screen reader's eyes, and on a phone."""

import re

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, expect
from redis.asyncio import Redis

from bridge.language import sentences
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


async def test_the_commands_by_keyboard(demo: Demo) -> None:
    """Arrows walk the list, Enter and Tab take a command without sending it, and a whole command is sent at once."""
    page, keys = demo.page, demo.page.keyboard
    words, commands = page.get_by_label("Message", exact=True), page.get_by_role("listbox")
    await words.focus()
    await keys.type("/comm")
    await keys.press("ArrowUp")
    await expect(commands.get_by_role("option", selected=True)).to_contain_text("/community help")
    help_ = await commands.get_by_role("option", selected=True).get_attribute("id")
    await expect(words).to_have_attribute("aria-activedescendant", help_ or "")
    await keys.press("ArrowUp")
    await keys.press("Enter")
    await expect(words).to_have_value("/community status")
    await expect(commands).to_be_hidden()
    await keys.press("Enter")
    await expect(page.locator(".quiet")).to_contain_text("You have no recent posts")
    await keys.type("/")
    await keys.press("Tab")
    await expect(words).to_have_value("/community")
    await expect(words).to_be_focused()
    await keys.press("Enter")
    await expect(page.get_by_role("dialog", name=sentences.TITLE)).to_be_visible()


async def test_a_complaint_ends_with_the_next_letter(demo: Demo) -> None:
    """That a command does not exist is not said of what is typed after it."""
    await demo.type("/comunity")
    await expect(demo.page.locator("#trouble")).to_contain_text("/comunity is not a valid command")
    await demo.page.get_by_label("Message", exact=True).press("Backspace")
    await expect(demo.page.locator("#trouble")).to_be_empty()


async def test_the_focus_goes_on_where_more_options_stood(demo: Demo) -> None:
    """The button is gone; the focus is in the first of the fields that came, and not back at the subject."""
    await demo.type("/community Cake")
    form = demo.page.get_by_role("dialog")
    await form.get_by_role("button", name="More options").press("Enter")
    await expect(form.get_by_label("Only me and the guests")).to_be_focused()


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
    await expect(page.locator("#crossings")).to_contain_text("Told at once")


WIDE = "/community post Code | ```" + "a line that does not wrap, " * 20 + "```"


async def _edges(page: Page) -> list[float]:
    """Where the header, each part's tab and the last person end."""
    each = "nodes => nodes.map(node => node.getBoundingClientRect().right)"
    edges: list[float] = await page.locator(".top, .parts button, .person:last-child").evaluate_all(each)
    return edges


@pytest.mark.parametrize(("width", "height"), [(390, 844), (320, 640)])
async def test_a_wide_thread_does_not_widen_the_phone(
    browser: Browser, redis_url: str, redis: Redis, width: int, height: int
) -> None:
    """Code that does not wrap is scrolled by itself: the people and the tabs stay within the window."""
    async with opened(browser, redis_url, width=width, height=height) as demo:
        await demo.type(WIDE)
        await demo.page.get_by_role("button", name="Board").click()
        await expect(demo.page.get_by_role("article", name="Code")).to_be_visible()
        assert max(await _edges(demo.page)) <= width
        await demo.act_as("Emil")
        assert max(await _edges(demo.page)) <= width


async def test_a_phone_marks_what_is_new_elsewhere(phone: Demo) -> None:
    """The tab of a part with something new says so in words, too, until it is looked at; its light goes out once."""
    page = phone.page
    board, crossing = page.get_by_role("button", name="Board"), page.get_by_role("button", name="Crossing")
    await expect(board).to_have_accessible_name("Board")
    await phone.type("/community post Coffee is back | Hot.")
    await expect(board).to_have_accessible_name("Board (something new)")
    await expect(crossing).to_have_accessible_name("Crossing (something new)")
    await page.emulate_media(reduced_motion="no-preference")
    await board.click()
    await expect(board).to_have_accessible_name("Board")
    await expect(crossing).to_have_accessible_name("Crossing (something new)")
    await expect(page.get_by_role("article", name="Coffee is back")).not_to_have_class(re.compile("lit"))


async def test_a_phone_says_who_one_is_and_what_to_try(phone: Demo) -> None:
    """The first screen has a line about the person, and leads to what to try for as long as nothing was posted."""
    page = phone.page
    await expect(page.locator("#about")).to_be_visible()
    await page.get_by_role("button", name="What to try").click()
    await page.get_by_role("button", name="Post in one line").click()
    await page.get_by_role("button", name="Send").click()
    await expect(page.locator(".quiet")).to_contain_text(sentences.POSTED)
    await expect(page.get_by_role("button", name="What to try")).to_be_hidden()


async def test_fingers_find_what_they_press(phone: Demo) -> None:
    """Where one points with a finger, every button is 44 px high."""
    page = phone.page
    heights = "nodes => nodes.filter(node => node.checkVisibility()).map(node => node.getBoundingClientRect().height)"
    assert min(await page.locator("button, .person label").evaluate_all(heights)) >= 44
    await phone.type("/community Cake")
    form = page.get_by_role("dialog")
    await form.get_by_role("button", name="More options").click()
    await form.get_by_text("Only me and the guests").click()
    assert min(await form.locator("button, .chip label, select, input[type=text]").evaluate_all(heights)) >= 44


async def test_an_answer_comes_into_sight(browser: Browser, redis_url: str, redis: Redis) -> None:
    """Whoever had scrolled up sees what bridge answers; all the steps of a post are there in a small window, too."""
    async with opened(browser, redis_url, width=1024, height=768) as demo:
        page = demo.page
        await demo.type("/community help")
        await demo.type("/community post Coffee is back | Hot.")
        await expect(page.locator(".quiet").last).to_contain_text(sentences.POSTED)
        await page.locator("#messages").evaluate("node => { node.scrollTop = 0 }")
        await demo.type("/community whoami")
        await expect(page.locator(".quiet").last).to_contain_text("You post as")
        await expect(page.locator(".quiet").last).to_be_in_viewport()
        await expect(page.locator("#crossings > li:first-child .steps > li").last).to_be_in_viewport(ratio=0.9)


async def test_what_runs_from_the_right(demo: Demo) -> None:
    """Arabic words begin at the right in the form and on the board, and what is around them stays at the left."""
    await demo.type("/community مرحبا بالجميع")
    form = demo.page.get_by_role("dialog")
    await form.get_by_role("textbox", name="Message").fill("الماكينة تعمل من جديد")
    direction = "node => getComputedStyle(node).direction"
    assert await form.get_by_label("Subject").evaluate(direction) == "rtl"
    assert await form.get_by_role("textbox", name="Message").evaluate(direction) == "rtl"
    await form.get_by_role("button", name="Post", exact=True).click()
    words = demo.page.locator("#threads .post p")
    await expect(words).to_have_css("unicode-bidi", "plaintext")
    await expect(words).to_have_css("text-align", "start")
