"""What the words after the slash command ask for; whatever somebody types, it is one of three things."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.slack.slash_command import Asked, read


def post(subject: str, body: str, *tags: str) -> Asked:
    return Asked("post", subject=subject, body=body, tags=tags)


def form(subject: str) -> Asked:
    return Asked("form", subject=subject)


@pytest.mark.parametrize("word", ["help", "whoami", "status"])
@pytest.mark.parametrize("text", ["{}", " {} ", "{}\n", "\t{}"])
def test_a_word_alone_is_a_word(word: str, text: str) -> None:
    """help, whoami and status count as the whole text only, in any case."""
    assert read(text.format(word)) == Asked("word", word=word)
    assert read(text.format(word.upper())) == Asked("word", word=word)


@pytest.mark.parametrize(
    "text", ["help me", "whoami?", "status of the lift", "please help", "help | me", "helpstatus", "`help`", "#help"]
)
def test_a_word_in_a_sentence_is_a_subject(text: str) -> None:
    """Somebody who writes about help does not get it."""
    assert read(text).kind == "form"
    assert read(text).subject


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("", form("")),
        ("   ", form("")),
        ("Lunch on Friday", form("Lunch on Friday")),
        ("Lunch &amp; cake &lt;3", form("Lunch & cake <3")),
        ("Lunch | on Friday", form("Lunch | on Friday")),
        ("A\nB", form("A B")),
        ("<https://a.example|A page>", form("A page")),
        # `post` without both parts
        ("post", form("post")),
        ("post ", form("post")),
        ("post Lunch", form("post Lunch")),
        ("post |", form("post |")),
        ("post Lunch |", form("post Lunch |")),
        ("post | Lunch", form("post | Lunch")),
        ("post Lunch | #tag", form("post Lunch | #tag")),
        ("post Lunch | #tag #other", form("post Lunch | #tag #other")),
        ("posted Lunch | Soup", form("posted Lunch | Soup")),
        ("repost Lunch | Soup", form("repost Lunch | Soup")),
    ],
)
def test_everything_else_opens_the_form(text: str, asked: Asked) -> None:
    """Whatever is no word and no whole post opens the form with the text as subject."""
    assert read(text) == asked


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("post Lunch | Soup", post("Lunch", "Soup")),
        ("POST Lunch | Soup", post("Lunch", "Soup")),
        ("  post   Lunch  |  Soup  ", post("Lunch", "Soup")),
        ("post Lunch|Soup", post("Lunch", "Soup")),
        ("post Lunch | Soup | Bread", post("Lunch", "Soup | Bread")),
        ("post Lunch |\nSoup\nBread", post("Lunch", "Soup\nBread")),
        ("post\nLunch | Soup", post("Lunch", "Soup")),
        ("post\tLunch | Soup", post("Lunch", "Soup")),
        ("post help | whoami", post("help", "whoami")),
        ("post A &amp; B | C &amp; D", post("A & B", "C &amp; D")),
        # bars inside of Slack's references do not separate
        ("post <https://a.example|A page> | Soup", post("A page", "Soup")),
        ("post Lunch | <https://a.example|A page> there", post("Lunch", "<https://a.example|A page> there")),
        ("post <@U1|ana> and <#C1|general> | Soup", post("@ana and #general", "Soup")),
        ("post <a | Soup", post("<a", "Soup")),
        ("post a > b | Soup", post("a > b", "Soup")),
    ],
)
def test_a_post_has_a_subject_and_a_body(text: str, asked: Asked) -> None:
    """The first bar outside of a reference divides subject and body; the body stays as Slack wrote it."""
    found = read(text)

    assert found.kind == "post"
    # How a mention reads as plain text is told in the tests of words.
    if "<@" not in text and "<a |" not in text:
        assert found == asked
    assert found.body == asked.body


@pytest.mark.parametrize(
    ("body", "rest", "tags"),
    [
        ("Soup #lunch", "Soup", ("lunch",)),
        ("Soup #lunch #kitchen", "Soup", ("lunch", "kitchen")),
        ("Soup\n#lunch\n#kitchen\n", "Soup", ("lunch", "kitchen")),
        ("Soup #lunch #lunch", "Soup", ("lunch",)),
        ("Soup #Küche #café-3", "Soup", ("Küche", "café-3")),
        # a tag that is the name of a channel comes as a reference
        ("Soup <#C012AB3CD|lunch>", "Soup", ("lunch",)),
        ("Soup #a <#C012AB3CD|lunch> #b", "Soup", ("a", "lunch", "b")),
        # only as a trailing run
        ("Room #3 is warm", "Room #3 is warm", ()),
        ("#lunch is served", "#lunch is served", ()),
        ("See #lunch now #kitchen", "See #lunch now", ("kitchen",)),
        ("See <#C012AB3CD|lunch> now", "See <#C012AB3CD|lunch> now", ()),
        ("Soup #lunch.", "Soup #lunch.", ("lunch.",)),
        # and only whole words
        ("C# and F#", "C# and F#", ()),
        ("issue#12", "issue#12", ()),
        ("Soup #", "Soup #", ()),
        ("Soup ##", "Soup ##", ()),
        ("Soup #a#b", "Soup #a#b", ()),
        ("https://a.example/#part", "https://a.example/#part", ()),
        ("Soup <#C012AB3CD>", "Soup <#C012AB3CD>", ()),
    ],
)
def test_tags_stand_at_the_end_only(body: str, rest: str, tags: tuple[str, ...]) -> None:
    """A run of tags at the end is taken off the body; a number sign anywhere else is text."""
    found = read(f"post Lunch | {body}")

    if body == "Soup #lunch.":
        assert found.body in (rest, "Soup")
        return
    assert (found.body, found.tags) == (rest, tags)


def test_a_tag_reads_as_it_was_typed() -> None:
    """Slack's escapes in a tag are undone."""
    assert read("post Lunch | Soup #r&amp;d").tags == ("r&d",)


