"""Each style is looked for after rendering: never on a character that had none, always on words that stand apart."""

from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.words.conversions import to_plain
from tests.support.shown import COMMONMARK
from tests.support.typed import NAMES, link, links, rich, rows, said, section, spans, styles, to_markdown

MARKS = {"strong": "bold", "em": "italic", "s": "strike", "code": "code", "a": "link"}
Marked = list[tuple[str, frozenset[str]]]


class Styled(HTMLParser):
    """Every character that a reader sees, with the styles that it is seen in."""

    def __init__(self, markdown: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.marked: Marked = []
        self.feed(COMMONMARK.render(markdown))
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open += [MARKS[tag]] if tag in MARKS else []

    def handle_endtag(self, tag: str) -> None:
        if tag in MARKS:
            self.open.remove(MARKS[tag])

    def handle_data(self, data: str) -> None:
        self.marked += [(char, frozenset(self.open)) for char in data if char.strip() and char not in "\u2060"]


def typed(elements: list[dict[str, Any]]) -> Iterator[tuple[str, frozenset[str]]]:
    for each in elements:
        style = frozenset(each.get("style", {})) - {"underline"}
        style |= {"link"} if each["type"] == "link" else set()
        text = to_plain(section(each))
        yield from ((char, style) for char in text if char.strip() and char not in "\u2060")


@settings(max_examples=400, deadline=None)
@given(st.lists(spans | links, max_size=5))
def test_no_character_gets_a_style_that_it_did_not_have(elements: list[dict[str, Any]]) -> None:
    """Text that is hard to mark up may lose its style; none ever gains one."""
    shown, meant = Styled(to_markdown(section(*elements))).marked, list(typed(elements))
    assert [char for char, _ in shown] == [char for char, _ in meant]
    for (char, seen), (_, given_) in zip(shown, meant, strict=True):
        assert seen <= given_, char
        assert "code" not in given_ or "code" in seen or "link" in given_, char


word = st.text("abcé0Ж猫", min_size=1, max_size=6)
apart = st.builds(lambda text, marks: said(text, *marks), st.lists(word, min_size=1, max_size=3).map(" ".join), styles)
address = st.sampled_from(
    ["https://a.example/x_(y)_z", "http://b.example/?q=1&copy;=2", "mailto:a@b.example", "https://c.example/"]
)
linked = st.builds(lambda url, text, marks: link(url, text, *marks), address, word | st.just(""), styles)


@settings(max_examples=400, deadline=None)
@given(st.lists(apart | linked, min_size=1, max_size=6))
def test_words_that_stand_apart_keep_every_style(elements: list[dict[str, Any]]) -> None:
    """Bold, italic, strike, code and links, in any combination, are exactly where they were typed."""
    spaced = [piece for each in elements for piece in (each, said(" "))]
    for blocks in (section(*spaced), rich({"type": "rich_text_quote", "elements": spaced}), listed(spaced)):
        assert Styled(to_markdown(blocks)).marked == list(typed(spaced)), to_markdown(blocks)


def listed(elements: list[dict[str, Any]]) -> list[dict[str, Any]]:
    row = {"type": "rich_text_section", "elements": elements}
    return rich({**rows("ordered"), "indent": 2, "elements": [row]})


def test_a_link_over_several_styles_is_one_link() -> None:
    """What was one link in Slack is one on the board, whatever the styles of its words."""
    url = "https://a.example/"
    blocks = section(link(url, "see "), link(url, "this ", "bold"), link(url, "code", "code"), said(" x"))
    html = COMMONMARK.render(to_markdown(blocks, "", NAMES))
    assert html.count("<a ") == 1
    assert '<a href="https://a.example/">see <strong>this</strong> <code>code</code></a> x' in html


class Listed(HTMLParser):
    """Every item that a reader sees: how deep it is, its number (0 for a bullet), whether it is quoted."""

    def __init__(self, markdown: str) -> None:
        super().__init__()
        self.open: list[int | None] = []
        self.quoted = 0
        self.items: list[tuple[str, int, int, bool]] = []
        self.feed(COMMONMARK.render(markdown))
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.quoted += tag == "blockquote"
        if tag in ("ul", "ol"):
            self.open.append(int(dict(attrs).get("start") or 1) - 1 if tag == "ol" else None)
        if tag == "li" and self.open[-1] is not None:
            self.open[-1] += 1

    def handle_endtag(self, tag: str) -> None:
        self.quoted -= tag == "blockquote"
        if tag in ("ul", "ol"):
            self.open.pop()

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.items.append((data.strip(), len(self.open), self.open[-1] or 0, self.quoted > 0))


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(["bullet", "ordered"]), st.integers(0, 8), st.integers(1, 3)), max_size=7),
    st.booleans(),
)
def test_nested_lists_are_nested_and_numbered_alike(steps: list[tuple[str, int, int]], quoted: bool) -> None:
    """However the levels rise and fall, each item stands at its level with its number, inside a border or not."""
    made, expected, numbers = [], [], dict[int, int]()
    level = -1
    for n, (style, wanted, length) in enumerate(steps):
        level = min(wanted, level + 1)
        numbers = {at: number for at, number in numbers.items() if at <= level}
        first = numbers.get(level, 0) if style == "ordered" else 0
        texts = [f"w{n}i{i}" for i in range(length)]
        made.append(rows(style, *texts, indent=level, offset=first, border=int(quoted)))
        expected += [(each, level + 1, style == "ordered" and first + i + 1, quoted) for i, each in enumerate(texts)]
        numbers[level] = first + length if style == "ordered" else 0
    assert Listed(to_markdown(rich(*made))).items == expected
