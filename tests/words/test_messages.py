"""Names, plain text, subjects, and whole messages."""

# ruff: noqa: E501 - a row of a table is one fact and stays on one line

import re
import time
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.words.conversions import first_line, inert, mentioned_in, message_to_markdown, name_to_markdown, to_plain
from bridge.words.into_form import as_rich_text
from bridge.words.mrkdwn import escape
from bridge.words.names import Mentioned, Names
from tests.support.shown import Alive
from tests.support.typed import NAMES, link, mentioned, mrkdwn_to_markdown, rich, rows, said, section, to_markdown


def test_mentioned_asks_for_what_the_conversion_needs() -> None:
    """Ids are found in blocks and, when those say nothing, in the text."""
    blocks = section(*({"type": k, f"{k}_id": i} for k, i in (("user", "U1"), ("channel", "C1"), ("usergroup", "S1"))))
    found = Mentioned(frozenset({"U1"}), frozenset({"C1"}))
    assert mentioned(blocks) == found
    assert mentioned([], "<@U1> `<#C1|x>` <!subteam^S1>") == found
    assert mentioned(None) == Mentioned()


def test_plain_text_has_no_markup() -> None:
    """Subjects are made of the words alone."""
    blocks = [
        *section(said("a", "bold"), said("*"), link("https://x.example", "b")),
        *rich(rows("bullet", "c")),
    ]
    assert to_plain(blocks) == "a*b\nc"
    assert to_plain(None, "*a* &amp; <@U2> :wave:", NAMES) == "a & @bo_b 👋"


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
    assert first_line(plain, limit) == expected


@given(st.text(max_size=60), st.integers(-2, 40))
def test_a_subject_keeps_to_its_limit(plain: str, limit: int) -> None:
    """A suggestion is one line and never longer than asked."""
    line = first_line(plain, limit)
    assert len(line) <= max(limit, 0)
    assert "\n" not in line


@given(st.text())
def test_escaped_text_means_itself(text: str) -> None:
    """What was escaped for Slack is read back as it was, and holds no angle bracket."""
    assert not re.search("[<>]", escape(text))
    assert escape("<!channel> & <@U1>") == "&lt;!channel&gt; &amp; &lt;@U1&gt;"


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
    expected = (
        "a\n\np\n\n[t](https://a.example/)\n\n**x**\n\nf & g\n\nFile in Slack: plan_v1.pdf  \nFile in Slack: Canvas"
    )
    assert message_to_markdown(message, NAMES) == expected


def test_an_unfurled_message_stays_where_it_was() -> None:
    """Words from another channel come along only when that channel is known to be public."""
    for channel, expected in (("C9", "a"), ("C1", "a\n\nsecret")):
        unfurl = {"is_msg_unfurl": True, "channel_id": channel, "text": "secret", "fallback": "secret"}
        assert message_to_markdown({"text": "a", "attachments": [unfurl]}, NAMES) == expected


def test_another_conversation_is_known_by_any_of_its_marks() -> None:
    """Shared messages come in several shapes; none of them passes without a public channel."""
    for mark in (
        {"is_reply_unfurl": True},
        {"is_share": True},
        {"channel_id": "C9"},
        {"message_blocks": [{"ts": "1"}]},
    ):
        unfurl = {**mark, "text": "secret", "fallback": "secret", "author_name": "x", "footer": "Posted in #secret"}
        assert message_to_markdown({"text": "a", "attachments": [unfurl]}, NAMES) == "a"


def test_a_link_into_a_private_conversation_stays_in_slack() -> None:
    """Its address holds the channel's id: it is told in words. Into a public channel it stays a link."""
    base = "https://acme.slack.com/archives"
    for url in (
        f"{base}/C9/p17",
        f"{base}/D9",
        f"{base}/C1/p1?thread_ts=1&cid=C9",
        "slack://channel?team=T1&id=G9",
        f"{base}/old-plans/p1",
        "https://app.slack.com/client/T1/C0123456789",
    ):
        for label, expected in (("", "a message in Slack"), (url, "a message in Slack"), ("our plan", "our plan")):
            assert to_markdown(section(link(url, label)), "", NAMES) == expected
        assert mrkdwn_to_markdown(f"<{url}|see C9>", Names()) in ("a message in Slack", "see C9")
    public = f"{base}/C1/p17"
    assert to_markdown(section(link(public)), "", NAMES) == f"<{public}>"
    assert mentioned(section(link(public), link(f"{base}/C9"))).channels == {"C1", "C9"}
    assert to_markdown(section(link("https://slack.com/intl/en-gb/")), "", NAMES) == "<https://slack.com/intl/en-gb/>"


