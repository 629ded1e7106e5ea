"""Slack's words on the board: read as typed, alive in nothing but what was meant."""

# ruff: noqa: E501 - a row of a table is one fact and stays on one line

import json
import re
import time
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from bridge import words
from bridge.words import Mentioned, Names

MATERIAL = Path(__file__).parents[2] / "shared" / "material"
NAMES = Names({"U1": "Ann [Lee](contact:7)", "U2": "bo_b"}, {"C1": "general"}, {"S1": "desk"})
COMMONMARK = MarkdownIt("commonmark", {"html": True}).enable(["strikethrough", "table"])
TAGS = {"p", "br", "strong", "em", "s", "code", "pre", "a", "ul", "ol", "li", "blockquote"}
MEANT = ("http:", "https:", "mailto:", "tel:")

NAUGHTY = [
    "*a* _b_ ~c~ ~~d~~ **e** __f__ `g` ``h`` ```i```", "# not a heading", "#tag", "1. one", "23) two",
    "- dash", "+ plus", "* star", "---", "- - -", "* * *", "_ _ _", "===", "> quote", "~~~", "```", "| a | b |\n|---|---|\n| 1 | 2 |",
    "a\n---", "a\n===", "a | b\n-- | --", ":--", "    code?", "\tcode?", "[x](javascript:alert(1))", "![x](http://e/i.png)",
    "[ref]: http://evil.example", "[ref]", "<script>alert(1)</script>", "<https://a.example>", "<!-- x -->", "<a@b.example>",
    "&lt;b&gt; &#35; &amp; AT&T &copy= &", "@[Ann](contact:123)", "C:\\Users\\*x*\\", "\\", "\\\\", "snake_case __init__ _x", "2 * 3 * 4",
    "~5 ~/x ~~", "!", "![", "a  \nb", "a\\\nb", "a\n\n\n\nb", "\u202eevil", "é\u0301 \u200b* \u200d", "👍*x*", "“*x*”", "\u00a0# x", "\ufeff# x",
    "\x00\x1b[0m", "a\u2028# b", "a\r\nb\rc", "```\n```", "<details open ontoggle=x>", "*" * 50, "_" * 50, "[" * 50, "`" * 51, "\ud800",
]  # fmt: skip


class Shown(HTMLParser):
    """What a reader would see, and what would be alive."""

    def __init__(self, markdown: str) -> None:
        super().__init__()
        self.text, self.tags, self.links = "", set[str](), list[str]()
        self.feed(COMMONMARK.render(markdown))
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.links += [value or "" for name, value in attrs if name in {"href", "src"}]

    def handle_data(self, data: str) -> None:
        self.text += data


class Raw(HTMLParser):
    """The Markdown itself, taken for HTML: its elements, and attributes that a browser obeys."""

    def __init__(self, markdown: str) -> None:
        super().__init__()
        self.tags, self.obeyed = set[str](), list[str]()
        self.feed(markdown)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.obeyed += [name for name, _ in attrs if name.startswith("on") or name in {"style", "href", "src"}]


def bare(text: str) -> str:
    """Text without its blanks and without what can never be seen."""
    return re.sub(r"[\s\x00-\x1f\x7f-\x9f\u2060]", "", text)


