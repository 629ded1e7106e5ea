"""The thread as the board takes it, built from a draft and its author.

https://developers.nexudus.com/rest-api/community/post-communitythreads
"""

from dataclasses import replace
from typing import Any

from bridge.language import sentences
from bridge.members.places import Author, Places
from bridge.post import draft as drafts
from bridge.post.draft import Draft
from bridge.post.refusals import NotAllowed
from bridge.words import offload
from bridge.words.conversions import first_line, inert, name_to_markdown
from bridge.words.names import Names


async def compose(draft: Draft, author: Author, places: Places) -> dict[str, Any]:
    """The body of the POST. Raises NotAllowed for guests who cannot be found, and what their look-up raises."""
    # Beside the loop: the web process may share it, and has three seconds.
    names = await places.people.names(await offload.for_later(drafts.mentioned, draft))
    credit = await _credit(draft, author, places)
    body: dict[str, Any] = {
        "BusinessId": author.location,
        "UserId": author.profile.user,
        "CoworkerId": author.profile.coworker,
        "Subject": _subject(draft, names, places.rules.subject_max),
        "Message": await offload.for_later(drafts.compose_message, draft, names, credit),
        "Tags": drafts.compose_tags(draft) or None,
        "CommunityGroupId": author.group,
        "InstantDelivery": draft.delivery == "instant",
        "Private": draft.private,
        "Guests": await _guests(draft, author, places),
    }
    return {name: value for name, value in body.items() if value is not None}


def _subject(draft: Draft, names: Names, longest: int) -> str:
    """With the names that came too late for the form; with nobody's where they do not fit, or are not wanted."""
    if not draft.unnamed:
        return inert(draft.subject)
    late = Names(users={} if draft.anonymous else names.users, late=frozenset(draft.unnamed))
    named = inert(draft.subject, late)
    if len(named) > longest:
        named = inert(draft.subject, replace(late, users={}))
    return first_line(named, longest)


async def _guests(draft: Draft, author: Author, places: Places) -> list[int] | None:
    if not draft.guests:
        return None
    found = await places.guests(draft.guests, author.location, author.profile)
    if draft.private and not found:
        raise NotAllowed("guests_only_you", "guests")
    return found


async def _credit(draft: Draft, author: Author, places: Places) -> str:
    """Who said it first and who shared it; a link back only where the source is known to be public.

    Without names where the sharer wanted none: then no link either, because it leads to them.
    """
    origin, people, lines = draft.origin, places.people, []
    sharer = name_to_markdown(author.profile.name or await people.name(origin.user) or sentences.SOMEONE)
    whole = any("conversation" in piece for piece in draft.message)
    others = whole or (draft.credit is not None and draft.credit != origin.user)
    if others and draft.anonymous:
        return sentences.CREDIT_UNNAMED.format(sharer=sharer)
    if whole:
        lines.append(sentences.CREDIT_THREAD.format(sharer=sharer))
    elif others and (first := await people.name(str(draft.credit))) is not None:
        first = name_to_markdown(first or sentences.SOMEONE)
        lines.append(sentences.CREDIT.format(author=first, sharer=sharer))
    if origin.message_ts and origin.team_domain and await people.is_public(origin.channel):
        lines.append(sentences.CREDIT_LINK.format(link=drafts.permalink(origin)))
    return " · ".join(lines)


def facts(author: Author) -> dict[str, Any]:
    """What the report will want to say, kept with the mark so that an adopted thread can be told as well."""
    return {
        "web_address": author.web_address,
        "business_id": author.location,
        "group": author.group_name,
        "hidden": author.group_hidden,
        "location": author.location_name,
    }