SECRET = "https://acme.slack.com/archives/C0SECRET99/p17"


@pytest.mark.parametrize(
    "url",
    [
        SECRET,
        "https://acme.slack.com:443/archives/C0SECRET99",
        "https://acme.sla\u00adck.com/archives/C0SECRET99",
        "https://acme.sl%61ck.com/archives/C0SECRET99",
        "https://acme.sla\ufe0fck.com/archives/C0SECRET99",
        "https://acme.slack\u200b.com/archives/C0SECRET99",
        "https://acme.\uff53lack.com/archives/C0SECRET99",
        "https://acme.slack\u3002com/archives/C0SECRET99",
        "https://acme.slack.com./archives/C0SECRET99",
        "HTTPS://ACME.SLACK.COM/ARCHIVES/C0SECRET99",
        "https://me@acme.slack-gov.com/archives/C0SECRET99",
        "https://acme.slack.com/archives/%430SECRET99",
        "https://acme.slack.com/?redir=%2Farchives%2FC0SECRET99",
        "https://slack-redir.net/link?url=https%3A%2F%2Facme.slack.com%2Farchives%2FC0SECRET99",
        "https://slack.com/app_redirect?channel=C0SECRET99",
        "https://slack.com/app_redirect?team=T1&channel=C0SECRET99",
        "https://app.slack.com/client/T1/C0SECRET99/thread/C0SECRET99-1.2",
        "slack://channel?team=T1&id=C0SECRET99",
    ],
)
@pytest.mark.parametrize("where", range(9))
def test_no_writing_of_an_address_and_no_place_for_it_gives_a_private_channel_away(url: str, where: int) -> None:
    """As a link, a label, typed text, code, a button, a field, an attachment's title or footer: told in words."""
    typed = {"type": "rich_text_preformatted", "elements": [{"type": "text", "text": f"curl {url}"}]}
    button = {
        "type": "actions",
        "elements": [{"type": "button", "text": {"type": "plain_text", "text": url}, "url": url}],
    }
    messages: list[dict[str, Any]] = [
        {"blocks": section(link(url), said(" x"))},
        {"blocks": section(link("https://example.com/", url))},
        {"blocks": section(said(f"see ({url}), or {url}."))},
        {"blocks": [{"type": "rich_text", "elements": [typed]}]},
        {"text": f"`{url}` and {url} and <{url}|{url}>"},
        {"blocks": [button]},
        {"blocks": section(said(url[:-4]), said(url[-4:], "bold"))},
        {"attachments": [{"fields": [{"title": url, "value": url}], "title": url, "title_link": url}]},
        {"attachments": [{"text": "t", "footer": url, "author_name": url, "author_link": url, "image_url": url}]},
    ]
    told = message_to_markdown(messages[where], NAMES)
    assert "SECRET99" not in told.upper()
    assert "a message in Slack" in told
    assert "C0SECRET99" in mentioned_in(messages[where]).channels


