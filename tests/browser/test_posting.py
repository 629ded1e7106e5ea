"""What a person does on the demo's page, from the composer to the thread, with the mouse."""

import re

from playwright.async_api import expect

from bridge.language import sentences
from tests.browser.pages import Demo

WAY = ("kept", "claimed", "sending", "posted", "told")


async def test_a_command_becomes_a_thread(demo: Demo) -> None:
    """`/community post …` stands on the board under the member's name, its link leads there, its way is shown."""
    page = demo.page
    await demo.type("/community post Coffee is back | The machine works *again*. #coffee")
    thread = page.get_by_role("article", name="Coffee is back")
    await expect(thread).to_contain_text("Ana Silva in Harbour Hall")
    await expect(thread.locator(".post strong")).to_have_text("again")
    await expect(thread.locator(".tag")).to_have_text("coffee")
    report = page.locator(".quiet", has_text=sentences.POSTED)
    await expect(report).to_contain_text("Only visible to you")
    await report.get_by_role("link", name="Open the thread").click()
    await expect(thread).to_be_focused()
    steps = page.locator("#crossings > li").first.locator(".steps > li")
    await expect(steps).to_have_text([re.compile(f"{name}: done") for name in WAY])


async def test_a_message_is_carried_over_from_its_menu(demo: Demo) -> None:
    """The message menu opens the form filled in; the thread credits its author and leads back to the message."""
    page = demo.page
    await page.get_by_role("button", name="More actions for Ben Okoro’s message").click()
    await page.get_by_role("menuitem", name="Post to community").click()
    form = page.get_by_role("dialog", name=sentences.TITLE)
    await expect(form.get_by_label("Subject")).to_have_value("The projector works again 🎉")
    await expect(form.get_by_role("textbox", name="Message")).to_contain_text(
        "a spare one is in the left", ignore_case=True
    )
    await form.get_by_label("Group").select_option(label="Makers")
    await form.get_by_role("button", name="Post", exact=True).click()
    await expect(form).to_contain_text(sentences.POSTED)
    await form.get_by_role("button", name="Close").last.click()
    thread = page.get_by_role("article", name="The projector works again")
    await expect(thread).to_contain_text("in Harbour Hall · Makers")
    await expect(thread).to_contain_text("Originally by Ben Okoro")
    await page.get_by_role("button", name="makers").click()
    await thread.get_by_role("link", name="See it in Slack").click()
    await expect(page.locator("#messages article:focus")).to_contain_text("The projector works again")


async def test_a_message_in_a_thread_with_files_says_what_stays(demo: Demo) -> None:
    """The menu works in threads, where Slack offers no commands, and the form names the files."""
    page = demo.page
    await page.get_by_role("button", name="makers").click()
    await page.get_by_role("button", name="More actions for Ana Silva’s message").click()
    await page.get_by_role("menuitem", name="Post to community").click()
    await expect(page.get_by_role("dialog")).to_contain_text(
        "These files stay in Slack: laser-rules.pdf, last-time.jpg (this app does not carry files here)"
    )


async def test_an_error_stands_under_its_field(demo: Demo) -> None:
    """What is missing and what the board refuses stands under the field; the words stay, and can be sent again."""
    page = demo.page
    await demo.board_is("Refuses")
    await demo.type("/community Lunch on Friday")
    form = page.get_by_role("dialog")
    subject, message = form.get_by_label("Subject"), form.get_by_role("textbox", name="Message")
    await form.get_by_role("button", name="Post", exact=True).click()
    await expect(message).to_have_accessible_description(re.compile("required field"))
    await message.fill("Soup for everybody.")
    await form.get_by_role("button", name="Post", exact=True).click()
    await expect(subject).to_have_accessible_description(re.compile("The board did not accept it. The word of the day"))
    await expect(subject).to_be_focused()
    await expect(subject).to_have_attribute("aria-invalid", "true")
    demo.stage.board.behave()
    await form.get_by_role("button", name="Post", exact=True).click()
    await expect(form).to_contain_text(sentences.POSTED)
    assert demo.threads("Lunch on Friday") == 1


async def test_an_outage_is_waited_for(demo: Demo) -> None:
    """While the board is down a post is kept, and its author hears so; it crosses once when the board is back."""
    page = demo.page
    await demo.board_is("Down")
    await demo.type("/community post Bike for sale | A red one, hardly used.")
    await expect(page.locator(".quiet", has_text=sentences.TRYING)).to_contain_text("Cancel this post")
    crossing = page.locator("#crossings > li", has_text="Bike for sale")
    await expect(crossing).to_contain_text("The board cannot be reached")
    assert demo.threads("Bike for sale") == 0
    await demo.board_is("Works")
    await expect(page.locator(".quiet", has_text=sentences.POSTED)).to_contain_text("Bike for sale")
    await expect(crossing).to_contain_text("Told")
    assert demo.threads("Bike for sale") == 1


async def test_a_lost_answer_makes_no_second_thread(demo: Demo) -> None:
    """The board takes the thread and hangs up: bridge finds it instead of sending it again."""
    page = demo.page
    await demo.board_is("Hangs up")
    await demo.type("/community post Umbrella found | It is blue.")
    await expect(page.locator("#crossings")).to_contain_text("The board did not confirm it")
    await expect(page.locator(".quiet", has_text=sentences.POSTED)).to_contain_text("Umbrella found")
    assert demo.threads("Umbrella found") == 1


