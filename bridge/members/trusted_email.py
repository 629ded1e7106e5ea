"""The Slack side of who somebody is: whose word is taken for an e-mail address, and what is kept of a profile. Pure."""

import re
import string
from collections.abc import Mapping
from typing import Any

_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)
# Half a surrogate pair, and what stands in its place once it was read.
_BROKEN = re.compile("[\ud800-\udfff\ufffd]")


def address(value: object) -> str:
    """An e-mail address as it is compared: without outer blanks and the case of ASCII letters; "" for none.

    Unicode's own folding would take other letters for equal, too. Half a surrogate pair makes it none.
    """
    text = value.strip() if isinstance(value, str) else ""
    return "" if _BROKEN.search(text) else text.translate(_LOWER)


def same_address(one: object, other: object) -> bool:
    """Whether both are the same address; none is nobody's, not even another none's."""
    return bool(address(one)) and address(one) == address(other)


def gate(user: Mapping[str, Any], home: tuple[str, str | None], guests: str) -> str | None:
    """Why this Slack profile's e-mail address must not be believed, or None.

    An address in a foreign workspace is set by whoever administers that one.
    https://docs.slack.dev/apis/slack-connect
    """
    team, enterprise = home
    belongs = user.get("enterprise_user")
    belongs = belongs if isinstance(belongs, Mapping) else {}
    teams = belongs.get("teams")
    same_grid = enterprise and belongs.get("enterprise_id") == enterprise and isinstance(teams, list) and team in teams
    if user.get("is_stranger") or not (user.get("team_id") == team or same_grid):
        return "foreign"
    if user.get("deleted"):
        return "deleted"
    if user.get("is_bot") or user.get("is_app_user") or user.get("id") == "USLACKBOT":
        return "bot"
    if guests == "refuse" and (user.get("is_restricted") or user.get("is_ultra_restricted")):
        return "guest"
    if not address(user.get("email")):
        return "no_email"
    return "unconfirmed" if user.get("is_email_confirmed") is False else None


def snapshot(user: Mapping[str, Any]) -> dict[str, Any]:
    """What is kept of a Slack profile: what the gate asks for, and the name ("" without one). Of whatever shape."""
    profile = user.get("profile")
    profile = profile if isinstance(profile, Mapping) else {}
    kept = ("id", "team_id", "deleted", "is_bot", "is_app_user", "is_restricted", "is_ultra_restricted", "tz", "locale")
    names = (profile.get("display_name"), profile.get("real_name"), user.get("real_name"), user.get("name"))
    return {
        **{name: user.get(name) for name in (*kept, "is_stranger", "is_email_confirmed", "enterprise_user")},
        "email": profile.get("email"),
        "name": next((name for name in names if name and isinstance(name, str)), ""),
    }
