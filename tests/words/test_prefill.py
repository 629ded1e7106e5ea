"""Words back into a form: legal for Slack, with nothing alive in them."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.words.conversions import to_plain
from bridge.words.into_form import as_rich_text
from tests.support.shown import bare, check_rich, visible
from tests.support.typed import NAMES, link, links, rich, rows, said, section, spans, to_markdown


@settings(max_examples=150, deadline=None)
@given(st.lists(spans | links, max_size=5))
def test_a_prefill_is_legal_and_says_the_same(elements: list[dict[str, Any]]) -> None:
    """What goes back to Slack has only elements it accepts and leaves no word out."""
    block, long = as_rich_text({"blocks": section(*elements)}, NAMES, 3000)
    check_rich(block)
    assert not long
    assert bare(to_plain([block])) == visible(elements)
    assert to_markdown([block]) == to_markdown(section(*elements))


def test_a_prefill_has_no_live_elements() -> None:
    """Mentions, groups, broadcasts, colours and emoji of one's own become text; the rest stays."""
    wave = {"type": "emoji", "name": "wave", "unicode": "1f44b-1f3fc", "skin_tone": 3, "url": "https://e"}
    elements: list[dict[str, Any]] = [
        {"type": "user", "user_id": "U2", "style": {"bold": True, "highlight": True}},
        {"type": "channel", "channel_id": "C9"}, {"type": "broadcast", "range": "here"},
        {"type": "color", "value": "#fff"}, {"type": "emoji", "name": "party_parrot"}, wave,
        said(""), link("https://a.example", "a"), link("javascript:x", "b"),
    ]  # fmt: skip
    block, _ = as_rich_text({"blocks": section(*elements)}, NAMES, 3000)
    assert block and block["elements"][0]["elements"] == [
        {"type": "text", "text": "@bo_b", "style": {"bold": True}}, {"type": "text", "text": "a private channel"},
        {"type": "text", "text": "@here"}, {"type": "text", "text": "#fff"}, {"type": "text", "text": ":party_parrot:"},
        {"type": "emoji", "name": "wave", "unicode": "1f44b-1f3fc", "skin_tone": 3},
        {"type": "link", "url": "https://a.example", "text": "a"}, {"type": "text", "text": "b"},
    ]  # fmt: skip


def test_a_prefill_keeps_lists_quotes_and_code() -> None:
    """Indentation, order, numbers and borders come back as they were."""
    elements = [
        rows("ordered", "a", "b", indent=0, offset=2), rows("bullet", "c", indent=1, border=1),
        {"type": "rich_text_quote", "elements": [{"type": "text", "text": "d"}]},
        {"type": "rich_text_preformatted", "elements": [said("e")], "border": 1, "language": "python"},
    ]  # fmt: skip
    block, _ = as_rich_text({"blocks": rich(*elements)}, NAMES, 100)
    assert block and json.loads(json.dumps(block).replace(', "style": {}', "")) == json.loads(
        json.dumps(rich(*elements)[0]).replace(', "style": {}', "")
    )


def test_a_prefill_knows_its_limit() -> None:
    """Longer than the limit is (None, True); nothing at all is (None, False); mrkdwn will do."""
    assert as_rich_text({"text": "abcd"}, NAMES, 3) == (None, True)
    assert as_rich_text({"text": " "}, NAMES, 3) == (None, False)
    block, _ = as_rich_text({"text": "*a* <@U2>"}, NAMES, 9)
    assert block and block["elements"][0]["elements"][0] == {
        "type": "text",
        "text": "a",
        "style": {"bold": True},
    }


def test_a_prefill_knows_what_a_view_can_take() -> None:
    """Few characters may be much JSON, by their styles or their addresses; then it is too long, whatever the limit."""
    styled = [said("👍", *(["bold"] if i % 2 else ["italic"])) for i in range(3000)]
    assert as_rich_text({"blocks": section(*styled)}, NAMES, 3000) == (None, True)
    long = link("https://a.example/" + "x" * 250_000, "a")
    assert as_rich_text({"blocks": section(long)}, NAMES, 3000) == (None, True)
