"""A stand-in for Nexudus: its REST API, as documented and as observed live, over dictionaries."""

import contextlib
import json
import time
import uuid
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import httpx
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bridge.demo.loopback import Json
from bridge.demo.nexudus.entities import (
    BUSINESSES,
    COWORKERS,
    FILES,
    GROUPS,
    THREAD_DEFAULTS,
    THREADS,
    UNSENT,
    USERS,
    Entity,
)
from bridge.demo.nexudus.faults import Door, Moods, envelope


class Board(Moods):
    """The board and its neighbours. Seed it, serve `app`, and look at what it holds."""

    def __init__(self) -> None:
        super().__init__()
        self.businesses: dict[int, Json] = {}
        self.groups: dict[int, Json] = {}
        self.coworkers: dict[int, Json] = {}
        self.users: dict[int, Json] = {}
        self.threads: dict[int, Json] = {}
        self.files: dict[int, Json] = {}
        self.born: dict[int, float] = {}
        self.contents: dict[int, httpx.Response] = {}
        self.fetches = True
        self._made = 0
        self.partial_lists = False
        self.keeps_system_id = True
        self.app = Starlette(routes=list(self._routes()), middleware=[Middleware(Door, moods=self)])

    def _routes(self) -> Iterable[Route]:
        yield Route("/api/token", self.token, methods=["POST"])
        for entity, store in self._stores():
            writes = ["POST", "PUT"] if entity.required else []
            yield Route(entity.path, partial(self._many, entity, store), methods=["GET", *writes])
            one = partial(self._one, entity, store)
            yield Route(f"{entity.path}/{{id:int}}", one, methods=["GET", "DELETE"][: 2 if writes else 1])

    def _stores(self) -> list[tuple[Entity, dict[int, Json]]]:
        community = [(THREADS, self.threads), (GROUPS, self.groups), (FILES, self.files)]
        return [*community, (COWORKERS, self.coworkers), (USERS, self.users), (BUSINESSES, self.businesses)]

    def add_business(self, id: int, name: str, web_address: str) -> Json:  # noqa: A002 - Nexudus's word
        record = {"Id": id, "Name": name, "WebAddress": web_address, "Suspended": False} | _dates(self.now(), name)
        return self.businesses.setdefault(id, record)

    def add_group(
        self,
        id: int,  # noqa: A002 - Nexudus's word
        business_id: int,
        name: str,
        access: int = 2,
        members: Iterable[int] = (),
    ) -> Json:
        """`access` is 1 Restricted, 2 Public, 3 Private; `members` are customer (coworker) ids."""
        business = self.businesses.get(business_id, {}).get("Name")
        record = {"Id": id, "BusinessId": business_id, "BusinessName": business, "Name": name}
        record |= {"Description": "", "GroupAccess": access, "Members": list(members), "UserId": None}
        return self.groups.setdefault(id, record | _dates(self.now(), name))

    def add_member(
        self,
        name: str,
        email: str,
        *,
        user_id: int | None,
        coworker_id: int,
        businesses: Iterable[int],
        can_access: bool = True,
        archived: bool = False,
        active: bool = True,
        user: bool = True,
    ) -> Json:
        """A customer profile and, unless `user` is False or `user_id` None, the login behind it."""
        places, login = list(businesses), user_id if user else None
        person = {"FullName": name, "Email": email, "Active": active, "Businesses": places}
        rights: Json = {"CanAccessCommunity": can_access, "Archived": archived, "IsDefaultProfile": True}
        rights |= {"UserId": login, "InvoicingBusinessId": places[0] if places else None}
        self.coworkers[coworker_id] = {"Id": coworker_id} | person | rights | _dates(self.now(), name)
        if login is not None:
            # The real list exposes such fields; nothing of ours may ever log them.
            secrets = {"AccessToken": "never-log-this", "PasswordSalt": "never-log-this"}
            self.users[login] = {"Id": login, "IsAdmin": False} | person | secrets | _dates(self.now(), name)
        return self.coworkers[coworker_id]

    def add_thread(self, **fields: Any) -> Json:
        """A thread, made without a request; `fields` are those of the create call."""
        known = (*THREADS.required, *THREAD_DEFAULTS, "Guests")
        sent = {name: fields[name] for name in known if name in fields}
        if not self.keeps_system_id:
            sent["SystemId"] = None
        record = THREAD_DEFAULTS | UNSENT | {"Guests": [], "ThreadFiles": []} | sent
        record = self._store(self.threads, record, sent.get("Subject", ""))
        record["LastMessageDate"] = record["CreatedOn"]
        return record

    def now(self) -> str:
        """UTC with seven fractional digits and Z, as the live API writes CreatedOn."""
        seconds, rest = divmod(time.time_ns() + int(self.clock_skew * 1e9), 10**9)
        return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest // 100:07d}Z"

    async def _many(self, entity: Entity, store: dict[int, Json], request: Request) -> Response:
        if request.method != "GET":
            return await self._write(entity, store, request)
        batch = request.query_params.get("id")
        if refusal := self.refuses(request, f"{entity.name}-{'Read' if batch else 'List'}"):
            return refusal
        if self.fail_lists:
            return JSONResponse({"Message": "The list could not be read"}, 500)
        if batch:
            return JSONResponse([self._partial(entity, store[id_]) for id_ in _ids(batch) if id_ in store])
        return JSONResponse(self._page(entity, store, dict(request.query_params)))

    def _page(self, entity: Entity, store: dict[int, Json], query: dict[str, str]) -> Json:
        shown = [record for id_, record in store.items() if self._searchable(id_)]
        if not self.unfiltered:
            shown = [record for record in shown if entity.accepts(record, query)]
        page, size = _number(query, "page", 1), _number(query, "size", 25)
        first, pages = (page - 1) * size, max(1, -(-len(shown) // size))
        records = [self._partial(entity, each) for each in shown[first : first + size]]
        paging = {"CurrentPage": page, "CurrentPageSize": size, "CurrentOrderField": "CreatedOn"}
        paging |= {"FirstItem": first + 1, "LastItem": first + len(records), "TotalItems": len(shown)}
        paging |= {"TotalPages": pages, "HasNextPage": page < pages, "HasPreviousPage": page > 1}
        return {"Records": records, "CurrentSortDirection": 1} | paging

    def _searchable(self, id_: int) -> bool:
        return time.monotonic() - self.born.get(id_, float("-inf")) >= self.search_lag

    def _partial(self, entity: Entity, record: Json) -> Json:
        hidden = entity.hidden + (("Message",) if self.partial_lists and entity is THREADS else ())
        if entity is COWORKERS:
            hidden += ("UserId",)
        return {name: value for name, value in record.items() if name not in hidden}

    async def _one(self, entity: Entity, store: dict[int, Json], request: Request) -> Response:
        """A raw record; a coworker that is not there answers 401, as seen live."""
        id_, deleting = request.path_params["id"], request.method == "DELETE"
        if refusal := self.refuses(request, f"{entity.name}-{'Delete' if deleting else 'Read'}"):
            return refusal
        if id_ not in store:
            return envelope(401 if entity is COWORKERS else 404, "Not found")
        if not deleting:
            return JSONResponse(store[id_])
        return envelope(200, "The record was deleted", {"Id": store.pop(id_)["Id"]})

    async def _write(self, entity: Entity, store: dict[int, Json], request: Request) -> Response:
        if refusal := self.refuses(request, f"{entity.name}-{'Create' if request.method == 'POST' else 'Edit'}"):
            return refusal
        fields: Json = _json(await request.body()) or {}
        if errors := _missing(entity, fields):
            return envelope(400, "; ".join(each["Message"] for each in errors), errors=errors)
        if not self._known(fields) or (request.method == "PUT" and fields.get("Id") not in store):
            return envelope(401, "Access Denied")
        if request.method == "PUT":
            record = self._replaced(store[fields["Id"]], fields)
        else:
            record = self.add_thread(**fields) if entity is THREADS else self._store(store, dict(fields), "")
            if entity is FILES:
                await self._fetch(record)
        return envelope(200, "The record was saved", record)

    async def _fetch(self, record: Json) -> None:
        """Nexudus downloads NewFileDataUrl itself; a stand-in asks this computer only, and keeps what it got."""
        url = str(record.pop("NewFileDataUrl", None) or "")
        if not self.fetches or urlsplit(url).hostname != "127.0.0.1":
            return
        async with httpx.AsyncClient(trust_env=False) as client:
            with contextlib.suppress(httpx.HTTPError):
                self.contents[record["Id"]] = await client.get(url)

    def _known(self, fields: Json) -> bool:
        """Every record that the body refers to exists; nothing more is checked, also not whether they fit."""
        references: list[tuple[str, dict[int, Json]]] = [("BusinessId", self.businesses)]
        references += [("UserId", self.users), ("CommunityGroupId", self.groups)]
        references += [("CoworkerId", self.coworkers), ("CommunityThreadId", self.threads)]
        named = all(fields.get(name) is None or fields[name] in store for name, store in references)
        return named and all(guest in self.users for guest in fields.get("Guests") or ())

    def _replaced(self, record: Json, fields: Json) -> Json:
        """PUT is the whole record: what the body leaves out is cleared."""
        kept = ("Id", "UniqueId", "CreatedOn", "LastMessageDate", "ThreadFiles")
        identity = {name: record[name] for name in kept if name in record}
        sent = {name: fields[name] for name in fields if name in record}
        record |= dict.fromkeys(record) | sent | identity
        record |= {"UpdatedOn": self.now(), "ToStringText": fields.get("Subject")}
        return record

    def _store(self, store: dict[int, Json], record: Json, text: str) -> Json:
        self._made += 1
        # Steps through a prime field: no repetition, and no order either, like the real ids.
        id_ = 1_400_000_000 + self._made * 61_803_399 % 99_999_989
        store[id_] = record | {"Id": id_} | _dates(self.now(), text)
        self.born[id_] = time.monotonic()
        return store[id_]


def _dates(now: str, text: str) -> Json:
    stamps = {"CreatedOn": now, "UpdatedOn": now, "UpdatedBy": "api-user@example.com", "IsNew": False}
    return stamps | {"UniqueId": str(uuid.uuid4()), "ToStringText": text}


def _missing(entity: Entity, fields: Json) -> list[Json]:
    absent = [name for name in entity.required if fields.get(name) in (None, "")]
    said = [f"{name} is a required field" for name in absent]
    rows = zip(absent, said, strict=True)
    return [{"AttemptedValue": fields.get(n), "Message": text, "PropertyName": n} for n, text in rows]


def _number(query: dict[str, str], name: str, otherwise: int) -> int:
    value = query.get(name, "")
    return max(1, int(value)) if value.isdecimal() else otherwise


def _json(text: str | bytes) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _ids(batch: str) -> list[int]:
    ids = _json(batch)
    return [each for each in ids if isinstance(each, int)] if isinstance(ids, list) else []