def section(*elements: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": list(elements)}]}]


def said(text: str, *style: str, **more: Any) -> dict[str, Any]:
    return {"type": "text", "text": text, "style": dict.fromkeys(style, True), **more}


def link(url: str, text: str = "", *style: str) -> dict[str, Any]:
    return {"type": "link", "url": url, "text": text, "style": dict.fromkeys(style, True)}


def rows(style: str, *texts: str, **more: Any) -> dict[str, Any]:
    sections = [{"type": "rich_text_section", "elements": [said(text)]} for text in texts]
    return {"type": "rich_text_list", "style": style, "elements": sections, **more}


def rich(*elements: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"type": "rich_text", "elements": list(elements)}]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
TYPES = [
    "rich_text", "rich_text_section", "rich_text_list", "rich_text_quote", "rich_text_preformatted", "text", "link", "user",
    "channel", "usergroup", "broadcast", "emoji", "date", "color", "team", "section", "mrkdwn", "plain_text", "image", "novel",
]  # fmt: skip
KEYS = [
    "elements", "text", "url", "style", "name", "unicode", "skin_tone", "user_id", "channel_id", "usergroup_id", "range",
    "timestamp", "fallback", "value", "indent", "offset", "border", "language", "fields", "title", "alt_text", "rows", "blocks",
    "attachments", "files", "pretext", "is_msg_unfurl", "title_link",
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
prose = st.text(
    st.sampled_from(list("ab1 _*~`#-+.>[]()<>!&;:=|\\@\n\t\"'“👍é٣\u00a0")) | st.characters(exclude_categories=["Cs"]),
    max_size=14,
) | st.sampled_from([text for text in NAUGHTY if "\ud800" not in text])
styles = st.sets(st.sampled_from(["bold", "italic", "strike", "code", "underline"]), max_size=3)
spans = st.builds(lambda text, marks: said(text, *marks), prose, styles)
urls = st.sampled_from([
    "https://a.example/x_(y)_z", "http://a.example/?a=1&copy;=2", "mailto:a@b.example", "tel:+491", "https://a.example/)(", "https://a.example/a b",
    "javascript:alert(1)", "data:text/html,x", "https://a.example/onclick=x", "https://a.example/*x*", "https://a.example/\"'<>`\\", "HTTPS://a.example", " javascript:x",
])  # fmt: skip
links = st.builds(lambda url, text, marks: link(url, text, *marks), urls, prose, styles)


def visible(spans_: list[dict[str, Any]]) -> str:
    said_ = (re.sub(r"[\x00-\x1f\x7f-\x9f]", "", span["text"]).strip() for span in spans_)
    return bare("".join(text or span.get("url", "") for text, span in zip(said_, spans_, strict=True)))


# --- Nothing raises ----------------------------------------------------------------


def everything(value: Any) -> None:
    words.mentioned(value, value)
    words.to_plain(value, value, NAMES)
    words.mrkdwn_to_markdown(value, NAMES)
    words.message_to_markdown(value, NAMES)
    for text in (words.to_markdown(value, value, NAMES), words.to_markdown([value], "", NAMES)):
        text.encode()
        assert Shown(text).tags <= TAGS
    for message in (value, {"blocks": value}, {"blocks": [value], "attachments": [value], "files": [value]}):
        check_rich(words.as_rich_text(message, NAMES, 3000)[0])


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
    assert words.to_markdown(value, "shallow") == "shallow"


@pytest.mark.parametrize("seed", ["*a ", "_", "`", "<", "<@", ":a", "~", "&", "```", "[", "@[", "\\", " ", "\n", "> ", "• ", "a*b_", "(", "&#", "*", "&gt;&gt;&gt;", ">>>\n"])  # fmt: skip
def test_time_grows_with_length_only(seed: str) -> None:
    """Long text of whatever kind takes no time that grows faster than it does."""
    text = (seed * 20_000)[:20_000]
    started = time.perf_counter()
    words.mrkdwn_to_markdown(text)
    words.to_markdown(section(said(text), said(text, "bold"), said(text, "code"), link("https://a/" + text, text)))
    assert time.perf_counter() - started < 4


# --- Read as typed -----------------------------------------------------------------


@settings(max_examples=600, deadline=None)
@given(st.lists(spans | links, max_size=5))
def test_every_character_is_rendered_as_typed(elements: list[dict[str, Any]]) -> None:
    """Rendered, a section shows exactly the characters typed, in order, and nothing else is alive."""
    out = words.to_markdown(section(*elements))
    shown = Shown(out)
    assert bare(shown.text) == visible(elements)
    assert shown.tags <= {"p", "br", "strong", "em", "s", "code", "a"}
    assert not re.search(r"(?i)@\[[^\]]*\]\(contact:", out)
    assert all(url.lower().startswith(MEANT) for url in shown.links)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.builds(lambda text, marks: said(text, *marks - {"code"}), prose, styles) | links, max_size=5))
def test_markdown_read_as_html_is_harmless(elements: list[dict[str, Any]]) -> None:
    """A board that took the Markdown for HTML would find no element but a bracketed address, obeying nothing."""
    quiet = [{**element, "style": {k: v for k, v in element["style"].items() if k != "code"}} for element in elements]
    page = Raw(words.to_markdown(section(*quiet)))
    assert all(tag.startswith(MEANT) for tag in page.tags)
    assert page.obeyed == []


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["bullet", "ordered"]), prose, st.integers(0, 3), st.integers(0, 12), st.booleans()), max_size=6))  # fmt: skip
def test_every_list_is_rendered_as_typed(items: list[tuple[str, str, int, int, bool]]) -> None:
    """Items show their characters whatever their order, indentation, numbers and borders."""
    made = [rows(s, text, indent=i, offset=o, border=int(b)) for s, text, i, o, b in items]
    shown = Shown(words.to_markdown(rich(*made)))
    assert bare(shown.text) == bare("".join(words.to_plain(rich(one)) for one in made))
    assert shown.tags <= TAGS - {"pre", "a"}


