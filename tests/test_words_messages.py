"""Names, plain text, subjects, and whole messages."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge import words
from bridge.words import Mentioned
from tests.typed import NAMES, link, rich, rows, said, section


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
        ("one two three", 9, "one two…"), ("abcdefgh", 4, "abc…"),
        ("", 5, ""), ("abc", 0, ""), ("abc", 1, "…"), ("abc", 3, "abc"),
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