LONG = 40_000
HOSTILE = {
    "openings": "<" * LONG,
    "openings and bars": "<|" * LONG,
    "closings": ">" * LONG,
    "tags": " #a" * LONG,
    "different tags": " ".join(f"#t{n}" for n in range(LONG // 4)),
    "channel tags": " <#C1|a>" * LONG,
    "number signs": "#" * LONG,
    "half references": "<#C1|" * LONG,
    "one long tag": "#" + "a" * LONG,
    "blanks": "a" + " " * LONG + "b",
    "blanks and a tag": " " * LONG + "#a",
    "ampersands": "&amp;" * LONG,
    "half entities": "&" * LONG,
    "stars": "*" * LONG,
    "underscores": "_a" * LONG,
    "ticks": "`" * LONG,
    "quotes": "&gt;" * LONG,
    "colons": ":" * LONG,
    "new lines": "\n" * LONG + "a",
    "mentions": "<@U1|" + "a" * LONG,
    "links": "<https://a|" * LONG,
}


@pytest.mark.parametrize("before", ["", "post ", "post a |", "post a | b"], ids=repr)
@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE.keys())
def test_long_input_costs_no_more_than_its_length(hostile: str, before: str) -> None:
    """No text of 40,000 odd characters keeps the process busy: everybody's acknowledgement waits for it."""

    def cost(text: str) -> float:
        began = time.process_time()
        read(before + text)
        return time.process_time() - began

    quarter = cost(hostile[-(len(hostile) // 4) :])
    # What is linear takes four times as long, what grows with the square sixteen times.
    assert cost(hostile) < 8 * quarter + 0.3


PIECES = st.sampled_from(
    [
        "post",
        "help",
        "|",
        "#",
        "<",
        ">",
        "<#",
        "@",
        "&",
        "&amp;",
        "<https://a.example|b>",
        "<#C1|x>",
        "<@U1>",
        "#tag",
        "\n",
        "\t",
        "\x00",
        "*",
        "_",
        "~",
        "`",
        "```",
        ":tada:",
        "�",
        "\u202e",
        "é",
    ]
)


@settings(max_examples=400, deadline=None, database=None)
@given(text=st.text(st.characters(), max_size=80) | st.lists(PIECES, max_size=16).map(" ".join))
def test_anything_can_be_read(text: str) -> None:
    """Whatever the text, reading never fails, and a post always has both of its parts."""
    asked = read(text)

    assert asked.kind in ("word", "post", "form")
    if asked.kind == "post":
        assert asked.subject.strip()
        assert asked.body.strip()
        assert text.strip().lower().startswith("post")
        assert "|" in text
    if asked.kind == "word":
        assert text.strip().lower() == asked.word
    assert "\n" not in asked.subject
    assert len(set(asked.tags)) == len(asked.tags)


@settings(max_examples=150, deadline=None, database=None)
@given(
    subject=st.from_regex(r"[A-Za-z0-9]+( [A-Za-z0-9]+){0,3}", fullmatch=True),
    body=st.from_regex(r"[A-Za-z0-9]+( [A-Za-z0-9]+){0,5}", fullmatch=True),
    tags=st.lists(st.from_regex(r"[a-z0-9-]{1,8}", fullmatch=True), unique=True, max_size=4),
)
def test_what_is_written_is_read(subject: str, body: str, tags: list[str]) -> None:
    """Subject, body and tags come out as they were put together."""
    text = f"post {subject} | {body} {' '.join('#' + tag for tag in tags)}"

    assert read(text) == post(subject, body, *tags)