@pytest.mark.parametrize("text", NAUGHTY)
@pytest.mark.parametrize("style", ["", "bold", "italic", "strike", "code"])
def test_naughty_text_is_only_text(text: str, style: str) -> None:
    """Text that looks like Markdown or HTML shows as typed, alone, in quotes, items and inside words."""
    span = said(text, *([style] if style else []))
    plain = bare(words.to_plain(section(said(text))))
    for before, after in (("", ""), ("w", "w"), ("a ", " b"), ("!", "[x](y)"), ("&", ";"), ("- ", ".")):
        blocks = section(said(before), span, said(after))
        assert bare(Shown(words.to_markdown(blocks)).text) == bare(before + plain + after)
    quoted = rich({"type": "rich_text_quote", "elements": [span]}, rows("bullet", text))
    assert bare(Shown(words.to_markdown(quoted)).text) == plain * 2
    assert "@[" not in words.to_markdown(quoted)


@pytest.mark.parametrize("text", NAUGHTY)
def test_code_is_not_touched(text: str) -> None:
    """A block of code shows what it holds, and leaves room for any fence inside."""
    made = {"type": "rich_text_preformatted", "language": "c++", "elements": [said(text)]}
    out = words.to_markdown(rich(made))
    assert bare(Shown(out).text) == bare(words.to_plain(section(said(text))))
    assert Shown(out).tags <= {"pre", "code"}


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
    ("entities", section(said("<b> &lt; & x")), "&lt;b> &amp;lt; & x"),
    ("indentation is kept without code", section(said("    x")), "\u00a0" * 4 + "x"),
    ("a link", section(link("https://a.example/x", "here")), "[here](https://a.example/x)"),
    ("a bare address", section(said("see "), link("https://a.example/x_y")), "see https://a.example/x_y"),
    ("an address that Markdown would eat", section(link("https://a.example/_x_")), "<https://a.example/_x_>"),
    ("an address that HTML would obey", section(link("https://a.example/*/onclick=x")), "[https://a.example/\\*/onclick=x](https://a.example/*/onclick=x)"),
    ("parentheses in an address", section(link("https://a.example/x_(y)", "w")), "[w](https://a.example/x_(y))"),
    ("a mail address", section(link("mailto:a@b.example", "a@b.example")), "a@b.example"),
    ("other schemes are text", section(link("javascript:alert(1)", "go")), "go"),
    ("styled links merge", section(link("https://a/", "a", "bold"), link("https://a/", "b")), "[**a**b](https://a/)"),
    ("no image", section(said("hi!"), link("https://a/", "x")), "hi\\![x](https://a/)"),
    ("no mention by a link", section(said("@"), link("https://a/", "x")), "@ [x](https://a/)"),
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
    ("<https://a.example|here> <mailto:a@b.example|a@b.example>", "[here](https://a.example) a@b.example"),
    ("<@U2> <@U9> <@U9|bill> <#C1|old> <#C9|secret> <#C9> <#C9|>", "@bo_b @someone @bill #general a private channel a private channel a private channel"),
    ("<!here> <!channel|x> <!subteam^S1|@old> <!subteam^S9|@new> <!subteam^S9>", "@here @channel @desk @new @group"),
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
    assert words.to_markdown(blocks, "the text", NAMES) == expected


@pytest.mark.parametrize(("text", "expected"), MRKDWN)
def test_mrkdwn_becomes_markdown(text: str, expected: str) -> None:
    """Each thing that mrkdwn can hold has the form that it has in blocks."""
    assert words.mrkdwn_to_markdown(text, NAMES) == expected


def test_no_mention_survives_in_code() -> None:
    """The board's mention syntax is broken even where nothing can be escaped."""
    for style in ([], ["code"]):
        out = words.to_markdown(section(said("@[Ann](contact:1)", *style)))
        assert "@[" not in out
    assert "@[" not in words.mrkdwn_to_markdown("```@[Ann](contact:1)```")


def test_two_code_spans_that_touch_stay_code() -> None:
    """Code joins code, whatever else it is, so that no backtick shows."""
    assert words.to_markdown(section(said("a", "code"), said("b", "code", "bold"), said("c"))) == "`ab`c"


# --- Names, plain text, subjects ---------------------------------------------------


