"""Whatever comes in is read, or refused by its own name: the board's answers, the ledger's records, a form's memory."""

import contextlib
import json
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bridge.delivery.matching import Seen, parse_time, sift
from bridge.form import read_back
from bridge.form.signed_metadata import Seal
from bridge.form.view import FormMemory
from bridge.nexudus.client import Sighting
from bridge.nexudus.wire import NexudusError, Page, Rejected, Unsure, decipher, server_offset
from bridge.post.draft import Draft, Origin
from bridge.post.entry import UNREADABLE, Entry, read_entry

ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
METHODS = st.sampled_from(["GET", "POST", "PUT", "DELETE"])
STATUSES = st.integers(200, 599)
ENVELOPES = st.fixed_dictionaries({}, optional={
    "WasSuccessful": ANY, "Message": ANY | st.just("Ooops!"), "Errors": ANY | st.lists(st.dictionaries(
        st.sampled_from(["PropertyName", "Message", "AttemptedValue"]), ANY)),
    "Value": ANY, "Records": ANY | st.lists(st.dictionaries(st.text(max_size=3), ANY)), "CurrentPage": ANY,
    "HasNextPage": ANY, "TotalItems": ANY,
})  # fmt: skip
BODIES = st.binary(max_size=40) | st.builds(lambda value: json.dumps(value).encode(), ANY | ENVELOPES)
LATIN = st.text(st.characters(max_codepoint=255), max_size=20)
HEADERS = st.fixed_dictionaries({}, optional={
    "retry-after": LATIN | st.sampled_from(["0", "-1", "1e9", "9" * 400, "Wed, 21 Oct 2015 07:28:00 GMT", "nan"]),
    "date": LATIN | st.just("Wed, 21 Oct 2015 07:28:00 -2500"),
    "content-type": LATIN | st.sampled_from(["text/html", "application/json"]),
})  # fmt: skip
SEAL = Seal.of("xoxb-test")
COLUMNS = st.sampled_from(["Id", "BusinessId", "UserId", "Subject", "Message", "CreatedOn"])
BOXES = [
    "subject",
    "message",
    "tags",
    "group",
    "location",
    "delivery",
    "private",
    "guests",
    "thread",
    "files",
    "credit",
]


def wired(headers: dict[str, str]) -> httpx.Headers:
    """As they come over a wire, in Latin-1."""
    return httpx.Headers([(name.encode(), value.encode("latin-1")) for name, value in headers.items()])


@given(METHODS, STATUSES, HEADERS, BODIES, LATIN)
def test_an_answer_is_a_value_or_one_of_our_errors(
    method: str, status: int, headers: dict[str, str], body: bytes, reason: str
) -> None:
    """Nothing that the board can answer breaks the client; a wait it asks for is at most an hour."""
    try:
        decipher(method, status, wired(headers), body, reason)
    except Rejected:
        assert status == 401
    except Unsure:
        assert method != "GET", "a read changes nothing, so it is never in doubt"
    except NexudusError as error:
        assert 0 <= (getattr(error, "wait", None) or 0) <= 3600


@given(st.sampled_from(["POST", "PUT"]), STATUSES, HEADERS, BODIES)
def test_a_write_that_did_not_say_so_never_succeeded(
    method: str, status: int, headers: dict[str, str], body: bytes
) -> None:
    """A value comes only from 2xx with WasSuccessful true, or from 204: everything else is an error."""
    with contextlib.suppress(NexudusError, Rejected):
        decipher(method, status, wired(headers), body)
        assert status == 204 or json.loads(body)["WasSuccessful"] is True


@given(ANY | ENVELOPES)
def test_half_a_list_is_no_list(data: Any) -> None:
    """A page is whole or refused."""
    with contextlib.suppress(NexudusError):
        page = Page.from_data(data)
        assert all(isinstance(each, dict) for each in page.records)


