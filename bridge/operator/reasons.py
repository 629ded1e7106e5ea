"""Why a post waits or did not arrive, in the few words that an operator needs. Pure.

What its person was told stands in `sentences`; these lines say what there is to mend, and where.
"""

import textwrap
from collections.abc import Mapping

from bridge.post.entry import Entry

WIDTH = 60

# By what `decision` and `attempt` note when a draft is put back.
_WAITING: Mapping[str, str] = {
    "unavailable": "the board cannot be reached",
    "turn": "waits for its turn: the board takes so many posts a minute",
    "slack away": "Slack cannot be asked who its person is",
    "slack turn": "waits for its turn: Slack takes so many questions a minute",
    "slack token": "Slack refuses the bot token; run `bridge doctor`",
    "slack refused": "Slack does not say who its person is; see the log",
    "unsure": "the board did not confirm it; it is looked for",
    "looking": "the board did not confirm it; it is looked for",
    "look failed": "the board cannot be searched for it",
    "reference": "the board refused a record; it is looked up anew",
    "twin": "waits for the same post by the same person",
    "invalid_grant": "the board rejects the API user's password",
    "two_factor_auth_check": "the board asks the API user for a second factor",
    "must_reset_password": "the board wants a new password for the API user",
    "rejected": "the board rejects the API user's login",
}

# By the reason of an outcome; one that is not here is told as its person was told.
_ENDED: Mapping[str, str] = {
    "unknown": "nobody on the board has this person's address",
    "archived": "the member profile is archived in Nexudus",
    "inactive": "the member profile is not active in Nexudus",
    "profile_unreadable": "Nexudus lists the member profile and does not show it",
    "no_login": "the member profile has no portal login",
    "login_differs": "the login's address is not the member profile's",
    "ambiguous": "several accounts on the board have this address",
    "no_board_access": "the member profile may not use the board",
    "no_location": "the member profile belongs to no location here",
    "location_unknown": "that location is not one of this account's",
    "choose_location": "member at several locations, and none was chosen",
    "other_location": "not a member at the chosen location",
    "group_elsewhere": "the group belongs to another location",
    "group_not_member": "not a member of the group",
    "instant_not_allowed": "may not choose instant delivery (INSTANT_DELIVERY)",
    "guests_unmapped": "some guests are not on the board",
    "guests_refused": "some guests are guests in Slack (SLACK_GUESTS)",
    "guests_needed": "private, and no guest could be found",
    "guests_only_you": "private, and its person is the only guest",
    "guest": "a guest in Slack, who may not post (SLACK_GUESTS)",
    "no_email": "Slack shows no address; the app lacks users:read.email?",
    "unconfirmed": "the address in Slack is not confirmed",
    "foreign": "from another Slack workspace",
    "deleted": "the Slack account is deactivated",
    "bot": "an app or a bot asked for it",
    "reference_refused": "the board refuses a record, or a role is missing",
    "patience": "the board could not be reached for too long (PATIENCE)",
    "patience_login": "the board rejected the login for too long (PATIENCE)",
    "patience_slack": "Slack did not say who it is for too long (PATIENCE)",
    "worker_died": "workers died over it again and again; see the logs",
    "several": "more than one thread on the board could be it",
    "sent_often": "the board took it several times and never confirmed it",
    "changed_mind": "cancelled by its person",
    "dropped": "dropped by an operator",
    "uninstalled": "the app was removed from the workspace",
}


def cause(entry: Entry) -> str:
    """Why it waits or ended so, whole; empty where there is nothing to say."""
    if entry.outcome and entry.outcome.reason:
        return _ENDED.get(entry.outcome.reason) or entry.outcome.explanation()
    if entry.outcome or not entry.last_error:
        return ""
    return _WAITING.get(entry.last_error, "something unforeseen went wrong; the logs say what")


def short(text: str) -> str:
    """At most sixty characters, cut between words."""
    if len(text) <= WIDTH:
        return text
    return textwrap.shorten(text, WIDTH, placeholder=" …") if " " in text[:WIDTH] else text[: WIDTH - 1] + "…"


def told(entry: Entry) -> str:
    """Whether its person knows how it ended."""
    if entry.outcome is None:
        return "not yet; it has not ended"
    if entry.told == "untold":
        return "no; no way of telling worked"
    return f"yes, by {entry.told.replace('_', ' ')}" if entry.told else "not yet; it is being tried"


def span(seconds: float) -> str:
    """A length of time as people say it, in its largest unit."""
    for unit, length in (("day", 86400), ("hour", 3600), ("min", 60)):
        if seconds >= length:
            count = int(seconds // length)
            return f"{count} {unit}" + ("s" if count > 1 and unit != "min" else "")
    return f"{max(int(seconds), 0)} sec"