def test_mentioned_asks_for_what_the_conversion_needs() -> None:
    """Ids are found in blocks and, when those say nothing, in the text."""
    blocks = section(*({"type": k, f"{k}_id": i} for k, i in (("user", "U1"), ("channel", "C1"), ("usergroup", "S1"))))
    found = Mentioned(frozenset({"U1"}), frozenset({"C1"}), frozenset({"S1"}))
    assert words.mentioned(blocks) == found
    assert words.mentioned([], "<@U1> `<#C1|x>` <!subteam^S1>") == found
    assert words.mentioned(None) == Mentioned()


def test_plain_text_has_no_markup() -> None:
    """Subjects are made of the words alone."""
    blocks = [
        *section(said("a", "bold"), said("*"), link("https://x.example", "b")),
        *rich(rows("bullet", "c")),
    ]
    assert words.to_plain(blocks) == "a*b\nc"
    assert words.to_plain(None, "*a* &amp; <@U2> :wave:", NAMES) == "a & @bo_b 👋"


@pytest.mark.parametrize(
    ("plain", "limit", "expected"),
    [
        ("\n  \n one  two \nthree", 20, "one two"), ("one two three", 8, "one two…"), ("one two, three", 9, "one two…"),
        ("one two three", 9, "one two…"), ("abcdefgh", 4, "abc…"), ("", 5, ""), ("abc", 0, ""), ("abc", 1, "…"), ("abc", 3, "abc"),
    ],
)  # fmt: skip
def test_a_subject_is_suggested(plain: str, limit: int, expected: str) -> None:
    """The first line that says something, cut at a word."""
    assert words.first_line(plain, limit) == expected


@given(st.text(max_size=60), st.integers(-2, 40))
def test_a_subject_keeps_to_its_limit(plain: str, limit: int) -> None:
    """A suggestion is one line and never longer than asked."""
    line = words.first_line(plain, limit)
    assert len(line) <= max(limit, 0)
    assert "\n" not in line


@given(st.text())
def test_escaped_text_means_itself(text: str) -> None:
    """What was escaped for Slack is read back as it was, and holds no angle bracket."""
    assert not re.search("[<>]", words.escape(text))
    assert words.escape("<!channel> & <@U1>") == "&lt;!channel&gt; &amp; &lt;@U1&gt;"


# --- Whole messages ----------------------------------------------------------------


def test_a_message_brings_attachments_and_files() -> None:
    """Words, then attachments, then a line for each file."""
    message = {
        "text": "a",
        "attachments": [
            {
                "pretext": "p",
                "title": "t",
                "title_link": "https://a.example/",
                "text": "*x*",
                "fallback": "no",
            },
            {"fallback": "f &amp; g"},
        ],
        "files": [{"name": "plan_v1.pdf"}, {"title": "Canvas"}, {"id": "F1"}],
    }
    expected = "a\n\np\n\n[t](https://a.example/)\n\n**x**\n\nf & g\n\nFile: plan_v1.pdf  \nFile: Canvas"
    assert words.message_to_markdown(message, NAMES) == expected


def test_an_unfurled_message_stays_where_it_was() -> None:
    """Words from another channel come along only when that channel is known to be public."""
    for channel, expected in (("C9", "a"), ("C1", "a\n\nsecret")):
        unfurl = {"is_msg_unfurl": True, "channel_id": channel, "text": "secret", "fallback": "secret"}
        assert words.message_to_markdown({"text": "a", "attachments": [unfurl]}, NAMES) == expected


# --- Back into a form --------------------------------------------------------------


def check_rich(block: dict[str, Any] | None) -> None:
    for element in block["elements"] if block else []:
        kind = element["type"]
        assert kind in {"rich_text_section", "rich_text_list", "rich_text_quote", "rich_text_preformatted"}
        assert set(element) <= {"type", "elements", "border"} | (
            {"style", "indent", "offset"} if kind == "rich_text_list" else set()
        )
        inner = (
            [part for row in element["elements"] for part in row["elements"]]
            if kind == "rich_text_list"
            else element["elements"]
        )
        assert inner
        for part in inner:
            check_inline(part)
            assert kind != "rich_text_preformatted" or set(part) == {"type", "text"}


def check_inline(part: dict[str, Any]) -> None:
    allowed = {"text": {"text"}, "link": {"url", "text"}, "emoji": {"name", "unicode", "skin_tone"}}
    assert set(part) <= {"type", "style"} | allowed[part["type"]]
    assert part["name"] if part["type"] == "emoji" else part["text"]
    assert part["type"] != "link" or part["url"].lower().startswith(MEANT)
    assert set(part.get("style", {"bold": True})) <= {"bold", "italic", "strike", "code", "underline"}
    assert all(value is True for value in part.get("style", {}).values())


