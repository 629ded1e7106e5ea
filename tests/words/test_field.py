"""What came out wrong elsewhere, after public reports: each message reads here as its people meant it."""

import re
from typing import Any

import pytest

from bridge.words.conversions import message_to_markdown
from bridge.words.into_form import as_rich_text
from bridge.words.names import Names
from tests.support.material import beside, field_cases
from tests.support.shown import COMMONMARK, Shown, alive, check_rich


@beside
@pytest.mark.parametrize("case", field_cases(), ids=lambda case: f"{case['n']}: {case['kind'][:40]}")
def test_a_message_of_the_field_reads_as_it_was_meant(case: dict[str, Any]) -> None:
    """The words that a renderer shows, their order, whole lines, and the HTML where that says more."""
    markdown = message_to_markdown(case["message"], Names(case["names"]["users"], case["names"]["channels"]))
    html, shown, want = COMMONMARK.render(markdown), Shown(markdown).text, case["want"]
    assert [each for each in want.get("has", ()) if each not in shown and each not in markdown] == [], markdown
    assert [each for each in want.get("lacks", ()) if each in shown] == [], markdown
    assert [each for each in want.get("html_has", ()) if each not in html] == [], html
    assert [each for each in want.get("html_lacks", ()) if each in html] == [], html
    assert {each: html.count(each) for each in want.get("html_count", ())} == want.get("html_count", {}), html
    lines = [" ".join(re.sub("<[^>]*>", "", line).split()) for line in html.replace("&amp;", "&").split("\n")]
    assert [each for each in want.get("html_lines", ()) if " ".join(each.split()) not in lines] == [], lines
    places = [shown.find(each) for each in want.get("order", ())]
    assert places == sorted(places) and -1 not in places, markdown
    assert alive(markdown) == []
    check_rich(as_rich_text(case["message"], Names(), 3000)[0])