async def test_a_kept_post_can_be_cancelled(demo: Demo) -> None:
    """Cancel takes the place of the message that offered it, and nothing is posted."""
    page = demo.page
    await demo.board_is("Down")
    await demo.type("/community post Second thoughts | Not today.")
    await page.get_by_role("button", name="Cancel this post").click()
    await expect(page.locator(".quiet", has_text=sentences.REFUSED)).to_contain_text(sentences.REASONS["changed_mind"])
    await expect(page.get_by_role("button", name="Cancel this post")).to_have_count(0)
    await demo.board_is("Works")
    await expect(page.locator("#crossings > li")).to_contain_text("cancelled: done")
    assert demo.threads("Second thoughts") == 0


async def test_the_editor_writes_genuine_rich_text(demo: Demo) -> None:
    """Bold, lists, quotes, code and links made with the toolbar arrive on the board as what they are."""
    page = demo.page
    await page.get_by_role("button", name="Shortcuts").click()
    await page.get_by_role("menuitem", name="New community post").click()
    form = page.get_by_role("dialog")
    await form.get_by_label("Subject").fill("House rules")
    await form.get_by_role("textbox", name="Message").click()
    keys = page.keyboard
    await keys.press("Control+b")
    await keys.type("Be kind.")
    await keys.press("Control+b")
    await keys.press("Enter")
    await form.get_by_role("button", name="Bulleted list").click()
    await keys.type("Tidy up")
    await keys.press("Enter")
    await keys.type("Lock the door")
    await keys.press("Enter")
    await keys.press("Enter")
    await keys.type("Run make")
    await keys.press("Control+Shift+ArrowLeft")
    await form.get_by_role("button", name="Code").click()
    await keys.press("Enter")
    await form.get_by_role("button", name="Quote").click()
    await keys.type("Mind the step")
    await keys.press("Enter")
    await keys.press("Enter")
    await keys.type("the wiki")
    await keys.press("Control+Shift+ArrowLeft")
    await form.get_by_role("button", name="Link").first.click()
    await form.get_by_label("Address of the link").fill("https://example.com/wiki")
    await keys.press("Enter")
    await form.get_by_role("button", name="Post", exact=True).click()
    await expect(form).to_contain_text(sentences.POSTED)
    post = page.get_by_role("article", name="House rules").locator(".post")
    await expect(post.locator("strong")).to_have_text("Be kind.")
    await expect(post.locator("li")).to_have_text(["Tidy up", "Lock the door"])
    await expect(post.locator("code")).to_have_text("make")
    await expect(post.locator("blockquote")).to_have_text("Mind the step")
    await expect(post.locator("a")).to_have_attribute("href", "https://example.com/wiki")


async def test_people_may_what_the_board_lets_them(demo: Demo) -> None:
    """A stranger to the board and a guest are told why not; a private thread is for its author and guests alone."""
    page = demo.page
    await demo.act_as("Dora")
    await demo.type("/community post Hello | I am new here.")
    await expect(page.locator(".quiet")).to_contain_text(sentences.REASONS["unknown"])
    await demo.act_as("Gita")
    await demo.type("/community post Hello | I am a guest.")
    await expect(page.locator(".quiet")).to_contain_text(sentences.REASONS["guest"])
    await demo.act_as("Emil")
    await demo.type("/community post Hello | From next door.")
    await expect(page.locator(".quiet")).to_contain_text(sentences.FOREIGN)
    assert demo.stage.board.threads == {}


async def test_a_private_post_is_hidden_from_others(demo: Demo) -> None:
    """More options keep what was typed; the thread is there for its author and its guest, and for nobody else."""
    page = demo.page
    await demo.type("/community Surprise")
    form = page.get_by_role("dialog")
    await form.get_by_role("textbox", name="Message").fill("A cake, for Gita.")
    await form.get_by_role("button", name="More options").click()
    await form.get_by_text("Only me and the guests").click()
    await expect(form.get_by_role("textbox", name="Message")).to_have_text("A cake, for Gita.")
    await form.get_by_role("button", name="Post", exact=True).click()
    await expect(form.get_by_text(sentences.REASONS["guests_needed"])).to_be_visible()
    await expect(form.get_by_text(sentences.REASONS["guests_needed"])).to_be_in_viewport()
    red = await form.locator(".error:not(:empty)").evaluate("node => getComputedStyle(node).color")
    await expect(form.locator(".chip label").first).to_have_css("border-top-color", red)
    await form.locator(".chip label", has_text="Ben").click()
    await form.get_by_role("button", name="Post", exact=True).click()
    await expect(form).to_contain_text(sentences.POSTED)
    await page.keyboard.press("Escape")
    await demo.act_as("Ben")
    await expect(page.get_by_role("article", name="Surprise")).to_contain_text("Private")
    await demo.act_as("Gita")
    await expect(page.locator("#threads")).to_contain_text("1 thread is in private groups")
    await expect(page.get_by_role("article", name="Surprise")).to_have_count(0)


async def test_the_groups_follow_the_location(demo: Demo) -> None:
    """Somebody at two locations chooses one, and the groups are that location's."""
    await demo.act_as("Ben")
    await demo.type("/community Keys")
    form = demo.page.get_by_role("dialog")
    await form.get_by_label("Location").select_option(label="The Annex")
    await expect(form.get_by_label("Group").locator("option")).to_have_text([re.compile("."), "Annex news"])
    await form.get_by_label("Location").select_option(label="Harbour Hall")
    await expect(form.get_by_label("Group").locator("option")).to_have_text(
        [re.compile("."), "General", "Makers", "Founders"]
    )
    await expect(form.get_by_label("Subject")).to_have_value("Keys")


async def test_a_message_to_the_app_is_answered(demo: Demo) -> None:
    """In the conversation with bridge it says what it can do."""
    await demo.page.get_by_role("button", name="bridge").click()
    await demo.type("hello")
    await expect(demo.page.locator("#messages")).to_contain_text("/community status")
