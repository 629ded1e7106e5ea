"""Words on the board are read as typed, and alive in nothing but what was meant."""

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.words.conversions import to_plain
from bridge.words.into_form import as_rich_text
from tests.support.shown import MEANT, TAGS, Raw, Shown, alive, bare, seen, visible
from tests.support.typed import (
    NAMES,
    NAUGHTY,
    links,
    messages,
    prose,
    rich,
    rows,
    said,
    section,
    spans,
    styles,
    to_markdown,
)

items = st.tuples(st.sampled_from(["bullet", "ordered"]), prose, st.integers(0, 3), st.integers(0, 12), st.booleans())


@settings(max_examples=600, deadline=None)
@given(st.lists(spans | links, max_size=5))
def test_every_character_is_rendered_as_typed(elements: list[dict[str, Any]]) -> None:
    """Rendered, a section shows exactly the characters typed, in order, and nothing else is alive."""
    out = to_markdown(section(*elements))
    shown = Shown(out)
    assert bare(shown.text) == visible(elements)
    assert shown.tags <= {"p", "br", "strong", "em", "s", "code", "a"}
    assert not re.search(r"(?i)@\[[^\]]*\]\(contact:", out)
    assert all(url.lower().startswith(MEANT) for url in shown.links)


@settings(max_examples=300, deadline=None)
@given(messages)
def test_every_word_of_a_message_is_rendered(elements: list[dict[str, Any]]) -> None:
    """Sections, quotes, lists and code in any order show their words, apart where they were apart; all else is dead."""
    blocks = rich(*elements)
    out = to_markdown(blocks)
    assert " ".join(seen(Shown(out).text).split()) == " ".join(seen(to_plain(blocks)).split())
    assert alive(out) == []


@settings(max_examples=300, deadline=None)
@given(messages)
def test_a_round_through_the_form_changes_nothing(elements: list[dict[str, Any]]) -> None:
    """A message that goes through a prefilled field is the same on the board, however often it does."""
    block, _ = as_rich_text({"blocks": rich(*elements)}, NAMES, 10**6)
    again, _ = as_rich_text({"blocks": [block]}, NAMES, 10**6)
    assert again == block
    assert to_markdown([block]) == to_markdown(rich(*elements), "", NAMES)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.builds(lambda text, marks: said(text, *marks - {"code"}), prose, styles) | links, max_size=5))
def test_markdown_read_as_html_is_harmless(elements: list[dict[str, Any]]) -> None:
    """A board that took the Markdown for HTML would find no element but a bracketed address, obeying nothing."""
    quiet = [{**element, "style": {k: v for k, v in element["style"].items() if k != "code"}} for element in elements]
    page = Raw(to_markdown(section(*quiet)))
    assert all(tag.startswith(MEANT) for tag in page.tags)
    assert page.obeyed == []


@settings(max_examples=200, deadline=None)
@given(st.lists(items, max_size=6))
def test_every_list_is_rendered_as_typed(listed: list[tuple[str, str, int, int, bool]]) -> None:
    """Items show their characters whatever their order, indentation, numbers and borders."""
    made = [rows(s, text, indent=i, offset=o, border=int(b)) for s, text, i, o, b in listed]
    shown = Shown(to_markdown(rich(*made)))
    assert bare(shown.text) == bare("".join(to_plain(rich(one)) for one in made))
    assert shown.tags <= TAGS - {"pre", "a"}


@pytest.mark.parametrize("text", NAUGHTY)
@pytest.mark.parametrize("style", ["", "bold", "italic", "strike", "code"])
def test_naughty_text_is_only_text(text: str, style: str) -> None:
    """Text that looks like Markdown or HTML shows as typed, alone, in quotes, items and inside words."""
    span = said(text, *([style] if style else []))
    plain = bare(to_plain(section(said(text))))
    for before, after in (("", ""), ("w", "w"), ("a ", " b"), ("!", "[x](y)"), ("&", ";"), ("- ", ".")):
        blocks = section(said(before), span, said(after))
        assert bare(Shown(to_markdown(blocks)).text) == bare(before + plain + after)
    quoted = rich({"type": "rich_text_quote", "elements": [span]}, rows("bullet", text))
    assert bare(Shown(to_markdown(quoted)).text) == plain * 2
    assert "@[" not in to_markdown(quoted)


@pytest.mark.parametrize("text", NAUGHTY)
def test_code_is_not_touched(text: str) -> None:
    """A block of code shows what it holds, and leaves room for any fence inside."""
    made = {"type": "rich_text_preformatted", "language": "c++", "elements": [said(text)]}
    out = to_markdown(rich(made))
    assert bare(Shown(out).text) == bare(to_plain(section(said(text))))
    assert Shown(out).tags <= {"pre", "code"}
