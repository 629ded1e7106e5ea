"""Where the browser's demo plays: a coworking space with two locations, its people, and what they have said."""

from dataclasses import dataclass

from bridge.demo.nexudus.board import Board
from bridge.demo.slack.talk import Talk, bullets, emoji, file, link, section, text, user
from bridge.demo.slack.workspace import Workspace
from bridge.demo.stage import HALL, LOGIN, PASSWORD

ANNEX = 1421021017
MAKERS, FOUNDERS = 12, 13
ANA, BEN, GITA, DORA, EMIL = "U0ANA", "U0BEN", "U0GITA", "U0DORA", "U0EMIL"
GENERAL, MAKING, EVENTS, SHARED = "C0GENERAL", "C0MAKERS", "G0EVENTS", "C0SHARED"


@dataclass(frozen=True)
class Person:
    """Somebody to act as; `about` says why this is worth a try. `board` is their UserId there."""

    id: str
    name: str
    about: str
    board: int | None = None
    locations: tuple[int, ...] = (HALL,)
    team: str | None = None
    guest: bool = False

    @property
    def coworker(self) -> int | None:
        """The id of the customer profile beside the login."""
        return self.board + 100 if self.board else None


PEOPLE = (
    Person(ANA, "Ana Silva", "A member, like most people.", 101),
    Person(BEN, "Ben Okoro", "A member at two locations, and of the private group Founders.", 102, (HALL, ANNEX)),
    Person(GITA, "Gita Rao", "A guest of the workspace. This space lets only members post.", 103, guest=True),
    Person(DORA, "Dora Lind", "In Slack, but nobody on the board has her address."),
    Person(EMIL, "Emil Novak", "From another company. Slack shows him no app; a command is refused.", team="T0TIDE"),
)


def settle(board: Board, workspace: Workspace) -> None:
    """Seeds both stand-ins with the space's people, places, groups and channels."""
    board.logins[LOGIN] = PASSWORD
    board.add_business(HALL, "Harbour Hall", "harbour-hall")
    board.add_business(ANNEX, "The Annex", "annex")
    board.add_group(11, HALL, "General")
    board.add_group(MAKERS, HALL, "Makers", 1, members=[201, 202])
    board.add_group(FOUNDERS, HALL, "Founders", 3, members=[202])
    board.add_group(21, ANNEX, "Annex news")
    # Bridge's own user, as the doctor's test post wants it.
    board.add_member("Bridge", LOGIN, user_id=100, coworker_id=200, businesses=[HALL, ANNEX])
    for each in PEOPLE:
        email = f"{each.id[2:].lower()}@{'tidewater' if each.team else 'harbour'}.example"
        workspace.add_user(
            each.id, each.name, email, team_id=each.team, stranger=bool(each.team), restricted=each.guest
        )
        if each.coworker:
            board.add_member(each.name, email, user_id=each.board, coworker_id=each.coworker, businesses=each.locations)
    # Installed with the optional scopes, too.
    workspace.scopes += ",channels:history,groups:history"
    bot = workspace.bot_user_id
    workspace.add_channel(GENERAL, "general", members=[ANA, BEN, GITA, DORA, bot])
    workspace.add_channel(MAKING, "makers", members=[ANA, BEN, GITA, DORA, bot])
    workspace.add_channel(EVENTS, "event-team", private=True, members=[ANA, BEN, bot])
    workspace.add_channel(SHARED, "with-tidewater", members=[ANA, EMIL, bot], ext_shared=True)


def first_words(workspace: Workspace) -> Talk:
    """What was said before anybody opened the page."""
    talk = Talk()
    _in_general(talk)
    _in_makers(talk, workspace)
    _elsewhere(talk)
    return talk


def _in_general(talk: Talk) -> None:
    talk.say(
        GENERAL,
        GITA,
        section(text("Good morning! Does anybody have a spare USB-C charger at the long table?")),
        ago=96,
    )
    talk.say(
        GENERAL,
        BEN,
        section(
            text("The projector works again "),
            emoji("tada"),
            text("\nIt was only the lamp. A spare one is in the "),
            text("left", bold=True),
            text(" drawer, and "),
            link("https://example.com/projector", "the manual"),
            text(" says how to change it."),
        ),
        ago=41,
    )
    talk.say(
        GENERAL,
        DORA,
        section(
            text("Thank you "), user(BEN), text("! Just in time for the "), text("Friday demo", italic=True), text(".")
        ),
        ago=38,
    )


def _in_makers(talk: Talk, workspace: Workspace) -> None:
    asked = talk.say(
        MAKING,
        BEN,
        section(text("Laser cutter evening on Thursday at 18:00. Please bring:", bold=True), text("\n")),
        bullets("your design as an SVG", "plywood of 3 mm at most", "safety glasses, if you have them"),
        ago=180,
    )
    files = [
        file("F0RULES", "laser-rules.pdf", "Laser cutter rules", "application/pdf", 182_340),
        file("F0PHOTO", "last-time.jpg", "What we made last time", "image/jpeg", 640_112),
    ]
    answer = section(
        text("Here are the rules and a picture from last time. Save your file with "), text("96 dpi", code=True)
    )
    talk.say(MAKING, ANA, answer, ago=171, files=files, under=asked["ts"])
    talk.say(
        MAKING, GITA, section(text("Wonderful, I will be there "), emoji("raised_hands")), ago=150, under=asked["ts"]
    )
    workspace.threads[MAKING, asked["ts"]] = talk.thread(MAKING, asked["ts"])


def _elsewhere(talk: Talk) -> None:
    talk.say(
        EVENTS,
        BEN,
        section(text("The band for the summer party has said yes. Not public yet, please; we announce it on Monday.")),
        ago=62,
    )
    talk.say(
        SHARED,
        EMIL,
        section(text("Hello from Tidewater! We bring two boxes of oranges for everybody tomorrow.")),
        ago=25,
    )
