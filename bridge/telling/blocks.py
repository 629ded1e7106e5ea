"""Every report that a person sees, and the pieces that forms are made of. Pure.

Limits of Block Kit: https://docs.slack.dev/surfaces/modals and the pages of each element.
Text of other people is shown as plain_text, or escaped and verbatim, so that it never notifies anybody.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from bridge.language import sentences
from bridge.post import attachment
from bridge.post.draft import Outcome, Problem
from bridge.post.entry import Entry
from bridge.words.mrkdwn import escape

FORM = "community_post"
CANCEL = "cancel_draft"
REOPEN = "reopen_form"
OPEN_THREAD = "open_thread"

# A section holds 3,000 characters; cut between words, so that no entity or link is cut in half.
_PART = re.compile(r"(?s).{1,2900}(?=\s|\Z)|.{1,2900}")

# Slack's ceiling for the text of an option, in characters.
OPTION_TEXT = 75

Block = dict[str, Any]


def heading(entry: Entry, outcome: Outcome | None) -> str:
    if outcome is None:
        return sentences.CHECKING if entry.state == "sending" else sentences.TRYING
    if outcome.ending == "posted":
        return sentences.POSTED_LATE if outcome.late else sentences.POSTED
    return sentences.UNSURE if outcome.ending == "unsure" else sentences.REFUSED


def report_blocks(entry: Entry, outcome: Outcome | None) -> list[Block]:
    """Subject, group, delivery, link and the id that the logs carry too."""
    lines = [f"*{heading(entry, outcome)}*", _subject(entry, outcome)]
    if outcome is None:
        trying = sentences.TRYING_TEXT.format(why=sentences.FAULTS[entry.held_up_by])
        lines.append(sentences.CHECKING_TEXT if entry.state == "sending" else trying)
    elif outcome.ending != "posted":
        lines.append(escape(outcome.explanation()))
    blocks = [section("\n".join(lines)), *_files(entry, outcome), context(escape(_facts(entry, outcome)))]
    buttons = _buttons(entry, outcome)
    return [*blocks, {"type": "actions", "elements": buttons}] if buttons else blocks


def _subject(entry: Entry, outcome: Outcome | None) -> str:
    """The subject, with its link where there is a thread."""
    subject = escape(entry.draft.subject)
    return f"<{outcome.link}|{subject}>" if outcome and outcome.link else subject


def _files(entry: Entry, outcome: Outcome | None) -> list[Block]:
    """Which files stay in Slack, each with its link and the reason, and how many are still on their way."""
    if outcome is None or outcome.ending != "posted":
        return []
    stay = [each for each in entry.files if each["state"] == "stays"]
    told = [sentences.FILE_STAYS.format(file=attachment.linked(each), why=sentences.file_reason(each)) for each in stay]
    lines = [*([sentences.FILES_STAYED] if stay else []), *told]
    lines += [sentences.FILES_COMING.format(number=entry.attaching)] if entry.attaching else []
    return [section(line) for line in _in_sections(lines)]


def _in_sections(lines: Sequence[str]) -> list[str]:
    """Whole lines together, as many as a section's 3,000 characters hold."""
    sections: list[str] = []
    for line in lines:
        if sections and len(sections[-1]) + len(line) < 2900:
            sections[-1] += f"\n{line}"
        else:
            sections.append(line)
    return sections


def _facts(entry: Entry, outcome: Outcome | None) -> str:
    facts = []
    if outcome and outcome.ending == "posted":
        group, location = outcome.detail.get("group"), outcome.detail.get("location")
        open_to = sentences.IN_GROUP.format(group=group) if group else sentences.WHOLE_BOARD
        facts = [str(location)] if location else []
        facts += [sentences.PRIVATE if entry.draft.private else open_to, sentences.DELIVERY[entry.draft.delivery]]
        facts += [sentences.NOT_CARRIED.format(what=", ".join(entry.draft.left))] if entry.draft.left else []
    return " · ".join([*facts, sentences.REFERENCE.format(id=entry.id)])


def _buttons(entry: Entry, outcome: Outcome | None) -> list[Block]:
    if outcome is None:
        cancel = button(sentences.BUTTONS["cancel_post"], CANCEL, entry.id, style="danger")
        return [cancel] if entry.state == "kept" else []
    if outcome.ending == "posted":
        return [button(sentences.BUTTONS["open"], OPEN_THREAD, entry.id, url=outcome.link)] if outcome.link else []
    return [] if outcome.ending == "unsure" else [button(sentences.BUTTONS["edit"], REOPEN, entry.id)]


def report_text(entry: Entry, outcome: Outcome | None) -> str:
    """The report as one line, for notifications and screen readers; escaped for mrkdwn."""
    parts = [heading(entry, outcome), escape(entry.draft.subject)]
    if outcome and outcome.link:
        stay = sum(each["state"] == "stays" for each in entry.files)
        parts.append(outcome.link + (f" — {sentences.FILES_STAY_SHORT.format(number=stay)}" if stay else ""))
    elif outcome and outcome.ending != "posted":
        parts.append(escape(outcome.explanation()))
    return ": ".join(parts[:2]) + (f" — {parts[2]}" if len(parts) > 2 else "") + f" ({entry.id})"


