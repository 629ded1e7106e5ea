"""The README's pictures, taken from the demo: `make pictures`. Look at them before you commit them."""

import asyncio
import io
import sys
from pathlib import Path

from PIL import Image
from playwright.async_api import Browser, expect
from redis.asyncio import Redis

from bridge.demo import backstage
from bridge.language import sentences
from tests.browser.pages import MISSING, Demo, executable, launched, opened


async def main(folder: Path) -> None:
    if (path := executable()) is None:
        sys.exit(MISSING)
    with backstage.throwaway() as (redis_url, _):
        async with launched(path) as browser:
            for dark in (False, True):
                await _pictures(browser, redis_url, folder, dark=dark)


async def _pictures(browser: Browser, redis_url: str, folder: Path, *, dark: bool) -> None:
    scheme = "-dark" if dark else ""
    async with Redis.from_url(redis_url) as redis:
        await redis.flushall()
    async with opened(browser, redis_url, dark=dark, scale=2) as demo:
        form = demo.page.get_by_role("dialog")
        await _post(demo, "Coffee is back", "The machine works again. *First round is free!* #coffee #kitchen")
        await _carry_over(demo)
        await _save_alone(demo, folder / f"form{scheme}.png")
        await form.get_by_role("button", name="Post", exact=True).click()
        await expect(form).to_contain_text(sentences.POSTED)
        await _save_alone(demo, folder / f"report{scheme}.png")
        await demo.page.keyboard.press("Escape")
        await demo.board_is("Hangs up")
        await demo.type("/community post Umbrella found | It is blue, and waits at the front desk. #found")
        await expect(demo.page.locator("#crossings")).to_contain_text("The board did not confirm it")
        _write(await demo.page.screenshot(), folder / f"demo{scheme}.png")


async def _post(demo: Demo, subject: str, rest: str) -> None:
    await demo.type(f"/community post {subject} | {rest}")
    await expect(demo.page.get_by_role("article", name=subject)).to_be_visible()


async def _carry_over(demo: Demo) -> None:
    await demo.page.get_by_role("button", name="More actions for Ben Okoro’s message").click()
    await demo.page.get_by_role("menuitem", name="Post to community").click()
    await expect(demo.page.get_by_label("Group")).to_be_visible()
    await demo.page.get_by_label("Tags").fill("projector")
    # Without the light of the field that was typed in last.
    await demo.page.locator("#modal-title").focus()


ALONE = """() => {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(`main, .top { visibility: hidden } dialog::backdrop { opacity: 0 }
    dialog { box-shadow: 0 4px 14px #0002 }`);
  document.adoptedStyleSheets = [sheet];
}"""


async def _save_alone(demo: Demo, path: Path) -> None:
    """The dialog with nothing behind it and a little room around it."""
    await demo.page.evaluate(ALONE)
    box = await demo.page.get_by_role("dialog").bounding_box()
    assert box is not None
    room = 20
    x, y, width, height = box["x"] - room, box["y"] - room, box["width"] + 2 * room, box["height"] + 2 * room
    _write(await demo.page.screenshot(clip={"x": x, "y": y, "width": width, "height": height}), path)
    await demo.page.evaluate("document.adoptedStyleSheets = []")


def _write(png: bytes, path: Path) -> None:
    """Flat colours need no more than 256 of them: a third of the bytes."""
    image = Image.open(io.BytesIO(png)).convert("RGB")
    image.quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)


if __name__ == "__main__":
    target = Path(sys.argv[1])
    target.mkdir(exist_ok=True)
    asyncio.run(main(target))
