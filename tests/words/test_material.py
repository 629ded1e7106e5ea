"""Other people's material: what two converters keep, and what Slack really sent."""

import re
from typing import Any

import pytest

from bridge.words.conversions import message_to_markdown
from bridge.words.into_form import as_rich_text
from bridge.words.names import Names
from tests.support.material import beside, cases
from tests.support.shown import COMMONMARK, TAGS, Shown, bare, check_rich
from tests.support.typed import NAMES, mentioned, mrkdwn_to_markdown

OWN = [
    {
        "id": "own-styles",
        "input": "a *b* _c_ ~d~",
        "semantic": {"text": "a b c d", "bold": ["b"], "italic": ["c"], "strike": ["d"]},
    },
    {"id": "own-code", "input": "*a `b`* `*c*`", "semantic": {"text": "a b *c*", "bold": ["a"], "code": ["b", "*c*"]}},
]


@pytest.mark.parametrize(
    "case", OWN + cases("clojurians-log.json") + cases("slackdown.json"), ids=lambda case: case["id"]
)
def test_what_others_keep_is_kept(case: dict[str, Any]) -> None:
    """The words, bold, italic and code that two other converters find are found here too."""
    out = mrkdwn_to_markdown(case["input"])
    html = COMMONMARK.render(out)
    for key, tag in (("bold", "strong"), ("italic", "em"), ("strike", "s")):
        for piece in case["semantic"].get(key, []):
            assert any(
                bare(piece) in bare(re.sub("<[^>]*>", "", hit)) for hit in re.findall(f"<{tag}>(.*?)</{tag}>", html)
            ), out
    for name in ("code", "pre"):
        assert not case["semantic"].get(name) or f"<{name}>" in html
    links = case["semantic"].get("links", [])
    assert [(url, label or url) for url, label in links] == re.findall('<a href="([^"]*)">([^<]*)</a>', html)
    # Ours names ids, shows emoji as characters, and takes a blank between two quote marks.
    if not re.search("<[@#!]|:[a-z+0-9-]+:|^> >", case["input"]):
        assert bare(Shown(out).text) == bare(case["semantic"]["text"])


@beside
def test_what_slack_really_sends_is_survived() -> None:
    """Every payload recorded from Slack converts, its messages too."""
    pending: list[Any] = [*cases("slack-payloads.json")]
    while pending:
        node = pending.pop()
        pending += node.values() if isinstance(node, dict) else node if isinstance(node, list) else []
        if isinstance(node, dict):
            assert Shown(message_to_markdown(node, NAMES)).tags <= TAGS
            check_rich(as_rich_text(node, NAMES, 3000)[0])


@pytest.mark.parametrize("case", cases("clojurians-log.json") + cases("slackdown.json"), ids=lambda case: case["id"])
def test_every_person_and_channel_is_named(case: dict[str, Any]) -> None:
    """Everybody mentioned is asked for and named, every public channel too; no id is left."""
    needed = mentioned(None, case["input"])
    known = Names(
        {user: f"Person {user[-3:]}" for user in needed.users},
        {each: f"c-{each[-3:].lower()}" for each in needed.channels},
    )
    shown = Shown(mrkdwn_to_markdown(case["input"], known)).text
    users, channels = re.findall(r"<@(\w+)", case["input"]), re.findall(r"<#(\w+)", case["input"])
    assert (set(needed.users), set(needed.channels)) == (set(users), set(channels))
    assert len(users) == len(case["semantic"].get("users", []))
    for ident in (*users, *channels):
        assert ident not in shown
    assert [f"@Person {user[-3:]}" for user in users] == re.findall(r"@Person \w+", shown)
    assert [f"#c-{each[-3:].lower()}" for each in channels] == re.findall(r"#c-\w+", shown)