def report_message(entry: Entry, outcome: Outcome | None) -> Block:
    return {"text": report_text(entry, outcome), "blocks": report_blocks(entry, outcome)}


def report_view(entry: Entry, outcome: Outcome | None, *, said: str | None = None) -> Block:
    """A report in the form's place; `said` stands above it."""
    blocks = report_blocks(entry, outcome)
    return _closing_view([*([section(said)] if said else []), *blocks])


def waiting_view(entry_id: str, subject: str) -> Block:
    """What stands in the form's place while the post is on its way."""
    return _closing_view(_waiting_blocks(entry_id, subject, sentences.WAITING_VIEW_TEXT))


def waiting_message(entry_id: str, subject: str) -> Block:
    text = f"{sentences.WAITING}: {escape(subject)} ({entry_id})"
    return {"text": text, "blocks": _waiting_blocks(entry_id, subject, sentences.WAITING_TEXT)}


def _waiting_blocks(entry_id: str, subject: str, told: str) -> list[Block]:
    text = f"*{sentences.WAITING}*\n{escape(subject)}\n{told}"
    return [section(text), context(sentences.REFERENCE.format(id=entry_id))]


def _closing_view(blocks: list[Block]) -> Block:
    return {
        "type": "modal",
        "callback_id": FORM,
        "title": plain(sentences.TITLE),
        "close": plain(sentences.BUTTONS["close"]),
        "notify_on_close": True,
        "blocks": blocks,
    }


def note(text: str) -> Block:
    """A plain answer to a command, over as many sections as it needs."""
    return {"text": text, "blocks": [section(part) for part in re.findall(_PART, text)]}


def ephemeral(text: str) -> Block:
    """The same for nobody but the person who gave the command."""
    return ephemeral_message(note(text))


def ephemeral_message(message: Block) -> Block:
    """An answer that only the person sees. https://docs.slack.dev/interactivity/implementing-slash-commands"""
    return {"response_type": "ephemeral", **message}


def not_kept(problems: Sequence[Problem], request: Mapping[str, Any]) -> Block:
    """What was typed behind a command is never lost: it stands under the reason, to be copied."""
    command = str(request.get("command"))
    # A form sent again is the same form; a second command is another one, and could be posted twice.
    titles = {"store_away": sentences.NOT_KEPT, "store_unsure": sentences.MAYBE_KEPT}
    reasons = [f"{each.reason}_command" if each.reason in titles else each.reason for each in problems]
    pairs = zip(reasons, problems, strict=True)
    told = " ".join(sentences.reason(reason, each.detail, command=command) for reason, each in pairs)
    title = next((titles[each.reason] for each in problems if each.reason in titles), sentences.REFUSED)
    typed = sentences.TYPED.format(command=command, text=request.get("text"))  # as Slack has escaped it
    return note(f"*{title}.* {escape(told)}\n{typed}")


def status_message(entries: Sequence[Entry], command: str) -> Block:
    """A person's latest posts and where each stands."""
    if not entries:
        return note(sentences.NOTHING_YET.format(command=command))
    told = [block for entry in entries for block in _standing_blocks(entry)]
    return {"text": sentences.STATUS_TITLE, "blocks": [section(f"*{sentences.STATUS_TITLE}*"), *told]}


def _standing_blocks(entry: Entry) -> list[Block]:
    """With the way to cancel what still waits: the form that offered it may be closed."""
    buttons = [] if entry.outcome else _buttons(entry, None)
    return [section(_standing(entry)), *([{"type": "actions", "elements": buttons}] if buttons else [])]


def _standing(entry: Entry) -> str:
    state = heading(entry, entry.outcome)
    why = f"\n{escape(entry.outcome.explanation())}" if entry.outcome and entry.outcome.reason else ""
    if entry.outcome is None and entry.held_up_by:
        why = f"\n{sentences.FAULTS[entry.held_up_by]}"
    when = f"<!date^{int(entry.kept)}^{{date_short_pretty}} {{time}}|{sentences.EARLIER}>"
    return f"{_subject(entry, entry.outcome)}\n*{state}* · {when} · {entry.id}{why}"


def plain(text: str) -> Block:
    return {"type": "plain_text", "text": text, "emoji": False}


def _mrkdwn(text: str) -> Block:
    return {"type": "mrkdwn", "text": text[:3000], "verbatim": True}


def section(text: str) -> Block:
    return {"type": "section", "text": _mrkdwn(text)}


def context(text: str) -> Block:
    return {"type": "context", "elements": [_mrkdwn(text)]}


def option(text: str, value: str, description: str = "") -> Block:
    short = text if len(text) <= OPTION_TEXT else text[: OPTION_TEXT - 1] + "…"
    made: Block = {"text": plain(short or "–"), "value": value}
    return made | ({"description": plain(description)} if description else {})


def button(text: str, action: str, value: str, *, url: str | None = None, style: str | None = None) -> Block:
    made: Block = {"type": "button", "text": plain(text), "action_id": action, "value": value}
    return made | ({"url": url} if url else {}) | ({"style": style} if style else {})