@given(HEADERS, ANY)
def test_no_clock_is_too_odd(headers: dict[str, str], value: Any) -> None:
    """The board's Date and CreatedOn are read, or count as not told."""
    sent = wired(headers)
    assert isinstance(server_offset(sent, datetime.now(UTC)), float | None)
    assert isinstance(parse_time(value), float | None)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2026-01-01T00:00:00Z", 0.0),
        ("2026-01-01T00:00:00", 0.0),
        ("2026-01-01T00:00:00.5Z", 0.5),
        ("2026-01-01T00:00:00.1234567Z", 0.123456),
        ("2026-01-01T02:00:00+02:00", 0.0),
        ("2025-12-31T19:00:00.25-05:00", 0.25),
        ("2026-01-01T00:00:00.²Z", None),
        ("yesterday", None),
    ],
)
def test_the_boards_times_are_read_with_their_offset(text: str, seconds: float | None) -> None:
    """UTC unless an offset says otherwise: hours off, a draft's own thread would be taken for an older one."""
    new_year = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
    assert parse_time(text) == (None if seconds is None else pytest.approx(new_year + seconds, abs=1e-5))


@given(st.lists(st.dictionaries(COLUMNS, st.sampled_from([7, "S", "M", "2026-01-01T00:00:00Z"]) | ANY)))
async def test_only_the_same_is_ever_adopted(records: list[dict[str, Any]]) -> None:
    """However odd the board's lists and records: what is adopted has our ids and words; nothing raises."""
    body = {"BusinessId": 7, "UserId": 7, "Subject": "S", "Message": "M"}

    async def read(id_: int) -> dict[str, Any]:
        return next(each for each in records if each.get("Id") == id_)

    async def holder(_: int) -> None:
        return None

    seen = await sift(Sighting(records, True, 0.0), body, 0.0, "d", read, holder)
    assert isinstance(seen, Seen)
    for found in seen.found:
        assert (await read(found)).items() >= body.items()


RECORD = {
    "id": "a-1", "state": "kept", "draft": Draft(Origin("T", "U", 1.0), "S", ()).to_json(), "kept": "1", "form": "f",
}  # fmt: skip
FIELDS = ["id", "state", "draft", "kept", "outcome", "facts", "files", "body", "stuck", "sent", "ended", "sends"]
VALUES = st.text(max_size=12) | st.builds(json.dumps, ANY)


@given(st.dictionaries(st.sampled_from(FIELDS), VALUES), st.sets(st.sampled_from(FIELDS)))
def test_a_record_of_another_version_is_unreadable_and_no_more(changed: dict[str, str], gone: set[str]) -> None:
    """The worker sets such a record aside by one name for all of them; nothing else comes out of reading it."""
    fields = {name: value for name, value in (RECORD | changed).items() if name not in gone}
    with contextlib.suppress(*UNREADABLE):
        assert isinstance(read_entry(fields, form_closed=False), Entry)


@given(ANY, ANY, st.dictionaries(st.sampled_from(BOXES), ANY))
def test_whatever_a_form_holds_it_is_its_senders(memory: Any, view_id: Any, states: dict[str, Any]) -> None:
    """A form of any content, sealed even, is read as a draft of the person who sent it."""
    values = {name: {name: state} for name, state in states.items()}
    view = {"id": view_id, "private_metadata": SEAL.close(json.dumps(memory)), "state": {"values": values}}

    draft, found = read_back.read_form(view, "U0ANA", "T0", SEAL)

    assert (draft.origin.user, draft.origin.team) == ("U0ANA", "T0")
    assert isinstance(found, FormMemory)
    assert Draft.from_json(draft.to_json()).origin == draft.origin


@given(st.text(), st.integers(0, 200), st.characters())
def test_a_seal_holds_every_text_and_breaks_at_any_change(text: str, at: int, other: str) -> None:
    """What was closed opens to the same; one character changed anywhere, and it is nobody's."""
    closed = SEAL.close(text)
    assert SEAL.open(closed) == text

    at %= len(closed)
    assume(closed[at] != other)
    assert SEAL.open(closed[:at] + other + closed[at + 1 :]) is None


@pytest.mark.parametrize("other", ["xoxb-other", ""])
def test_another_workspaces_seal_is_none(other: str) -> None:
    """Who does not have our token cannot close anything that we would open."""
    assert SEAL.open(Seal.of(other).close("text")) is None
