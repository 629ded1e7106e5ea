"""The kinds of record that the board holds, and what their lists can be asked for."""

from dataclasses import dataclass
from datetime import UTC, datetime

from bridge.demo.loopback import Json

THREAD_DEFAULTS: Json = {
    "CommunityGroupId": None, "CoworkerId": None, "InstantDelivery": False, "Tags": None, "Private": False,
    "IncludeZoomInvite": False, "ZoomEventData": None, "SystemId": None,
}  # fmt: skip
UNSENT: Json = {"AddedGuests": None, "RemovedGuests": None, "CustomFields": None, "LocalizationDetails": None}


@dataclass(frozen=True)
class Entity:
    """One kind of record: where it lives, and which query parameters its list understands."""

    name: str
    path: str
    required: tuple[str, ...] = ()
    exact: tuple[str, ...] = ()
    contains: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()

    def accepts(self, record: Json, query: dict[str, str]) -> bool:
        """Unknown parameters are ignored in silence, as Nexudus does."""
        return all(self._holds(record, key, wanted) for key, wanted in query.items())

    def _holds(self, record: Json, key: str, wanted: str) -> bool:
        bound, _, rest = key.partition("_") if key.startswith(("from_", "to_")) else ("", "", key)
        entity, _, name = rest.partition("_")
        if entity != self.name:
            return True
        if bound:
            return name not in ("CreatedOn", "UpdatedOn") or _within(bound, record[name], wanted)
        value = str(record.get(f"{name}Id", record.get(name))).casefold()
        if name in self.exact:
            return value == wanted.casefold()
        return name not in self.contains or wanted.casefold() in value


THREADS = Entity(
    "CommunityThread",
    "/api/community/communitythreads",
    required=("BusinessId", "UserId", "Subject", "Message"),
    exact=("Business", "CommunityGroup", "User", "Coworker", "Private", "InstantDelivery"),
    contains=("Subject", "Message", "Tags"),
    hidden=("Guests", "AddedGuests", "RemovedGuests"),
)
GROUPS = Entity(
    "CommunityGroup",
    "/api/community/communitygroups",
    exact=("Business", "User", "GroupAccess"),
    contains=("Name", "Description"),
    hidden=("Members", "AddedMembers", "RemovedMembers"),
)
COWORKERS = Entity(
    "Coworker",
    "/api/spaces/coworkers",
    exact=("Email", "User", "Active", "Archived", "CanAccessCommunity", "InvoicingBusiness"),
    contains=("FullName",),
)
USERS = Entity("User", "/api/sys/users", exact=("Active", "IsAdmin"), contains=("Email", "FullName"))
BUSINESSES = Entity("Business", "/api/sys/businesses", contains=("Name", "WebAddress"))
FILES = Entity(
    "CommunityThreadFile",
    "/api/community/communitythreadfiles",
    required=("CommunityThreadId",),
    exact=("CommunityThread",),
)


def _within(bound: str, stored: str, wanted: str) -> bool:
    """`YYYY-MM-DDTHH:mm`, taken as UTC, and any other ISO form; inclusive on both sides."""
    try:
        limit = datetime.fromisoformat(wanted)
    except ValueError:
        return True
    limit = limit if limit.tzinfo else limit.replace(tzinfo=UTC)
    made = datetime.fromisoformat(stored)
    return made >= limit if bound == "from" else made <= limit