@settings(max_examples=150, deadline=None)
@given(st.lists(spans | links, max_size=5))
def test_a_prefill_is_legal_and_says_the_same(elements: list[dict[str, Any]]) -> None:
    """What goes back to Slack has only elements it accepts and leaves no word out."""
    block, long = words.as_rich_text({"blocks": section(*elements)}, NAMES, 3000)
    check_rich(block)
    assert not long
    assert bare(words.to_plain([block])) == visible(elements)
    assert words.to_markdown([block]) == words.to_markdown(section(*elements))


def test_a_prefill_has_no_live_elements() -> None:
    """Mentions, groups, broadcasts, colours and emoji of one's own become text; the rest stays."""
    wave = {"type": "emoji", "name": "wave", "unicode": "1f44b-1f3fc", "skin_tone": 3, "url": "https://e"}
    elements: list[dict[str, Any]] = [
        {"type": "user", "user_id": "U2", "style": {"bold": True, "highlight": True}}, {"type": "channel", "channel_id": "C9"},
        {"type": "broadcast", "range": "here"}, {"type": "color", "value": "#fff"}, {"type": "emoji", "name": "party_parrot"}, wave, said(""),
        link("https://a.example", "a"), link("javascript:x", "b"),
    ]  # fmt: skip
    block, _ = words.as_rich_text({"blocks": section(*elements)}, NAMES, 3000)
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
        {"type": "rich_text_preformatted", "elements": [{"type": "text", "text": "e"}], "border": 1},
    ]  # fmt: skip
    block, _ = words.as_rich_text({"blocks": rich(*elements)}, NAMES, 100)
    assert block and json.loads(json.dumps(block).replace(', "style": {}', "")) == json.loads(
        json.dumps(rich(*elements)[0]).replace(', "style": {}', "")
    )


def test_a_prefill_knows_its_limit() -> None:
    """Longer than the limit is (None, True); nothing at all is (None, False); mrkdwn will do."""
    assert words.as_rich_text({"text": "abcd"}, NAMES, 3) == (None, True)
    assert words.as_rich_text({"text": " "}, NAMES, 3) == (None, False)
    block, _ = words.as_rich_text({"text": "*a* <@U2>"}, NAMES, 9)
    assert block and block["elements"][0]["elements"][0] == {
        "type": "text",
        "text": "a",
        "style": {"bold": True},
    }


# --- Other people's material -------------------------------------------------------


OWN = [
    {
        "id": "own-styles",
        "input": "a *b* _c_ ~d~",
        "semantic": {"text": "a b c d", "bold": ["b"], "italic": ["c"], "strike": ["d"]},
    },
    {"id": "own-code", "input": "*a `b`* `*c*`", "semantic": {"text": "a b *c*", "bold": ["a"], "code": ["b", "*c*"]}},
]


def material(name: str) -> list[dict[str, Any]]:
    path = MATERIAL / name
    return json.loads(path.read_text("utf-8"))["cases"] if path.exists() else []


@pytest.mark.parametrize(
    "case", OWN + material("clojurians-log.json") + material("slackdown.json"), ids=lambda case: case["id"]
)
def test_what_others_keep_is_kept(case: dict[str, Any]) -> None:
    """The words, bold, italic and code that two other converters find are found here too."""
    out = words.mrkdwn_to_markdown(case["input"])
    html = COMMONMARK.render(out)
    for key, tag in (("bold", "strong"), ("italic", "em"), ("strike", "s")):
        for piece in case["semantic"].get(key, []):
            assert any(
                bare(piece) in bare(re.sub("<[^>]*>", "", hit)) for hit in re.findall(f"<{tag}>(.*?)</{tag}>", html)
            ), out
    for name in ("code", "pre"):
        assert not case["semantic"].get(name) or f"<{name}>" in html
    # Ours names ids, shows emoji as characters, and takes a blank between two quote marks.
    if not re.search("<[@#!]|:[a-z+0-9-]+:|^> >", case["input"]):
        assert bare(Shown(out).text) == bare(case["semantic"]["text"])


def test_what_slack_really_sends_is_survived() -> None:
    """Every payload recorded from Slack converts, its messages too."""
    path = MATERIAL / "slack-payloads.json"
    pending: list[Any] = [json.loads(path.read_text("utf-8"))] if path.exists() else [{"message": {"text": "hi"}}]
    while pending:
        node = pending.pop()
        pending += node.values() if isinstance(node, dict) else node if isinstance(node, list) else []
        if isinstance(node, dict):
            assert Shown(words.message_to_markdown(node, NAMES)).tags <= TAGS
            check_rich(words.as_rich_text(node, NAMES, 3000)[0])
