"""Everything that bridge shows in Slack, walked through: within Slack's limits, readable aloud, notifying nobody."""

import re
import string
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.demo.slack.limits import block_faults, view_faults
from bridge.language import sentences
from bridge.post.draft import Draft, Ending, Origin, Outcome
from bridge.post.entry import Entry
from bridge.telling import blocks

ORIGIN = Origin("T1", "U1", 1.0, channel="C1")
HOSTILE = st.text(max_size=254) | st.sampled_from(["<!channel>" * 20, "<@U1>", "&" * 254, "*_~`" * 60, "😀" * 254])
GAPS = st.dictionaries(
    st.sampled_from(["what", "over", "limit", "command", "name", "offered", "who", "said", "group"]),
    st.text(max_size=4000) | st.lists(st.text(max_size=200), max_size=60),
)


def entry(subject: str, state: str = "kept", left: tuple[str, ...] = (), **more: Any) -> Entry:
    return Entry("abc-1", state, Draft(ORIGIN, subject, ({"mrkdwn": "x"},), left=left, **more), 1.0)


@st.composite
def endings(draw: st.DrawFn) -> Outcome | None:
    """Any outcome that the code can make of any reason that there is, and no outcome yet."""
    if draw(st.booleans()) and draw(st.booleans()):
        return None
    ending = draw(st.sampled_from(get_args(Ending)))
    reason = "" if ending == "posted" else draw(st.sampled_from(sorted(sentences.REASONS)))
    fields = draw(st.dictionaries(st.sampled_from(["Subject", "Message"]), st.text(max_size=4000), max_size=2))
    link = "https://hall.spaces.nexudus.com/en/conversations/thread/7/x" if ending == "posted" else None
    return Outcome(ending, reason, None, draw(GAPS), fields, link=link, late=draw(st.booleans()))


def said(message: dict[str, Any]) -> str:
    """What Slack would read: its markup stands in mrkdwn texts and in the top-level text only."""
    texts = [message.get("text", "")]
    for block in message["blocks"]:
        texts += [each["text"] for each in [block.get("text"), *block.get("elements", [])] if _is_mrkdwn(each)]
    return "\n".join(texts)


def _is_mrkdwn(each: Any) -> bool:
    return isinstance(each, dict) and each.get("type") == "mrkdwn"


@given(HOSTILE, endings(), st.lists(st.text(max_size=300), max_size=40), st.sampled_from(["kept", "sending"]))
def test_every_report_holds_slacks_limits(subject: str, outcome: Outcome | None, left: list[str], state: str) -> None:
    """Whatever the subject, the reason and the board's own words: Slack takes the report, and nobody is notified."""
    about = entry(subject, state, tuple(left))
    message, view = blocks.report_message(about, outcome), blocks.report_view(about, outcome, said=sentences.CHANGED)

    assert block_faults(message["blocks"], 50) == []
    assert view_faults(view) == []
    assert not re.search(r"<[!@#]", said(message))
    assert len(message["text"]) <= 40_000


@given(endings())
def test_every_report_says_it_in_plain_text_too(outcome: Outcome | None) -> None:
    """The top-level text, which a screen reader and a notification read, has what happened, of what, and why."""
    text = blocks.report_text(entry("Coffee is back"), outcome)

    assert text.startswith(blocks.heading(entry("Coffee is back"), outcome))
    assert "Coffee is back" in text
    assert "abc-1" in text
    if outcome and outcome.ending == "posted":
        assert str(outcome.link) in text


@pytest.mark.parametrize("name", sentences.REASONS)
def test_a_reason_fits_under_a_field_and_says_what_to_do(name: str) -> None:
    """One or two plain sentences; no gap is left open, and no emoji stands for a meaning."""
    gaps = {found for _, found, _, _ in string.Formatter().parse(sentences.REASONS[name]) if found}
    told = sentences.reason(name, dict.fromkeys(gaps, "Hall"))

    assert 10 < len(told) <= 200
    assert told[-1] == "." or gaps
    assert "{" not in told
    assert told.isascii() or set(told) <= {*string.printable, "…", "’", "–"}


@given(st.lists(st.tuples(HOSTILE, endings()), max_size=5))
def test_the_status_holds_slacks_limits(latest: list[tuple[str, Outcome | None]]) -> None:
    """A person's five latest posts, whatever stands in them."""
    entries = [
        Entry("abc-1", outcome.ending if outcome else "kept", Draft(ORIGIN, subject, ()), 1.0, outcome=outcome)
        for subject, outcome in latest
    ]
    message = blocks.status_message(entries, "/community")

    assert block_faults(message["blocks"], 50) == []
    assert message["text"]
    assert not re.search(r"<[!@#](?!date\^)", said(message))


@given(st.text(max_size=9000))
def test_a_note_shows_every_word(text: str) -> None:
    """However long, an answer is spread over sections and none of it is cut."""
    shown = [each["text"]["text"] for each in blocks.note(text)["blocks"]]
    assert "".join(shown) == text
    assert all(len(each) <= 3000 for each in shown)
