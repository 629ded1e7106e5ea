"""Text that tries to come alive: built from families, not copied from anybody's list."""

from collections.abc import Iterator
from itertools import product

_ELEMENTS = [
    "script", "img", "svg", "iframe", "object", "embed", "math", "video", "audio", "body", "style", "link", "meta",
    "base", "form", "input", "button", "details", "marquee", "textarea", "template", "noscript", "title", "a", "div",
    "p", "table", "x", "xss-y", "plaintext", "isindex", "frameset", "applet", "bgsound", "keygen", "select", "dialog",
]  # fmt: skip
_EVENTS = ["onerror", "onload", "onfocus", "ontoggle", "onclick", "onanimationstart", "onpointerenter", "ONERROR"]
_QUOTES = ["", '"', "'", "`"]
_GAPS = [" ", "/", "\t", "\n", "\x0c", "\x0b", "\xa0", "//", " / ", "\r\n"]
_SCHEMES = [
    "javascript", "JaVaScRiPt", "java\tscript", "java\nscript", " javascript", "\x01javascript", "javascript\u200b",
    "&#106;avascript", "&#x6a;avascript", "&#0000106avascript", "javascript&colon", "%6aavascript", "vbscript",
    "data", "livescript", "file", "blob", "view-source", "feed:javascript", "jar", "mhtml", "intent", "ｊavascript",
]  # fmt: skip


def _tags() -> Iterator[str]:
    for element, gap in zip(_ELEMENTS, _GAPS * 4, strict=False):
        yield f"<{element}{gap}src=x>"
        yield f"<{element.upper()}>alert(1)</{element}>"
        yield f"<{element}{gap}onerror=alert(1)"
        yield f"</{element}><{element}>"
        yield f"<<{element}>>{element}//<"
        yield f"x\n\n<{element}>\n\ny"
    for event, quote in product(_EVENTS, _QUOTES):
        yield f"<b {event}={quote}alert(1){quote}>x"
        yield f'{quote} {event}={quote}alert(1){quote} x="'
        yield f"{quote}><i {event}={quote}alert(1)//"


def _addresses() -> Iterator[str]:
    for scheme in _SCHEMES:
        address = f"{scheme}:alert(1)"
        yield address
        yield f"[x]({address})"
        yield f"[x](<{address}>)"
        yield f"![x]({address} 'y')"
        yield f"<{address}>"
        yield f"[x]: {address}\n\n[x]"
        yield f"[x]\n\n[x]:\n{address}"
        yield f"https://a.example/\n{address}"
        yield f"https://a.example/?x={address}\"onclick='{address}'"
        yield f"https://a.example/)[x]({address})"
        yield f"https://a.example/](x) <{address}>"


def _comments() -> Iterator[str]:
    for inner in ("x", "<script>alert(1)</script>", "--><img src=x onerror=alert(1)>", "[if IE]><script>"):
        yield from (f"<!--{inner}-->", f"<!--{inner}", f"<?{inner}?>", f"<![CDATA[{inner}]]>", f"<!A {inner}>")
        yield from (f"`{inner}", f"```\n{inner}", f"~~~\n{inner}", f"```\n```\n{inner}", f"    {inner}", f"\t{inner}")
        yield from (f"&lt;{inner}&gt;", f"&#60;{inner}&#62;", f"&amp;lt;{inner}", f"\\<{inner}>", f"\\\\<{inner}>")
        yield from (f"> {inner}", f"- {inner}", f"1. {inner}", f"| a |\n|---|\n| {inner} |", f"a\n===\n{inner}")
        yield from (
            f"\u2028{inner}",
            f"\x00<{inner}>",
            f"＜{inner}＞",
            f"\ufeff<{inner}>",
            f"{inner}\\",
            f"<{inner}\n\n>",
        )


def _markdown() -> Iterator[str]:
    for mark in (
        "*",
        "_",
        "**",
        "__",
        "~~",
        "`",
        "``",
        "```",
        "[",
        "]",
        "![",
        "](",
        "<",
        "&",
        "\\",
        "#",
        "- ",
        "|",
        "~",
    ):
        yield from (mark, mark * 3, f"{mark}a{mark}", f"a{mark}b{mark}c", f"{mark} a {mark}", f"a{mark}", f"\n{mark}\n")
    yield from ("[a]", "[a][]", "[a][b]", "![a][b]", "[^1]", "[^1]: x", "[ ] x", "[x] y", "[[a]]", "{{ a }}", "{% a %}")
    yield from ("$x$", "$$x$$", ":::warn", "==a==", "^a^", "+++", "www.a.example", "a@b.example", "http://a.example")
    yield from (
        "#1",
        "1)",
        "10.",
        "1.a",
        "---",
        "***",
        "===",
        "a\n---",
        "a\n===",
        "+ a",
        "a  ",
        "a\\",
        "&copy;",
        "&#x27;",
    )


def _mentions() -> Iterator[str]:
    for name in ("Ann", "Ann [x]", "]", "\\]", "*Ann*", "Ann](contact:1) @[Bo"):
        yield from (
            f"@[{name}](contact:7)",
            f"@\\[{name}](CONTACT:7)",
            f"@[{name}]\n(contact:7)",
            f"[{name}](contact:7)",
        )
    for inner in ("!channel", "!here", "!everyone", "!subteam^S1", "!subteam^S1|x", "@U1", "@U1|x", "#C9", "#C9|x"):
        yield from (
            f"<{inner}>",
            f"&lt;{inner}&gt;",
            f"<<{inner}>>",
            f"<{inner}",
            f"{inner}>",
            f"*<{inner}>*",
            f"`<{inner}>`",
        )
    yield from ("@channel", "@here", "@everyone", "<!date^0^{date}^javascript:x|y>", "<http://a.example|<!here>>")


def _odd() -> Iterator[str]:
    yield from (
        "\u202ecba",
        "a\u200bb",
        "e\u0301" * 30,
        "👩\u200d👩\u200d👧",
        "🏳️\u200d🌈",
        "🇨🇭",
        "ﷺ",
        "\ufffe",
        "\U000e0041",
        "𝕏",
    )
    yield from (
        "null",
        "undefined",
        "NaN",
        "{0}",
        "{author}",
        "%s%n",
        "%(x)s",
        "$(id)",
        "`id`",
        "../../etc/passwd",
        "0/0",
    )
    yield from (
        "'; DROP TABLE x; --",
        '" or ""="',
        "a\r\nX-Y: z",
        "\x1b[31mred",
        "\x07",
        "\ud83d",
        "\u0085a",
        "a\x0bb",
        "1e309",
    )


HOSTILE = list(
    dict.fromkeys(text for made in (_tags, _addresses, _comments, _markdown, _mentions, _odd) for text in made())
)
