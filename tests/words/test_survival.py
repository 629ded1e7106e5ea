"""Whatever comes from Slack is survived, in time that grows with its length."""

# ruff: noqa: E501 - a row of a table is one fact and stays on one line

from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.words.conversions import inert, mentioned_in, message_to_markdown, name_to_markdown, to_plain
from bridge.words.into_form import as_rich_text
from tests.bench.words import MANY, UNKIND, cost, long_text, many, ordinary
from tests.support.shown import TAGS, Shown, check_rich
from tests.support.typed import NAMES, mentioned, mrkdwn_to_markdown, said, to_markdown

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
TYPES = [
    "rich_text", "rich_text_section", "rich_text_list", "rich_text_quote", "rich_text_preformatted", "text", "link", "user",
    "channel", "usergroup", "broadcast", "emoji", "date", "color", "team", "section", "mrkdwn", "plain_text", "image", "novel",
    "header", "table", "button", "static_select", "rich_text_novel", "video",
]  # fmt: skip
KEYS = [
    "elements", "text", "url", "style", "name", "unicode", "skin_tone", "user_id", "channel_id", "usergroup_id", "range",
    "timestamp", "fallback", "value", "indent", "offset", "border", "language", "fields", "title", "alt_text", "rows", "blocks",
    "attachments", "files", "pretext", "is_msg_unfurl", "title_link", "accessory", "options", "author_name", "author_link",
    "image_url", "footer", "actions", "channel_id", "content", "subtype", "from_url",
]  # fmt: skip
slackish = st.recursive(
    json_values
    | st.sampled_from(["1f44b-1f3fc", "110000", "d800", "wave", "ordered", "https://a.example/b", "<@U1|x>"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.builds(
            lambda kind, rest: {"type": kind, **rest},
            st.sampled_from(TYPES),
            st.dictionaries(st.sampled_from(KEYS), inner, max_size=5),
        )
    ),
    max_leaves=25,
)


def everything(value: Any) -> None:
    mentioned(value, value)
    mentioned_in(value)
    inert(value)
    name_to_markdown(value)
    to_plain(value, value, NAMES)
    mrkdwn_to_markdown(value, NAMES)
    message_to_markdown(value, NAMES)
    for text in (to_markdown(value, value, NAMES), to_markdown([value], "", NAMES)):
        text.encode()
        assert Shown(text).tags <= TAGS
    for message in (value, {"blocks": value}, {"blocks": [value], "attachments": [value], "files": [value]}):
        check_rich(as_rich_text(message, NAMES, 3000)[0])


@settings(max_examples=150, deadline=None)
@given(json_values)
def test_any_json_is_survived(value: Any) -> None:
    """Whatever JSON comes, something is said and nothing raises."""
    everything(value)


@settings(max_examples=300, deadline=None)
@given(slackish)
def test_any_json_that_looks_like_slacks_is_survived(value: Any) -> None:
    """Known types with the wrong insides raise nothing, and nothing in them comes alive."""
    everything(value)


def test_depth_is_survived() -> None:
    """Blocks nested far deeper than Slack would are cut off, not followed."""
    value: Any = [said("deep")]
    for kind in ["rich_text", "rich_text_section", "novel", "rich_text_list"] * 2000:
        value = [{"type": kind, "elements": value}]
    assert to_markdown(value, "shallow") == "shallow"


@pytest.mark.parametrize("seed", UNKIND)
def test_time_grows_with_length_only(seed: str) -> None:
    """Long text of whatever kind takes no time that grows faster than it does."""
    quarter, whole = (cost(partial(long_text, (seed * length)[:length])) for length in (2_000, 8_000))
    # What is linear takes four times as long, what grows with the square sixteen times.
    assert whole < 8 * quarter + 0.2


@pytest.mark.parametrize("kind", MANY)
def test_time_grows_with_pieces_only(kind: str) -> None:
    """Many runs, links, items, quotes, cells and strangers take no time that grows faster than they do."""
    quarter, whole = (cost(partial(many, kind, length), 1) for length in (250, 1_000))
    assert whole < 8 * quarter + 0.2


def test_converting_is_as_quick_as_rendering() -> None:
    """An ordinary message is converted in about the time that a renderer of CommonMark takes for the result."""
    _, _, relative = ordinary(times=20)
    assert relative > 0.4
