"""What people type into Slack, for the tests of words: builders, hostile text and strategies."""

# ruff: noqa: E501 - a row of a table is one fact and stays on one line

from typing import Any

from hypothesis import strategies as st

from bridge.words.conversions import mentioned_in, message_to_markdown
from bridge.words.names import Mentioned, Names

NOBODY = Names()
NAMES = Names({"U1": "Ann [Lee](contact:7)", "U2": "bo_b"}, {"C1": "general"}, labels={"S1": "desk"})

NAUGHTY = [
    "*a* _b_ ~c~ ~~d~~ **e** __f__ `g` ``h`` ```i```", "# not a heading", "#tag", "1. one", "23) two",
    "- dash", "+ plus", "* star", "---", "- - -", "* * *", "_ _ _", "===", "> quote", "~~~", "```", "| a | b |\n|---|---|\n| 1 | 2 |",
    "a\n---", "a\n===", "a | b\n-- | --", ":--", "    code?", "\tcode?", "[x](javascript:alert(1))", "![x](http://e/i.png)",
    "[ref]: http://evil.example", "[ref]", "<script>alert(1)</script>", "<https://a.example>", "<!-- x -->", "<a@b.example>",
    "&lt;b&gt; &#35; &amp; AT&T &copy= &", "@[Ann](contact:123)", "C:\\Users\\*x*\\", "\\", "\\\\", "snake_case __init__ _x", "2 * 3 * 4",
    "~5 ~/x ~~", "!", "![", "a  \nb", "a\\\nb", "a\n\n\n\nb", "\u202eevil", "é\u0301 \u200b* \u200d", "👍*x*", "“*x*”", "\u00a0# x", "\ufeff# x",
    "\x00\x1b[0m", "a\u2028# b", "a\r\nb\rc", "```\n```", "<details open ontoggle=x>", "*" * 50, "_" * 50, "[" * 50, "`" * 51, "\ud800",
]  # fmt: skip


def to_markdown(blocks: object, text: str = "", names: Names = NOBODY) -> str:
    return message_to_markdown({"blocks": blocks, "text": text}, names)


def mrkdwn_to_markdown(text: str, names: Names = NOBODY) -> str:
    return to_markdown(None, text, names)


def mentioned(blocks: object, text: str = "") -> Mentioned:
    return mentioned_in({"blocks": blocks, "text": text})


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


# What Markdown is made of, close together: where two rules meet is where converters break.
tricky = st.text(st.sampled_from(list("]:[`*_~<>&#;!\\ \n()a1-+=|.@")), max_size=8)
prose = (
    tricky
    | st.text(
        st.sampled_from(list("ab1 _*~`#-+.>[]()<>!&;:=|\\@\n\t\"'“👍é٣\u00a0"))
        | st.characters(exclude_categories=["Cs"]),
        max_size=14,
    )
    | st.sampled_from([text for text in NAUGHTY if "\ud800" not in text])
)
styles = st.sets(st.sampled_from(["bold", "italic", "strike", "code", "underline"]), max_size=3)
spans = st.builds(lambda text, marks: said(text, *marks), prose, styles)
urls = st.sampled_from([
    "https://a.example/x_(y)_z", "http://a.example/?a=1&copy;=2", "mailto:a@b.example", "tel:+491", "https://a.example/)(", "https://a.example/a b",
    "javascript:alert(1)", "data:text/html,x", "https://a.example/onclick=x", "https://a.example/*x*", "https://a.example/\"'<>`\\", "HTTPS://a.example", " javascript:x",
])  # fmt: skip
links = st.builds(lambda url, text, marks: link(url, text, *marks), urls, prose, styles)

runs = st.lists(spans | links, min_size=1, max_size=4)
sections = st.builds(lambda inner: {"type": "rich_text_section", "elements": inner}, runs)
quotes = st.builds(
    lambda inner, border: {"type": "rich_text_quote", "elements": inner, "border": border}, runs, st.integers(0, 1)
)
blocks_of_code = st.builds(
    lambda text, language, border: {"type": "rich_text_preformatted", "elements": [said(text)], "language": language, "border": border},
    prose, st.sampled_from(["", "python", "c++", "a b", "`"]), st.integers(0, 1),
)  # fmt: skip
lists = st.builds(
    lambda style, inner, indent, offset, border: {
        "type": "rich_text_list", "style": style, "indent": indent, "offset": offset, "border": border, "elements": inner,
    },
    st.sampled_from(["bullet", "ordered"]), st.lists(sections, min_size=1, max_size=3), st.integers(0, 8), st.integers(0, 12), st.integers(0, 1),
)  # fmt: skip
messages = st.lists(sections | quotes | blocks_of_code | lists, max_size=5)