def test_what_only_resembles_an_address_of_slack_stays_as_it_is() -> None:
    """A public channel's, Slack's own pages, and other people's addresses that say slack."""
    for url in (
        "https://acme.slack.com/archives/C1/p17",
        "https://slack.com/help/articles/1234",
        "https://github.com/search?q=slack.com&id=5",
        "https://notslack.com/archives/C0SECRET99",
        "https://acme.slack.com/team/U0ANA",
    ):
        assert to_markdown(section(link(url)), "", NAMES) == f"<{url}>"
        assert url in mrkdwn_to_markdown(f"go to {url}.", NAMES).replace("\\", "")


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("https://acme.slack.com/team/U0ANA", "someone"),
        ("https://acme.slack.com/team/ana", "someone"),
        ("https://acme.slack.com/%74eam/U0ANA", "someone"),
        ("slack://user?team=T1&id=U0ANA", "someone"),
        ("https://slack.com/app_redirect?channel=U0ANA", "someone"),
        ("https://app.slack.com/client/T1/C1/user_profile/W0ANA", "someone"),
        ("https://acme.slack.com/messages/@U0ANA", "someone"),
        ("https://acme.slack.com/files/U0ANA/F1/plan.png", "a file in Slack"),
    ],
)
def test_where_nobody_is_to_be_named_no_link_names_anybody(url: str, told: str) -> None:
    """A profile's address names its person, whatever its label says; so does a file's whoever uploaded it."""
    hidden = replace(NAMES, nobody=True)
    assert to_markdown(section(link(url)), "", hidden) == told
    assert to_markdown(section(said(f"ask {url}!")), "", hidden) == f"ask {told}!"
    labelled = to_markdown(section(link(url, "Ana")), "", hidden)
    assert labelled == ("Ana" if "files" in url else "someone")


def test_a_text_of_one_long_word_is_read_in_no_time() -> None:
    """Looking for addresses costs no more than the text is long."""
    began = time.perf_counter()
    for text in (
        "slack" * 20000,
        "a" * 100000 + "/slack.com/",
        "slack.com/" * 10000,
        "https://slack.com/" + "%25" * 30000,
    ):
        to_markdown(section(said(text)), "", NAMES)
    assert time.perf_counter() - began < 2


def test_a_link_into_slack_stays_a_link_in_the_form() -> None:
    """The form is still Slack: whether a channel is public is decided at delivery, when there is time to ask."""
    url = "https://acme.slack.com/archives/C9/p17"
    block, _ = as_rich_text({"blocks": section(link(url))}, NAMES, 100)
    assert block == section({"type": "link", "url": url, "text": url})[0]


def test_groups_are_named_by_what_slack_wrote_into_the_text() -> None:
    """Blocks hold a group's id alone, the text beside them its handle."""
    blocks = section(said("hi "), {"type": "usergroup", "usergroup_id": "S7"})
    message = {"text": "hi <!subteam^S7|@makers &amp; co>", "blocks": blocks}
    assert message_to_markdown(message, NAMES) == "hi @makers & co"


def test_names_that_come_late_are_put_where_the_id_stood() -> None:
    """An id in a form's text becomes the name as text: in code, at a line's start, beside a longer id, and once only."""
    names = Names({"U1": "*Ann* `x`", "U12": "Bo"}, late=frozenset({"U1", "U12"}))
    blocks = section(said("@U1 and @U12, not @U3 "), said("@U1", "code"))
    assert to_markdown(blocks, "", names) == "@\\*Ann\\* \\`x\\` and @Bo, not @U3 `` @*Ann* `x` ``"
    unknown = Names(late=frozenset({"U1"}))
    assert to_markdown(section(said("@U1")), "", unknown) == "@someone"


