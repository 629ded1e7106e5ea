"""The doctor at the board: each fault there on its own line with its remedy."""

import pytest

from bridge.operator.doctor.board import choose
from tests.support.clinic import Clinic
from tests.support.space import ANNEX, HALL


async def test_a_wrong_password(clinic: Clinic) -> None:
    """invalid_grant names the two settings, and warns of the lock."""
    line = await clinic.line("Nexudus", NEXUDUS_PASSWORD="wrong")

    assert "(invalid_grant) → correct NEXUDUS_USERNAME and NEXUDUS_PASSWORD" in line
    assert "a password with spaces, # or $ stands between straight single quotes in .env" in line
    assert "lock" in line


async def test_two_factor_authentication(clinic: Clinic) -> None:
    """An API user that is asked for a second factor cannot work unattended; who forces it is named."""
    clinic.board.two_factor_auth_check = True

    line = await clinic.line("Nexudus")

    assert "(two_factor_auth_check) → switch two-factor authentication off" in line
    assert "Settings > Security options" in line


async def test_a_password_to_reset(clinic: Clinic) -> None:
    """must_reset_password is mended by hand, once."""
    clinic.board.must_reset_password = True

    assert "(must_reset_password) → log in as it at dashboard.nexudus.com once" in await clinic.line("Nexudus")


async def test_a_mended_login_counts_at_once(clinic: Clinic) -> None:
    """A refusal is not remembered: what was mended holds at the next look."""
    clinic.board.two_factor_auth_check = True
    await clinic.doctor()
    clinic.board.two_factor_auth_check = False

    assert (await clinic.doctor()).exit_code == 0


async def test_the_running_bridge_keeps_its_login(clinic: Clinic) -> None:
    """The doctor's login is one of its own: no refresh token of anybody else is ended by it."""
    clinic.board.refresh_tokens["running"] = "rt-running"
    await clinic.doctor()
    await clinic.doctor()

    assert clinic.board.refresh_tokens.pop("running") == "rt-running"
    assert len(clinic.board.refresh_tokens) == 1


@pytest.mark.parametrize(
    "role",
    [
        *("CommunityThread-List", "CommunityGroup-List", "Coworker-List", "User-List", "Business-List"),
        *("CommunityThread-Read", "CommunityGroup-Read", "Coworker-Read", "User-Read"),
    ],
)
async def test_a_missing_role(clinic: Clinic, role: str) -> None:
    """What is answered 401 under a fresh login names the role that is missing, and where to tick it."""
    clinic.board.missing_roles = {role}

    line = await clinic.line("Nexudus roles")

    where = "tick them in the API user's role (dashboard.nexudus.com > Settings > Roles)"
    assert line == f"no  Nexudus roles: missing: {role} → {where}"


async def test_no_role_at_all(clinic: Clinic) -> None:
    """A login that may read nothing lacks API access, rather than five roles."""
    clinic.board.missing_roles = {f"{each}-List" for each in ("CommunityThread", "CommunityGroup", "Coworker", "User")}
    clinic.board.missing_roles.add("Business-List")

    assert "API access" in await clinic.line("Nexudus roles")


async def test_the_role_to_create_shows_later(clinic: Clinic) -> None:
    """Only a write could tell whether threads may be made: the line says so, and how to find out."""
    result = await clinic.doctor()

    assert "CommunityThread-Create shows with the first post, or with `bridge doctor --test-post" in result.stdout


async def test_a_deleted_record_is_no_missing_role(clinic: Clinic) -> None:
    """Of the records listed first, one that cannot be read singly says nothing about the role."""
    members = dict(clinic.board.coworkers)
    clinic.board.coworkers.clear()
    clinic.board.coworkers.update({1: members[201] | {"Id": 999}, **members})

    assert (await clinic.doctor()).exit_code == 0
    assert clinic.board.seen("GET /api/spaces/coworkers/999")


async def test_a_wrong_location(clinic: Clinic) -> None:
    """A NEXUDUS_BUSINESS_ID that is not the account's is answered with those that are."""
    line = await clinic.line("Location", NEXUDUS_BUSINESS_ID="7")

    assert line == f"no  Location: 7 is not one of this account's → set NEXUDUS_BUSINESS_ID to one of: {HALL} (Hall)"


async def test_several_locations(clinic: Clinic) -> None:
    """With several locations one must be chosen; they are listed, and either of them will do."""
    clinic.board.add_business(ANNEX, "Annex", "annex")

    line = await clinic.line("Location")

    assert line.endswith(f"there are several → set NEXUDUS_BUSINESS_ID to one of: {HALL} (Hall), {ANNEX} (Annex)")
    assert (await clinic.doctor(NEXUDUS_BUSINESS_ID=str(ANNEX))).exit_code == 0


async def test_a_board_away(clinic: Clinic) -> None:
    """A board that cannot be reached is no wrong password."""
    clinic.board.down = True

    line = await clinic.line("Nexudus")

    assert "try again later" in line
    assert "NEXUDUS_PASSWORD" not in line


async def test_a_wrong_address(clinic: Clinic) -> None:
    """Something else at NEXUDUS_URL leads to that setting."""
    line = await clinic.line("Nexudus", NEXUDUS_URL=str(clinic.env["SLACK_API_URL"]).removesuffix("/api/") + "/hooks")

    assert "look at NEXUDUS_URL" in line


async def test_a_private_thread_is_no_sample(clinic: Clinic) -> None:
    """Without a thread that everybody may see there is nothing to try; that alone is no failure."""
    for thread in clinic.board.threads.values():
        thread["Private"] = True

    result = await clinic.doctor()

    assert result.exit_code == 0
    assert result.stdout.splitlines()[-1].startswith("--  Thread link: no thread at Hall yet")


def test_a_suspended_location_does_not_count() -> None:
    """Of two locations one of which is suspended, the other is meant."""
    chosen, _ = choose([{"Id": 1, "Name": "A", "Suspended": True}, {"Id": 2, "Name": "B"}], None)

    assert chosen == {"Id": 2, "Name": "B"}
