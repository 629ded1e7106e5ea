"""Five people's errands in front of the real bridge: two ordinary days and three bad ones."""

import json
from urllib.parse import parse_qsl

from bridge.demo.loopback import Json
from bridge.demo.nexudus.faults import CREATE, Fault
from bridge.demo.slack.sender import Reply
from bridge.demo.stage import ANA, BEN, BOARD_USERS, CARL, DORA, NAMES, NotAsPromised, Stage
from bridge.demo.terminal import lines
from bridge.demo.terminal.tally import Asked, told
from bridge.language import sentences

# What Ben wrote in #general, as Slack hands it over with the shortcut.
BEN_WROTE: Json = {
    "type": "message",
    "user": BEN,
    "ts": "1732433400.000100",
    "text": "The projector works again :tada:\nIt was only the lamp. A spare one is in the *left* drawer.",
}


class Story:
    """Told once from beginning to end; `asked` is what bridge was asked for, `shown` the last message shown."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.asked: list[Asked] = []
        self.shown: Json = {}

    async def tell(self) -> None:
        await self.in_one_line()
        await self.somebody_elses_words()
        await self.no_answer()
        await self.board_away()
        await self.unknown()

    async def in_one_line(self) -> None:
        lines.heading("1  A post in one line")
        lines.paragraph("Ana types in #general:")
        await self.command(ANA, "Coffee is back", "The machine works again. First round is free! #coffee #kitchen")
        await self.posted(ANA, "Coffee is back")
        self.show_last(ANA)
        self.show_thread("Coffee is back")

    async def somebody_elses_words(self) -> None:
        lines.heading("2  Somebody else's message, with credit")
        lines.box("Ben has written in #general", BEN_WROTE["text"].splitlines())
        lines.paragraph("Ana opens the menu of Ben's message and chooses 'Post to community'.")
        self.answered(await self.stage.sender.message_shortcut(ANA, BEN_WROTE))
        view_id = await self.furnished_form()
        lines.box("A form opens for Ana, filled in already", self.form_lines(view_id))
        lines.paragraph("She shortens the subject, adds a tag, chooses the group and presses Post.")
        self.asked.append(Asked(ANA, "The projector works again"))
        values = {"subject": "The projector works again", "tags": "projector", "group": "11"}
        self.answered(await self.stage.sender.submit(view_id, values))
        await self.posted(ANA, "The projector works again")
        lines.box("In Slack the form turns into", self.form_lines(view_id))
        self.show_thread("The projector works again")

    async def furnished_form(self) -> str:
        def filled() -> str | None:
            views = self.stage.workspace.views.items()
            has_group = (id_ for id_, view in views if any(b["block_id"] == "group" for b in view["blocks"]))
            return next(has_group, None)

        return str(await self.stage.until("the form opens with the board's groups in it", filled))

    def form_lines(self, view_id: str) -> list[str]:
        view = self.stage.workspace.views[view_id]
        submit = view.get("submit")
        return [*lines.message(view, NAMES), *([f"[{submit['text']}]"] if submit else [])]

    async def no_answer(self) -> None:
        lines.heading("3  The board takes a post and hangs up before it answers")
        board, subject = self.stage.board, "Umbrella found"
        # As live: what is new can be read at once, but a search finds it only after a while.
        board.search_lag = 1.0
        board.misbehave(Fault.HANGUP_AFTER)
        sent, looked = len(board.seen(CREATE)), self.searches()
        lines.paragraph("Ben types in #general:")
        await self.command(BEN, subject, "It is blue, and waits at the front desk. #found")
        lines.paragraph("Does it stand on the board? Sending it again could make two, so bridge looks first.")
        await self.posted(BEN, subject)
        sent, looked, found = len(board.seen(CREATE)) - sent, self.searches() - looked, len(self.threads(subject))
        lines.paragraph(f"bridge sent it {_times(sent)}, searched {_times(looked)}, and found it {_times(found)}.")
        board.search_lag = 0.0
        self.show_last(BEN)
        self.show_thread(subject)

    def searches(self) -> int:
        return sum(each.path == CREATE.removeprefix("POST ") for each in self.stage.board.seen("GET"))

    async def board_away(self) -> None:
        lines.heading("4  The board is away")
        await self.stage.board_server.stop()
        lines.paragraph("Nothing answers at the board's address any more. Carl types in #general:")
        await self.command(CARL, "Bike for sale", "A red one, hardly used. Ask me at lunch! #market")
        await self.stage.until("Carl hears that it is still being tried", lambda: self.told(CARL, sentences.TRYING))
        self.show_last(CARL, "The board stays away, so after a while Carl reads")
        await self.stage.board_server.start()
        lines.paragraph("The board is back.")
        await self.posted(CARL, "Bike for sale")
        self.show_last(CARL)
        self.show_thread("Bike for sale")

    async def unknown(self) -> None:
        lines.heading("5  Somebody whom the board does not know")
        lines.paragraph("Dora is in Slack, but nobody on the board has her address. She types in #general:")
        await self.command(DORA, "Hello", "I am new here. #hello")
        await self.stage.until("Dora hears that it was not posted", lambda: self.told(DORA, sentences.REFUSED))
        self.show_last(DORA)

    async def command(self, user: str, subject: str, rest: str) -> None:
        """`/community post …`: what is typed, what Slack sends, what bridge answers, what the person reads."""
        text = f"post {subject} | {rest}"
        lines.typed(f"/community {text}")
        self.asked.append(Asked(user, subject))
        self.answered(await self.stage.sender.command(user, text))
        self.show_last(user)

    def answered(self, reply: Reply) -> None:
        request = self.stage.requests[-1]
        signature = request.headers["X-Slack-Signature"][:15]
        sent = [f"POST {request.url.path}, signed {signature}…", _sent(dict(parse_qsl(request.content.decode())))]
        lines.box("Slack sends", sent)
        if reply.status != 200:
            raise NotAsPromised(f"bridge did not answer Slack with 200: {reply.status} {reply.trouble}")
        lines.box("bridge answers", [f"{reply.status} after {reply.seconds * 1000:.0f} ms"])

    def show_last(self, user: str, title: str = "") -> None:
        """The latest message to a person, unless it has just been shown."""
        messages = [each for each in self.stage.seen(user) if "ts" in each]
        if messages and messages[-1] != self.shown:
            self.shown = messages[-1]
            lines.box(title or f"{NAMES[user]} alone reads in Slack", lines.message(self.shown, NAMES))

    def show_thread(self, subject: str) -> None:
        groups = self.stage.board.groups
        for record in self.threads(subject):
            author = next(NAMES[user] for user, number in BOARD_USERS.items() if number == record["UserId"])
            group = groups.get(record["CommunityGroupId"], {}).get("Name")
            lines.box("On the board stands", lines.thread(record, author, group))

    async def posted(self, user: str, subject: str) -> None:
        def reported() -> bool:
            return any(self.told(user, each, subject) for each in (sentences.POSTED, sentences.POSTED_LATE))

        await self.stage.until(f"{NAMES[user]} is told that '{subject}' is posted", reported)

    def told(self, user: str, *words: str) -> bool:
        return told(self.stage, user, *words)

    def threads(self, subject: str) -> list[Json]:
        return [each for each in self.stage.board.threads.values() if each["Subject"] == subject]


def _sent(fields: dict[str, str]) -> str:
    if "payload" not in fields:
        return f"command={fields['command']} user_id={fields['user_id']} channel_id={fields['channel_id']}"
    payload: Json = json.loads(fields["payload"])
    inner: Json = payload.get("view") or payload
    return f"type={payload['type']} user={payload['user']['id']} callback_id={inner['callback_id']}"


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")
