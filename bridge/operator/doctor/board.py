"""The doctor's look at the board: login, roles, location, groups and a link to try."""

from collections.abc import Mapping

from bridge.delivery import decision
from bridge.nexudus.client import BUSINESSES, COWORKERS, FILES, GROUPS, THREADS, USERS
from bridge.nexudus.wire import NexudusError, Page
from bridge.operator.doctor import test_post
from bridge.operator.doctor.board_calls import NoLogin, Record, Visit, trouble
from bridge.operator.doctor.finding import Finding
from bridge.settings.environment import Settings
from bridge.settings.network import http_client

# Which roles are asked for by reading: https://developers.nexudus.com/rest-api/roles-and-access
_ENTITIES: Mapping[str, tuple[str, bool]] = {
    "CommunityThread": (THREADS, True),
    "CommunityGroup": (GROUPS, True),
    "Coworker": (COWORKERS, True),
    "User": (USERS, True),
    "Business": (BUSINESSES, False),
}
_CREATE = "CommunityThread-Create"
# All that bridge does on the board takes these, and nothing more.
NEEDED = frozenset(
    {_CREATE, *(f"{entity}-{each}" for entity, (_, read) in _ENTITIES.items() for each in ("List", "Read")[: 1 + read])}
)
# And this, where files are on.
_FILE = "CommunityThreadFile"
NEEDED_FOR_FILES = frozenset(f"{_FILE}-{each}" for each in ("List", "Read", "Create"))
# https://help.nexudus.com/docs/editing-roles, /docs/editing-admin-access
_ROLES = "dashboard.nexudus.com > Settings > Roles"
_USER = "dashboard.nexudus.com > Settings > Users > the API user > Access"


async def examine(settings: Settings, url: str | None, test_group: str | None, *, files: bool) -> list[Finding]:
    """Everything about the board, as far as what comes before it holds; a test post if a group is named for it.

    `files`: whether bridge will add files to threads, which takes roles of its own.
    """
    async with http_client() as http:
        visit = Visit(http, settings)
        try:
            await visit.log_in()
            findings = [Finding("Nexudus", True, f"logged in as {settings.nexudus_username}")]
            looked, location = await _look_round(visit, files=files)
        except NoLogin as stopped:
            return [stopped.finding]
        except NexudusError as error:
            return [trouble(error, settings)]
        return [*findings, *looked, *await _trial(visit, location, url, test_group)]


async def _trial(visit: Visit, location: Record | None, url: str | None, test_group: str | None) -> list[Finding]:
    if test_group is None:
        return await test_post.recall(url, visit.settings) if url else []
    if location is None:
        said = "not made, as there is no location for it"
        return [Finding(test_post.CHECK, False, said, "mend the lines above first")]
    try:
        return await test_post.carry_out(visit, location, test_group, url)
    except NexudusError as error:
        return [trouble(error, visit.settings)]


async def _look_round(visit: Visit, *, files: bool) -> tuple[list[Finding], Record | None]:
    missing = [role for entity, (path, read) in _ENTITIES.items() for role in await _missing(visit, entity, path, read)]
    findings = [_roles(missing)]
    if files:
        findings.append(_file_roles(await _missing(visit, _FILE, FILES, True)))
    if "Business-List" in missing:
        return findings, None
    location, found = choose(await visit.every(BUSINESSES), visit.settings.nexudus_business_id)
    findings.append(found)
    if location is not None and "CommunityGroup-List" not in missing:
        findings.append(await _groups(visit, location))
    if location is not None and "CommunityThread-List" not in missing:
        findings.append(await _link(visit, location))
    return findings, location


async def _missing(visit: Visit, entity: str, path: str, read: bool) -> list[str]:
    listed = await visit.ask(path, {"page": 1, "size": 3})
    if listed is None:
        return [f"{entity}-List"]
    ids = [each["Id"] for each in Page.from_data(listed).records if isinstance(each.get("Id"), int)]
    if not read or not ids:
        return []
    # A 401 may also mean that this one record is gone, which lists do not know yet.
    for id_ in ids:
        if await visit.ask(f"{path}/{id_}") is not None:
            return []
    return [f"{entity}-Read"]


async def _groups(visit: Visit, location: Record) -> Finding:
    listed = await visit.every(GROUPS, CommunityGroup_Business=location["Id"])
    here = [each for each in listed if each.get("BusinessId") == location["Id"]]
    names = ", ".join(str(each.get("Name")) for each in here[:10]) + (", …" if len(here) > 10 else "")
    return Finding("Groups", True, f"{len(here)} at {location.get('Name')}" + (f": {names}" if names else ""))


async def _link(visit: Visit, location: Record) -> Finding:
    data = await visit.ask(THREADS, {"CommunityThread_Business": location["Id"], "page": 1, "size": 25})
    threads = [each for each in Page.from_data(data).records if each.get("BusinessId") == location["Id"]]
    shown = next((each for each in threads if not each.get("Private")), None)
    if shown is None:
        said = f"no thread at {location.get('Name')} yet to try it with"
        return Finding("Thread link", None, said, "open the link of the first post by hand")
    subject, template = str(shown.get("Subject") or ""), visit.settings.nexudus_thread_url
    link = decision.thread_link(template, location.get("WebAddress"), location["Id"], shown.get("Id"), subject)
    return Finding("Thread link", True, f"open it by hand; if it shows no thread, set NEXUDUS_THREAD_URL: {link}")


def _roles(missing: list[str]) -> Finding:
    check = "Nexudus roles"
    if len([each for each in missing if each.endswith("-List")]) == len(_ENTITIES):
        remedy = f"switch API access on for it ({_USER}), and give it these roles: {', '.join(sorted(NEEDED))}"
        return Finding(check, False, "this user may read nothing at all", remedy)
    if missing:
        return Finding(check, False, f"missing: {', '.join(missing)}", f"tick them in the API user's role ({_ROLES})")
    # Only a write would tell, and the doctor writes nothing unless it is asked to.
    said = f"List and Read hold wherever they are needed; {_CREATE} shows with the first post"
    return Finding(check, True, f"{said}, or with `bridge doctor --test-post GROUP`")


def _file_roles(missing: list[str]) -> Finding:
    check = "Nexudus roles for files"
    if missing:
        return Finding(check, False, f"missing: {', '.join(missing)}", f"tick them in the API user's role ({_ROLES})")
    return Finding(check, True, f"List and Read hold; {_FILE}-Create shows with the first file")


def choose(businesses: list[Record], wanted: int | None) -> tuple[Record | None, Finding]:
    """The location to post at by default, as far as the settings and the account tell."""
    open_ones = [each for each in businesses if not each.get("Suspended")]
    offered = ", ".join(f"{each.get('Id')} ({each.get('Name')})" for each in open_ones) or "none"
    chosen = [each for each in open_ones if each.get("Id") == wanted] if wanted else open_ones
    if len(chosen) == 1:
        return chosen[0], Finding("Location", True, f"{chosen[0].get('Name')} ({chosen[0].get('Id')})")
    if not open_ones:
        return None, Finding("Location", False, "this user sees none", f"give it access to the location ({_USER})")
    said = f"{wanted} is not one of this account's" if wanted else "there are several"
    return None, Finding("Location", False, said, f"set NEXUDUS_BUSINESS_ID to one of: {offered}")
