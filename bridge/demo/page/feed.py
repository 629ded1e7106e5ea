"""One person's view of the workspace: the channels, who said what, and what bridge says to them alone."""

from collections.abc import Iterator

from bridge.demo.loopback import Json
from bridge.demo.page.scene import PEOPLE
from bridge.demo.slack.talk import Talk
from bridge.demo.stage import Stage


def direct(me: str) -> str:
    """The conversation between a person and the app."""
    return f"D{me[1:]}"


def channels(stage: Stage, talk: Talk, me: str) -> list[Json]:
    """The channels that this person is in, then the direct messages with bridge."""
    ours = [each for each in stage.workspace.channels.values() if me in each.members]
    kinds = [{"id": c.id, "name": c.name, "private": c.is_private, "shared": c.is_ext_shared} for c in ours]
    # Slack shows an app to nobody from another company.
    if any(each.id == me and not each.team for each in PEOPLE):
        kinds.append({"id": direct(me), "name": "bridge", "app": True})
    told = private_messages(stage, talk, me)
    return [each | {"messages": _messages(stage, talk, str(each["id"]), told)} for each in kinds]


def _messages(stage: Stage, talk: Talk, channel: str, told: list[Json]) -> list[Json]:
    said = [each | {"replies": talk.replies.get((channel, each["ts"]), [])} for each in talk.messages[channel]]
    posted = [each | {"bot": True} for each in stage.workspace.posted.get(channel, ())]
    mine = [each for each in told if each["channel"] == channel]
    return sorted([*said, *posted, *mine], key=lambda each: float(each["ts"]))


def private_messages(stage: Stage, talk: Talk, me: str) -> list[Json]:
    """What bridge said to this person and to nobody else; a replaced message stands no more."""
    slack = stage.workspace
    gone = {talk.replaced[id_] for id_, told in slack.responses.items() if id_ in talk.replaced and _replaces(told)}
    quiet = [*slack.answers[me], *_responses(stage, me), *(each for each in slack.ephemerals if each.get("user") == me)]
    shown = [each | {"bot": True, "quiet": True} for each in quiet]
    # In the direct conversation everything is between these two anyway.
    shown += [each | {"bot": True} for each in slack.dms[me]]
    return [each for each in shown if each["ts"] not in gone]


def _responses(stage: Stage, me: str) -> Iterator[Json]:
    for id_, told in stage.workspace.responses.items():
        if stage.workspace.hooks[id_].user == me:
            yield from told


def _replaces(told: list[Json]) -> bool:
    return any(each.get("replace_original") for each in told)


def open_view(stage: Stage, me: str) -> Json | None:
    """The form that this person has in front of them: the last one that is still open."""
    slack = stage.workspace
    open_ = [view for id_, view in slack.views.items() if slack.owners[id_] == me and id_ not in slack.closed]
    return open_[-1] if open_ else None
