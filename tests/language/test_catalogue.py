"""Another language needs a catalogue and nothing else: everything that a member reads comes from it."""

import io
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from babel.messages.pofile import read_po, write_po
from redis.asyncio import Redis

from bridge.language import english, sentences
from tests.support import catalogue
from tests.support.dora import forged, form
from tests.support.space import ANA, BEN, Space, answer_text, open_space, until


@pytest.fixture
def marked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A language in which everything stands in marks, as far as there is room."""
    language = catalogue.template()
    for context, text in catalogue.messages():
        message = language.get(text, context)
        assert message is not None
        message.string = f"«{text}»" if len(text) + 2 <= catalogue.room(context) else f"«{text[2:]}"
    with (tmp_path / "de.po").open("wb") as file:
        write_po(file, language)
    assert catalogue.compiled(tmp_path / "de.po", tmp_path) == []
    monkeypatch.setattr(sentences, "LOCALES", tmp_path)
    sentences._catalogue.cache_clear()
    yield
    sentences._catalogue.cache_clear()


@pytest.fixture
async def space(redis_url: str, redis: Redis, marked: None) -> AsyncIterator[Space]:
    async with open_space(redis_url) as opened:
        opened.workspace.users[ANA]["locale"] = "de-DE"
        await opened.sender.command(ANA, "whoami")
        await until(lambda: opened.heard(ANA) or opened.workspace.calls)
        await opened.bridge.desk.places.people.slack_profile(ANA)  # from here on it is known how she speaks
        yield opened


def plain_texts(block: Any) -> Iterator[str]:
    """Every text of ours in a view: labels, hints, placeholders, buttons; options come from the board."""
    if isinstance(block, dict):
        if block.get("type") == "plain_text" and "text" in block:
            yield block["text"]
        for name, value in block.items():
            if name not in ("options", "initial_option") or block.get("type") != "static_select":
                yield from plain_texts(value)
    elif isinstance(block, list):
        for each in block:
            yield from plain_texts(each)


def test_the_template_is_up_to_date() -> None:
    """What translators copy holds every sentence as it stands today: `make catalogue` writes it."""
    written = io.BytesIO()
    write_po(written, catalogue.template(), omit_header=True, sort_output=False)
    assert (sentences.LOCALES / catalogue.TEMPLATE).read_bytes() == written.getvalue()


def test_the_languages_that_are_there_hold() -> None:
    """No shipped language lacks a sentence, has one that does not fit, or is older than its source."""
    for po in sentences.LOCALES.glob("*.po"):
        with po.open("rb") as file:
            assert catalogue.faults(read_po(file)) == [], po.name


def test_what_is_missing_or_too_long_is_named() -> None:
    """A translator hears which sentence is missing, does not fit, or has lost a gap."""
    language = catalogue.template()
    for context, text in catalogue.messages():
        message = language.get(text, context)
        assert message is not None
        message.string = {"TITLE": "x" * 25, "HELP": "no gap", "GONE": ""}.get(context, text)

    assert catalogue.faults(language) == [
        "TITLE: has 25 characters; there is room for 24",
        "HELP: must have the gaps ['command']",
        "GONE: is missing",
    ]


async def test_a_member_reads_the_form_and_the_report_in_their_language(space: Space) -> None:
    """Somebody whose Slack speaks German sees no word of ours in English: in the form, under it, and in the report."""
    await space.sender.command(ANA, "Lunch")
    await until(lambda: "group" in str(space.view()["blocks"]))
    for text in plain_texts(space.view()):
        assert text.startswith("«"), text
    refused = await space.sender.submit(space.view()["id"], {"subject": "x" * 300, "message": "Words"})
    assert refused.errors["subject"].startswith("«")

    answer = await space.sender.command(ANA, "post Lunch | At noon")

    assert re.match(r"«Posted to the community board»: Lunch", answer_text(answer))
    assert answer_text(await space.sender.command(ANA, "help")).startswith("«")
    assert "{time}|«earlier»>" in str((await space.sender.command(ANA, "status")).json)


async def test_a_late_report_speaks_it_too(space: Space) -> None:
    """What the worker tells hours later is in the language of whom it tells."""
    space.board.down = True
    await space.sender.command(ANA, "post Later | Words")
    space.board.down = False

    await until(lambda: [text for text in space.heard(ANA) if text.startswith("«Posted")])
    assert all("«" not in str(each) for each in space.threads), "the board speaks English"


async def test_a_guest_without_a_name_is_told_of_in_it(space: Space) -> None:
    """Whom neither the board nor Slack shows us has no name to be told, and the words for that are translated."""
    private = {
        "type": "checkboxes",
        "selected_options": [{"text": {"type": "plain_text", "text": "x"}, "value": "private"}],
    }
    guests = {"type": "multi_users_select", "selected_users": ["U0NOBODY"]}
    view = await form(space, ANA)

    reply = await forged(space, view, private=private, guests=guests)

    nobody = f"«{english.HIDDEN_GUEST}»"
    await until(lambda: nobody in str(reply.json) + space.view_text(), 3)


async def test_everybody_else_reads_english(space: Space) -> None:
    """A colleague's language, and a locale that nobody has translated or that is none at all, change nothing."""
    space.workspace.users[BEN]["locale"] = "../../etc"
    await space.bridge.desk.places.people.slack_profile(BEN)
    await space.sender.command(ANA, "help")

    assert answer_text(await space.sender.command(BEN, "post Mine | Words")).startswith("Posted to the community board")
