"""What readers see of the words, and what would be alive, for the tests of words."""

import re
from html.parser import HTMLParser
from typing import Any

from markdown_it import MarkdownIt

COMMONMARK = MarkdownIt("commonmark", {"html": True}).enable(["strikethrough", "table"])
TAGS = {"p", "br", "strong", "em", "s", "code", "pre", "a", "ul", "ol", "li", "blockquote"}
MEANT = ("http:", "https:", "mailto:", "tel:")


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


class Alive(HTMLParser):
    """What in a page is none of ours: other elements, attributes or schemes, comments, declarations."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [tag] if tag not in TAGS else []
        self.found += [f"{tag} {name}={value}" for name, value in attrs if not self._ours(tag, name, value or "")]

    def _ours(self, tag: str, name: str, value: str) -> bool:
        if tag == "a" and name == "href":
            return bool(re.fullmatch(r"(?i)(https?://|mailto:|tel:)\S+", value))
        return (tag, name) == ("ol", "start") or bool(tag == "code" and re.fullmatch(r"language-[\w+#-]+", value))

    def handle_comment(self, data: str) -> None:
        self.found.append(f"comment {data}")

    def handle_decl(self, decl: str) -> None:
        self.found.append(f"declaration {decl}")

    def unknown_decl(self, data: str) -> None:
        self.found.append(f"declaration {data}")

    def handle_pi(self, data: str) -> None:
        self.found.append(f"instruction {data}")


def alive(markdown: str) -> list[str]:
    """What would be alive on the board: in its Markdown as CommonMark with HTML shows it, or for its own mentions."""
    mentions = re.findall(r"(?i)@\[[^\]]*\]\(contact:", markdown)
    return Alive(COMMONMARK.render(markdown)).found + mentions


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


def seen(text: str) -> str:
    """Text without what can never be seen."""
    return re.sub(r"[\x00-\x08\x0e-\x1b\x1f\x7f-\x84\x86-\x9f\u2060]", "", text)


def bare(text: str) -> str:
    """Text without its blanks and without what can never be seen."""
    return re.sub(r"[\s\x00-\x1f\x7f-\x9f\u2060]", "", text)


def visible(spans_: list[dict[str, Any]]) -> str:
    said_ = (re.sub(r"[\x00-\x1f\x7f-\x9f]", "", span["text"]).strip() for span in spans_)
    return bare("".join(text or span.get("url", "") for text, span in zip(said_, spans_, strict=True)))


def check_rich(block: dict[str, Any] | None) -> None:
    for element in block["elements"] if block else []:
        kind = element["type"]
        assert kind in {"rich_text_section", "rich_text_list", "rich_text_quote", "rich_text_preformatted"}
        more = {"rich_text_list": {"style", "indent", "offset"}, "rich_text_preformatted": {"language"}}
        assert set(element) <= {"type", "elements", "border"} | more.get(kind, set())
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
