"""Each thing that Slack can hold, and the form that it has on the board."""

# ruff: noqa: E501 - a row of a table is one fact and stays on one line

from typing import Any

import pytest

from tests.support.typed import NAMES, link, mrkdwn_to_markdown, rich, rows, said, section, to_markdown

TABLE: list[tuple[str, list[dict[str, Any]], str]] = [
    ("styles next to blanks", section(said(" so ", "bold"), said("it")), "**so** it"),
    ("blanks stay outside the marks", section(said("a"), said(" b ", "bold"), said("c")), "a **b** c"),
    ("italic in a word uses asterisks", section(said("a"), said("b", "italic"), said("c")), "a*b*c"),
    ("italic alone uses underscores", section(said("b", "italic")), "_b_"),
    ("what cannot flank loses its style", section(said('"x"', "bold"), said("y")), '"x"y'),
    ("both styles nest", section(said("x", "bold", "italic")), "**_x_**"),
    ("the wider style is outside", section(said("a", "bold", "italic"), said("b", "italic")), "_**a**b_"),
    ("equal neighbours are one run", section(said("a", "bold"), said("b", "bold")), "**ab**"),
    ("underline has no markup", section(said("a", "underline")), "a"),
    ("strike", section(said("a b", "strike")), "~~a b~~"),
    ("code holds backticks", section(said("a`b", "code")), "``a`b``"),
    ("code at the edge is padded", section(said("`", "code")), "`` ` ``"),
    ("lines stay lines", section(said("a\nb\n\nc")), "a  \nb\n\nc"),
    ("plain text stays readable", section(said("snake_case 2 * 3 C:\\dir AT&T a-b 1.5 (x) #no")), "snake_case 2 * 3 C:\\dir AT&T a-b 1.5 (x) #no"),
    ("only starts are escaped", section(said("# a\n1. b\n- c\n> d\n+1 e")), "\\# a  \n1\\. b  \n\\- c  \n\\> d  \n+1 e"),
    ("a star behind a blank starts no list", section(said(" * a\n  *\tb\n *")), "\\* a  \n\u00a0\u00a0\\*\tb  \n\\*"),
    ("entities", section(said("<b> &lt; & x")), "&lt;b> &amp;lt; & x"),
    ("indentation is kept without code", section(said("    x")), "\u00a0" * 4 + "x"),
    ("a link", section(link("https://a.example/x", "here")), "[here](https://a.example/x)"),
    ("a bare address", section(said("see "), link("https://a.example/x_y")), "see <https://a.example/x_y>"),
    ("an address that Markdown would eat", section(link("https://a.example/_x_")), "<https://a.example/_x_>"),
    ("an address that HTML would obey", section(link("https://a.example/*/onclick=x")), "[https://a.example/\\*/onclick=x](https://a.example/*/onclick=x)"),
    ("parentheses in an address", section(link("https://a.example/x_(y)", "w")), "[w](https://a.example/x_(y))"),
    ("a mail address", section(link("mailto:a@b.example", "a@b.example")), "<a@b.example>"),
    ("other schemes are text", section(link("javascript:alert(1)", "go")), "go"),
    ("styled links merge", section(link("https://a/", "a", "bold"), link("https://a/", "b")), "[**a**b](https://a/)"),
    ("no image", section(said("hi!"), link("https://a/", "x")), "hi\\![x](https://a/)"),
    ("no mention by a link", section(said("@"), link("https://a/", "x")), "@\u2060[x](https://a/)"),
    ("half a mention in code", section(said("@[Bob", "code"), said("](contact:5)")), "`@\u2060[Bob`\\](contact:5)"),
    ("a mention", section({"type": "user", "user_id": "U2"}), "@bo_b"),
    ("a hostile name", section({"type": "user", "user_id": "U1"}), "@Ann \\[Lee\\](contact:7)"),
    ("nobody known", section({"type": "user", "user_id": "U9"}), "@someone"),
    ("a public channel", section(said("in "), {"type": "channel", "channel_id": "C1"}), "in #general"),
    ("another channel", section({"type": "channel", "channel_id": "C9"}), "a private channel"),
    ("a group", section({"type": "usergroup", "usergroup_id": "S1"}), "@desk"),
    ("an unknown group", section({"type": "usergroup", "usergroup_id": "S9"}), "@group"),
    ("everyone", section({"type": "broadcast", "range": "here"}), "@here"),
    ("an emoji by its code", section({"type": "emoji", "name": "wave", "unicode": "1f44b-1f3fc"}), "👋🏼"),
    ("an emoji by its name and tone", section({"type": "emoji", "name": "writing_hand", "skin_tone": 3}), "✍🏼"),
    ("an emoji of one's own", section({"type": "emoji", "name": "party_parrot"}), ":party_parrot:"),
    ("rich text does not know colons", section(said(":wave:")), ":wave:"),
    ("a date", section({"type": "date", "timestamp": 0, "format": "{date}"}), "1970-01-01T00:00:00Z"),
    ("a date with words", section({"type": "date", "timestamp": 0, "fallback": "then"}), "then"),
    ("a date out of reach", section({"type": "date", "timestamp": 10**40}), "a date"),
    ("a colour", section({"type": "color", "value": "#ff0000"}), "\\#ff0000"),
    ("an unknown element", section({"type": "novel", "text": "kept"}), "kept"),
    ("an unknown block", [{"type": "novel", "title": {"type": "plain_text", "text": "a :wave:"}, "elements": [{"alt_text": "b"}]}], "a 👋\n\nb"),
    ("a section", [{"type": "section", "text": {"type": "mrkdwn", "text": "*a* <@U2>"}, "fields": [{"type": "mrkdwn", "text": "b"}]}], "**a** @bo_b\n\nb"),
    ("a heading", [{"type": "header", "text": {"type": "plain_text", "text": "Hi :wave:"}}], "**Hi 👋**"),
    ("a button's address", [{"type": "actions", "elements": [{"type": "button", "text": {"type": "plain_text", "text": "Go"}, "url": "https://a/", "value": "hidden"}]}], "[Go](https://a/)"),
    ("a menu's choices are no words", [{"type": "section", "text": {"type": "mrkdwn", "text": "a"}, "accessory": {"type": "static_select", "placeholder": {"type": "plain_text", "text": "b"}, "options": [{"text": {"type": "plain_text", "text": "c"}, "value": "d"}]}}], "a"),
    ("boxes to tick", [{"type": "actions", "elements": [{"type": "checkboxes", "options": [{"text": {"type": "mrkdwn", "text": "*c*"}, "value": "d"}]}]}], "**c**"),
    ("a picture", [{"type": "image", "image_url": "https://a/b.png", "alt_text": "cat"}], "[cat](https://a/b.png)"),
    ("a picture that Slack keeps", [{"type": "image", "slack_file": {"id": "F1", "url": "https://files.slack.com/x"}, "alt_text": "cat"}], "cat"),
    ("an address on words of its own", [{"type": "novel", "url": "https://a/", "text": {"type": "mrkdwn", "text": "*b* <https://c/|c>\n"}}], "[**b**](https://a/) [c](https://c/)"),
    ("a picture beside words", [{"type": "section", "text": {"type": "mrkdwn", "text": "a"}, "accessory": {"type": "image", "image_url": "https://a/b.png", "alt_text": "cat"}}], "a\n\n[cat](https://a/b.png)"),
    ("a film", [{"type": "video", "title": {"type": "plain_text", "text": "Talk"}, "title_url": "https://a/", "video_url": "https://a/e", "alt_text": "Talk"}], "[Talk](https://a/)"),
    ("a table", [{"type": "table", "rows": [[{"type": "raw_text", "text": "A"}, {"type": "raw_text", "text": "B"}], [section(said("b", "bold"))[0], {"type": "raw_text", "text": "--"}]]}], "A | B  \n**b** | --"),
    ("tomorrow's block", [{"type": "plan", "title": "My plan", "owner_id": "U7", "tasks": [{"type": "task", "heading": "one", "extra": {"body": "two"}, "ids": ["C9"]}]}], "My plan\n\none\n\ntwo"),
    ("tomorrow's rich text", rich({"type": "rich_text_callout", "elements": [said("a"), {"type": "novel", "title": "b", "text": "c"}], "title": "d"}), "ac\n\nd"),
    ("rich text of another make", [{"type": "rich_text", "sections": [{"type": "novel", "text": "kept"}]}], "kept"),
    ("code that touches bold code", section(said("a", "code", "bold"), said("b", "code")), "`ab`"),
    ("no definition of a reference", section(link("https://a/", "]:", "code")), "[\\]:](https://a/)"),
    ("a backslash at the end of a label", section(link("https://a/", "a\\ "), said("b")), "[a\\\\](https://a/) b"),
    ("a backslash at the end of a style", section(said("a\\ ", "bold"), said("b")), "**a\\\\** b"),
    ("a bold address", section(link("https://a.example/", "", "bold")), "[**https://a.example/**](https://a.example/)"),
    ("an address that is read in two ways", section(link("https://a.example/?a&copy;")), "[https://a.example/?a&amp;copy;](https://a.example/?a&amp;copy;)"),
    ("a mention in an address", section(link("https://a.example/@[x](contact:1)", "w")), "[w](https://a.example/@%5Bx](contact:1))"),
    ("bullets", rich(rows("bullet", "a", "b")), "- a\n- b"),
    ("numbers go on", rich(rows("ordered", "a", offset=2), rows("bullet", "b", indent=1), rows("ordered", "c", offset=3)), "3. a\n    - b\n4. c"),
    ("lines in an item", rich(rows("bullet", "a\nb")), "- a  \n  b"),
    ("a nested list that starts late", rich(rows("bullet", "a"), rows("ordered", "b", indent=1, offset=4)), "- a\n\n    5. b"),
    ("a list in a quote", rich(rows("bullet", "a", border=1), rows("bullet", "b", border=1, indent=1)), "> - a\n>     - b"),
    ("a quote", rich({"type": "rich_text_quote", "elements": [said("a\nb\n\nc")]}), "> a  \n> b\n>\n> c"),
    ("code", rich({"type": "rich_text_preformatted", "language": "python", "elements": [said("```\n*x*")]}), "````python\n```\n*x*\n````"),
    ("no foreign language", rich({"type": "rich_text_preformatted", "language": "a b`", "elements": [said("x")]}), "```\nx\n```"),
    ("blocks without words", [{"type": "divider"}], "the text"),
]  # fmt: skip