def test_mentions_in_attachments_are_asked_for() -> None:
    """Whoever is named anywhere in a message is looked up, shared messages included."""
    attachments = [
        {"text": "<@U5>", "blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "<#C7>"}}]},
        {"is_msg_unfurl": True, "channel_id": "C8", "text": "<@U6>"},
    ]
    found = mentioned_in({"text": "<@U4>", "attachments": attachments})
    assert found == Mentioned(frozenset({"U4", "U5", "U6"}), frozenset({"C7", "C8"}))


def test_what_an_app_says_is_carried() -> None:
    """Attachments of apps: author, title, words, fields, picture and footer, each in its place, links alive."""
    attachment = {
        "author_name": "Jane *D*", "author_link": "https://x.example/", "title": "Build &amp; test", "title_link": "https://ci.example/1",
        "text": "*passed*", "fields": [{"title": "Branch", "value": "`main`"}, {"title": "Log", "value": "• a"}],
        "image_url": "https://ci.example/x.png", "footer": "CI", "color": "good", "ts": 1,
        "actions": [{"type": "button", "text": "Open", "url": "https://ci.example/2"}],
    }  # fmt: skip
    message = {"subtype": "bot_message", "username": "CI", "text": "", "attachments": [attachment]}
    assert message_to_markdown(message, NAMES).split("\n\n") == [
        "[Jane \\*D\\*](https://x.example/)", "[Build & test](https://ci.example/1)", "**passed**", "**Branch**  \n`main`", "**Log**",
        "- a", "[Open](https://ci.example/2)", "<https://ci.example/x.png>", "CI",
    ]  # fmt: skip
    unfurl = {"from_url": "https://e.example/a.png", "image_url": "https://e.example/a.png", "fallback": "a picture"}
    assert message_to_markdown({"text": "x", "attachments": [unfurl]}) == "x\n\na picture"


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ({"subtype": "me_message", "text": "left *early*"}, "_left **early**_"),
        ({"subtype": "tombstone", "text": "This message was deleted."}, "This message was deleted."),
        ({"subtype": "thread_broadcast", "text": "also here", "root": {"text": "the root"}}, "also here"),
        ({"text": "mended", "edited": {"user": "U1", "ts": "1"}}, "mended"),
        ({"subtype": "file_share", "text": "", "files": [{"name": "a_b.pdf"}]}, "File in Slack: a_b.pdf"),
        ({"text": "", "files": [{"mode": "tombstone"}]}, ""),
        ({"text": "<#C9|> <#C1|>"}, "a private channel #general"),
        ({"text": "at 2026-11-24T10:30:00Z, 10:20:30, ::1"}, "at 2026-11-24T10:30:00Z, 10:20:30, ::1"),
    ],
)  # fmt: skip
def test_every_kind_of_message_keeps_its_words(message: dict[str, object], expected: str) -> None:
    """/me, deleted, broadcast, edited, files alone, an empty label, times."""
    assert message_to_markdown(message, NAMES) == expected


@pytest.mark.parametrize(
    ("typed", "sent"),
    [
        ("a < b", "a < b"), ("I <3 you", "I <3 you"), ("-> here <-", "-> here <-"), ("1 > 0", "1 > 0"), ("AT&T", "AT&T"),
        ("<b>x</b>", "‹b›x‹/b›"), ("a < b > c", "a ‹ b › c"), ("x <!-- y", "x ‹!-- y"), ("<<b>>", "‹‹b›>"), ("x <img", "x ‹img"),
        ("&lt;b&gt;", "&\u2060lt;b&\u2060gt;"), ("&copy=", "&\u2060copy="), ("@[A](contact:1)", "@\u2060[A](contact:1)"),
        (" a \n b\x00 ", "a b"), ("", ""),
    ],
)  # fmt: skip
def test_a_subject_is_harmless_and_reads_as_typed(typed: str, sent: str) -> None:
    """Brackets that could be a tag are others that look alike; what cannot be seen breaks references and mentions."""
    assert inert(typed) == sent
    assert Alive(sent).found == []


@given(st.text(st.sampled_from("<>&;#!/?a1 lt@[](contact:") | st.characters(), max_size=40))
def test_a_subject_is_made_harmless_once(typed: str) -> None:
    """No tag, comment or reference is left whatever was typed, and a second time changes nothing."""
    sent = inert(typed)
    assert inert(sent) == sent
    assert Alive(sent).found == []
    assert not re.search(r"(?s)<.*?>", sent)


def test_a_name_holds_no_address() -> None:
    """Renderers that link bare addresses find none in a name; an ordinary name is left as it is."""
    assert name_to_markdown("J.R. Müller-Lee (she/her)") == "J.R. Müller-Lee (she/her)"
    for name in ("Ann https://evil.example", "www.evil.example", "Ann a@evil.example", "Ann evil.example"):
        out = name_to_markdown(name)
        assert out.replace("\u2060", "") == name
        assert not re.search(r"://|www\.|\w@\w|\s\w+\.\w", out)
