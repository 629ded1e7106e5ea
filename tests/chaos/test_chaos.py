"""A small storm at every run of the suite; `make chaos` is the large one. And the books that it is judged by."""

from typing import Any

import pytest

from tests.chaos import storm
from tests.chaos.books import Post, Told, read_line, read_view, reckon
from tests.chaos.matrix import CELLS
from tests.chaos.relay import STEPS

ANA = Post(7, "U1", 101)
THREAD = {"Id": 55, "Subject": ANA.subject, "UserId": 101}
TOLD = Told(ANA.subject, "U1", "posted", 55)


@pytest.mark.timeout(180)
async def test_a_small_storm_breaks_no_promise() -> None:
    """80 posts, a fifth of the board's calls disturbed, a process killed or frozen every 20: all books agree."""
    said: list[str] = []
    found = await storm.run(1, storm.Size(80, people=8, webs=1, workers=2, every=20), said.append)
    assert found.holds, "\n".join([*said, str(found)])
    assert found.counts["on the board"] > 40


def test_a_plan_is_the_seeds() -> None:
    """The same seed asks for the same posts and strikes at the same places; another one does not."""
    size, people = storm.Size(200, every=20), [("U1", 1), ("U2", 2)]
    assert storm.plan(1, size, people) == storm.plan(1, size, people) != storm.plan(2, size, people)


def test_the_matrix_knows_every_step_of_the_ledger() -> None:
    """A new script must be struck at too, before and after.

    Those by an operator's hand touch no other process; a trial keeps nothing, and to look where a post stands neither.
    """
    struck = {(each.boundary.step, each.boundary.side) for each in CELLS}
    by_hand = {"CANCEL", "RETRY", "SET_ASIDE", "STANDING", "TRIAL"}
    assert {(step, side) for step in set(STEPS.values()) - by_hand for side in ("before", "after")} <= struck


@pytest.mark.parametrize(
    ("broken", "threads", "told"),
    [
        ("", [THREAD], [TOLD]),
        ("", [], [Told(ANA.subject, "U1", "not posted")]),
        ("", [], [Told(ANA.subject, "U1", "unsure")]),
        ("lost", [], []),
        ("lost", [], [TOLD]),
        ("twice", [THREAD, THREAD | {"Id": 56}], [TOLD]),
        ("unreported", [THREAD], []),
        ("wrongly_reported", [], [TOLD]),
        ("wrongly_reported", [THREAD], [Told(ANA.subject, "U1", "posted", 56)]),
        ("wrongly_reported", [THREAD], [Told(ANA.subject, "U1", "not posted")]),
        ("wrongly_reported", [THREAD], [TOLD, Told(ANA.subject, "U2", "posted", 55)]),
        ("wrong_author", [THREAD | {"UserId": 102}], [TOLD]),
    ],
)
def test_the_books_find_every_broken_promise(broken: str, threads: list[Any], told: list[Told]) -> None:
    """What was promised, what stands on the board and what was told are compared post by post."""
    found = reckon([ANA], {ANA.subject}, told, {each["Id"]: each for each in threads})
    assert found.holds is (not broken)
    assert not broken or getattr(found, broken) == [ANA.subject]


def test_what_was_not_promised_need_not_be_told() -> None:
    """Slack showed trouble and nothing was kept: nobody was promised anything."""
    assert reckon([ANA], set(), [], {}).holds
    assert reckon([ANA], set(), [], {55: THREAD}).unreported == [ANA.subject]


def test_the_books_read_the_sentences_that_people_see() -> None:
    """A report is recognised in a message and in a form, with the thread that its link leads to."""
    link = "https://hall.example/en/conversations/thread/55/post"
    assert read_line("U1", f"Posted to the community board: {ANA.subject} — {link} (abc-1)") == TOLD
    assert read_line("U1", f"Kept, and on its way: {ANA.subject} (abc-1)") is None
    text = f"*Posted to the community board*\n<{link}|{ANA.subject}>"
    assert list(read_view("U1", {"blocks": [{"text": {"text": text}}]})) == [TOLD]