MRKDWN = [
    ("*b* _i_ ~s~ `c`", "**b** _i_ ~~s~~ `c`"),
    ("_*both*_ _one *two*_", "_**both**_ _one **two**_"),
    ("just_some_snake_case 2*3*4", "just_some_snake_case 2\\*3\\*4"),
    ("&amp;lt; &lt;b&gt; &amp;amp;", "&amp;lt; &lt;b> &amp;amp;"),
    ("12:34:56:78 :wave::skin-tone-3: :+1: :x_y: :a:wave:", "12:34:56:78 👋🏼 👍 :x_y: 🅰️wave:"),
    ("`:wave:` ```:wave: *x* &lt;b&gt;```", "`:wave:`\n\n```\n:wave: *x* <b>\n```"),
    ("<https://a.example|here> <mailto:a@b.example|a@b.example>", "[here](https://a.example) <a@b.example>"),
    ("<@U2> <@U8> <@U9|bill> <#C1|old> <#C9|secret> <#C9> <#C9|>", "@bo_b @someone @bill #general a private channel a private channel a private channel"),
    ("<!here> <!channel|x> <!subteam^S1|@old> <!subteam^S9|@new> <!subteam^S8>", "@here @channel @old @new @group"),
    ("<!date^0^{date}|then> <!date^0^{date}^https://a.example/|then> <!date^0^x>", "then [then](https://a.example/) 1970-01-01T00:00:00Z"),
    ("<javascript:alert(1)|go> <ftp://a.example>", "go ftp\\://a.example".replace("\\", "")),
    ("&gt; a\n&gt; b\nc", "> a  \n> b\n\nc"),
    ("x\n&gt;&gt;&gt;a\n\nb", "x\n\n> a\n>\n> b"),
    ("• a\n• b\n    ◦ c", "- a\n- b\n    - c"),
    ("```never closed", "\\`\\`\\`never closed"),
    ("`<#C9|secret>`", "`a private channel`"),
]  # fmt: skip


@pytest.mark.parametrize(("blocks", "expected"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_blocks_become_markdown(blocks: list[dict[str, Any]], expected: str) -> None:
    """Each thing that Slack's blocks can hold has its form on the board."""
    assert to_markdown(blocks, "the text", NAMES) == expected


@pytest.mark.parametrize(("text", "expected"), MRKDWN)
def test_mrkdwn_becomes_markdown(text: str, expected: str) -> None:
    """Each thing that mrkdwn can hold has the form that it has in blocks."""
    assert mrkdwn_to_markdown(text, NAMES) == expected


def test_no_mention_survives_in_code() -> None:
    """The board's mention syntax is broken even where nothing can be escaped."""
    for style in ([], ["code"]):
        out = to_markdown(section(said("@[Ann](contact:1)", *style)))
        assert "@[" not in out
    assert "@[" not in mrkdwn_to_markdown("```@[Ann](contact:1)```")


def test_two_code_spans_that_touch_stay_code() -> None:
    """Code joins code, whatever else it is, so that no backtick shows."""
    assert to_markdown(section(said("a", "code"), said("b", "code", "bold"), said("c"))) == "`ab`c"
