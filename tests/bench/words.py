"""How fast words are converted: `make bench-words`.

Prints messages a second for ordinary messages, then the cost per kilobyte of input that tries to be quadratic.
Rendering the results with markdown-it in the same run is the yardstick that does not depend on the machine.
Exits 1 when the cost of some input grows faster than its length.
"""

# ruff: noqa: E501 - a row of a table is one fact and stays on one line

import json
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from bridge.words.conversions import first_line, inert, message_to_markdown, to_plain
from bridge.words.into_form import as_rich_text
from bridge.words.names import Names
from tests.support.shown import COMMONMARK
from tests.support.typed import NAMES, link, mrkdwn_to_markdown, rich, rows, said, section, to_markdown

Json = dict[str, Any]

WAVE = {"type": "emoji", "name": "wave", "unicode": "1f44b-1f3fc"}
MENTION = {"type": "user", "user_id": "U2"}
LUNCH = [
    said("Lunch on "),
    said("Friday", "bold"),
    said(", see "),
    link("https://a.example/x_(y)", "the menu"),
    said("!"),
]
CODE = {"type": "rich_text_preformatted", "elements": [said("def f(x):\n    return x ** 2\n")]}
QUOTE = {"type": "rich_text_quote", "elements": [said("the printer on floor 2 is out of paper\nand of patience")]}
AGENDA = [rows("bullet", "welcome", "numbers", "questions"), rows("ordered", "rent", "coffee", indent=1)]

# What members write on a usual day: short text, a link, a mention, a list, a quote, some code, a word from an app.
ORDINARY: list[Json] = [
    {"blocks": section(*LUNCH)},
    {"blocks": section(said("Thanks "), MENTION, said(", that was kind "), WAVE)},
    {"blocks": section(said("The meeting room is free again. Sorry for the noise this morning, the drilling is over."))},
    {"blocks": rich(*section(said("Agenda:"))[0]["elements"], *AGENDA)},
    {"blocks": rich(QUOTE, *section(said("Fixed. "), said("Please", "italic"), said(" be gentle."))[0]["elements"])},
    {"blocks": rich(*section(said("try "), said("make demo", "code"))[0]["elements"], CODE)},
    {"text": "Hi *all*, <@U2> left the keys in <#C1|general> :wave: see <https://a.example/|here> _please_"},
    {"text": "", "attachments": [{"title": "Build 17", "title_link": "https://ci.example/17", "text": "*passed* in 3 min"}]},
]  # fmt: skip

# Each is repeated; whatever looks ahead or back without an end would show here.
UNKIND = [
    "*a ", "_", "`", "<", "<@", ":a", "~", "&", "```", "[", "@[", "\\", " ", "\n", "> ", "• ", "    • a\n", "a*b_", "(", "&#",
    "*", "&gt;&gt;&gt;", ">>>\n", "&gt; a\n", ":wave:", ":a:", "::", "`a` ", "*a* ", "*_~", "_*a", "~a~", "```\n", "a```", "](contact:",
    "@[a](contact:1)", "<b>", "<http://a|", "<a|b>", "<#C1|", "<!subteam^S1|a>", "http://slack.com/C", "/a=", "a.b ", "@a", "://",
    "www.", "1. ", "- ", "|", "-|", "= ", "!", "\t", "\u00a0", "\u200b", "\\`", "C1/", "@U1 ", "#", "+",
]  # fmt: skip


MANY = ("runs", "links", "lists", "quotes", "tables", "strangers")


def long_text(text: str) -> None:
    """The same text through every way in and out, eight conversions of it."""
    names = Names({"U1": text[:80]}, late=frozenset({"U1"}))
    plain, bold, code = said(text), said(text, "bold"), said(text, "code")
    mrkdwn_to_markdown(text)
    to_markdown(section(plain, bold, code, link("https://a/" + text, text)), "", names)
    to_markdown(rich({**QUOTE, "elements": [plain]}, rows("bullet", text), {**CODE, "elements": [plain]}))
    message_to_markdown({"attachments": [{"title": text, "text": text, "fields": [{"title": text, "value": text}]}]})
    as_rich_text({"text": text}, names, 10**7)
    first_line(to_plain(None, text), 80)
    inert(text)


def many(kind: str, length: int) -> None:
    """Many small pieces instead of one long one."""
    styles = ("bold", "italic", "strike", "code")
    spans = [said("(a)", *(name for n, name in enumerate(styles) if i >> n & 1)) for i in range(length)]
    blocks = {
        "runs": section(*spans),
        "links": section(*(link(f"https://a.example/{i % 3}", "x", styles[i % 4]) for i in range(length))),
        "lists": rich(*(rows("ordered" if i % 2 else "bullet", "a", indent=i % 9, offset=i) for i in range(length))),
        "quotes": rich(*(QUOTE for _ in range(length))),
        "tables": [{"type": "table", "rows": [[{"type": "raw_text", "text": "a"}] * 3] * length}],
        "strangers": [{"type": "novel", "text": "a", "content": {"body": "b"}}] * length,
    }[kind]
    to_markdown(blocks)
    as_rich_text({"blocks": blocks}, NAMES, 10**7)


def cost(work: Callable[[], object], rounds: int = 3) -> float:
    """Seconds of this process's own work, in its best round: the machine's other load counts as little as can be."""
    took = []
    for _ in range(rounds):
        began = time.process_time()
        work()
        took.append(time.process_time() - began)
    return min(took)


def growths(short: int = 4_000) -> dict[str, tuple[float, float]]:
    """Per input: milliseconds per kilobyte (or per thousand pieces) for all ways together, and the growth of the cost."""
    found = {}
    for seed in UNKIND:
        texts = [(seed * length)[:length] for length in (short, 4 * short)]
        quarter, whole = (cost(partial(long_text, text), 2) for text in texts)
        found[repr(seed)] = (whole * 1e6 / (4 * short), whole / quarter)
    for kind in MANY:
        quarter, whole = (cost(partial(many, kind, length), 2) for length in (short // 8, short // 2))
        found[f"many {kind}"] = (whole * 1e6 / (short // 2), whole / quarter)
    return found


def ordinary(times: int = 100) -> tuple[float, float, float]:
    """Messages a second, milliseconds per kilobyte of JSON, and the speed relative to rendering the results."""
    made = [message_to_markdown(message, NAMES) for message in ORDINARY]
    converting = cost(lambda: [message_to_markdown(each, NAMES) for each in ORDINARY * times], 5)
    rendering = cost(lambda: [COMMONMARK.render(each) for each in made * times], 5)
    size = len(json.dumps(ORDINARY)) * times
    return len(ORDINARY) * times / converting, converting * 1e6 / size, rendering / converting


def main() -> int:
    rate, per_kilobyte, relative = ordinary()
    told = [f"ordinary messages: {rate:,.0f} a second, {per_kilobyte:.2f} ms per kB of JSON,"]
    told += [f"{relative:.2f} times as fast as markdown-it renders the results", ""]
    found = growths()
    told += [f"{'input, repeated':24} {'ms/kB':>8} {'4 x length costs':>18}"]
    told += [f"{name:24} {price:8.3f} {growth:16.1f} x" for name, (price, growth) in found.items()]
    worst = max(found, key=lambda name: found[name][1])
    told += ["", f"worst growth: {worst}, {found[worst][1]:.1f} x (4 is linear, 16 quadratic)", ""]
    sys.stdout.write("\n".join(told))
    return 0 if found[worst][1] < 8 else 1


if __name__ == "__main__":
    sys.exit(main())
