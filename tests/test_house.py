"""The house checks itself: who imports whom, how long a file is, and that papers and code say the same."""

import ast
import re
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest

from bridge import moments
from bridge.desk import listeners
from bridge.settings.environment import Settings
from bridge.telling import blocks

ROOT = Path(__file__).parent.parent
BRIDGE = ROOT / "bridge"

# The rooms that know nothing of ours, and who may know what.
IMPORTS: dict[str, set[str]] = {
    "settings": set(),
    "problems": {"settings"},
    "accounts": {"settings"},
    "version": set(),
    "moments": set(),
    "store": {"moments", "valkey"},
    "valkey": set(),
    "whichstore": {"store"},
    "leases": set(),
    "scripts": {"leases"},
    "metrics": set(),
    "census": {"outbox"},
    "aside": set(),
    "cache": set(),
    "pace": {"metrics", "wire"},
    "english": set(),
    "sentences": {"english"},
    "wire": set(),
    "words": set(),
    "nexudus": {"wire"},
    "tokens": {"wire"},
    "seal": set(),
    "originals": {"moments"},
    "conversation": {"sentences", "words"},
    "attachment": {"filename", "words"},
    "draft": {"conversation", "sentences", "words"},
    "filename": set(),
    "entry": {"draft"},
    "files": {
        "attachment", "decision", "delivery", "entry", "leases", "metrics", "nexudus", "outbox", "report", "webapi",
        "wire", "worker",
    },
    "replies": {"conversation", "webapi"},
    "sources": {
        "aside", "attachment", "conversation", "draft", "form", "moments", "originals", "people", "refusals", "replies",
        "sentences", "webapi", "words",
    },
    "commands": {"words"},
    "payloads": {"draft"},
    "blocks": {"attachment", "draft", "entry", "sentences", "words"},
    "form": {"attachment", "blocks", "draft", "seal", "sentences", "words"},
    "filled": {"draft", "form", "seal", "sentences"},
    "installation": {"outbox"},
    "worker": {"entry", "leases"},
    "outbox": {"attachment", "draft", "entry", "leases", "scripts"},
    "gate": set(),
    "refusals": set(),
    "people": {"cache", "gate", "refusals", "wire", "words"},
    "places": {"cache", "draft", "people", "refusals"},
    "sightings": {"nexudus", "wire"},
    "boardwatch": {"wire"},
    "thread": {"aside", "draft", "places", "refusals", "sentences", "words"},
    "decision": {"draft", "entry", "refusals", "wire"},
    "delivery": {
        "boardwatch", "decision", "draft", "entry", "leases", "metrics", "nexudus", "outbox", "places", "refusals",
        "report", "sightings", "thread", "wire", "worker",
    },
    "webapi": {"refusals"},
    "report": {"draft", "entry"},
    "telling": {"blocks", "draft", "entry", "outbox", "report", "sentences", "webapi"},
    "leaving": {"draft", "moments", "people", "sentences"},
    "prefilling": {
        "aside", "attachment", "commands", "conversation", "draft", "entry", "form", "leaving", "moments", "people",
        "sentences", "sources", "words",
    },
    "drawing": {"draft", "form", "originals", "outbox", "seal", "sources", "webapi"},
    "furnishing": {
        "aside", "draft", "drawing", "filled", "form", "leaving", "moments", "outbox", "places", "refusals",
        "sentences", "sources", "wire", "words",
    },
    "desk": {
        "blocks", "draft", "entry", "furnishing", "installation", "intake", "metrics", "moments", "outbox", "places",
        "prefilling", "refusals", "sentences", "webapi", "words",
    },
    "slack": {
        "blocks", "commands", "desk", "draft", "filled", "form", "moments", "payloads", "sentences", "webapi", "words",
    },
    "intake": set(),
    "causes": {"entry"},
    "table": set(),
    "traces": set(),
    "erasure": {"draft", "outbox", "people", "sentences", "traces"},
    "ledger": {"accounts", "causes", "draft", "entry", "outbox", "table", "tokens", "words"},
    "front": {"intake", "metrics"},
    "listening": set(),
    "socketmode": {"front", "intake", "metrics", "webapi"},
}  # fmt: skip
# They put the rooms together, or look at all of them.
FREE = {"__init__", "__main__", "demo", "doctor", "manifest", "operating", "running", "wiring"}


def ours(path: Path) -> set[str]:
    """The rooms that a file imports when it runs; imports for the type checker's sake do not count."""
    found: set[str] = set()
    tree = ast.parse(path.read_text())
    for node in _running(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "bridge":
            found |= {each.name for each in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("bridge."):
            found.add(node.module.split(".")[1])
    return found


def _running(tree: ast.Module) -> Iterator[ast.AST]:
    """Everything but what stands under `if TYPE_CHECKING`."""
    for node in tree.body:
        if not (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)):
            yield from ast.walk(node)


def test_every_room_is_on_the_map_and_in_the_table() -> None:
    """Who opens bridge/__init__.py meets each room by name, and none escapes the import table."""
    rooms = {each.stem for each in BRIDGE.iterdir() if each.suffix == ".py" or (each / "__init__.py").exists()}
    assert rooms == set(IMPORTS) | FREE
    text = (BRIDGE / "__init__.py").read_text()
    assert [room for room in sorted(rooms - {"__init__"}) if f"`{room}`" not in text] == []


@pytest.mark.parametrize("room", IMPORTS)
def test_a_room_imports_only_what_it_may_know(room: str) -> None:
    """The import table is the design: slack does not know the board's wire, delivery does not know Slack."""
    path = BRIDGE / f"{room}.py"
    files = [path] if path.exists() else sorted((BRIDGE / room).glob("*.py"))
    found = set().union(*(ours(each) for each in files)) - {room}
    assert found == IMPORTS[room]


def test_every_file_stays_under_three_hundred_lines() -> None:
    """When a file wants to grow past that, the room is redesigned."""
    long = {each.name: n for each in BRIDGE.rglob("*.py") if (n := len(each.read_text().splitlines())) > 300}
    assert long == {}


def test_the_settings_and_their_example_agree() -> None:
    """Every setting stands in .env.example with its default, and nothing else does."""
    text = (ROOT / ".env.example").read_text()
    shown = dict(re.findall(r"^([A-Z_]+)=(.*)$", text, re.M))
    assert set(shown) == {name.upper() for name in Settings.model_fields}
    for name, field in Settings.model_fields.items():
        default = field.default
        if isinstance(default, str | int | float) and not isinstance(default, bool):
            assert shown[name.upper()] == f"{default:g}" if isinstance(default, float) else str(default), name


def test_the_procfile_starts_commands_that_exist() -> None:
    """Both lines of the Procfile name a command of ours, and the web process binds every interface."""
    lines = dict(line.split(": ", 1) for line in (ROOT / "Procfile").read_text().splitlines())
    assert lines == {"web": "HOST=0.0.0.0 python -m bridge web", "worker": "python -m bridge worker"}


def test_the_names_in_slack_are_the_contracts() -> None:
    """Callback and action ids that people's installed apps rely on."""
    assert (listeners.MESSAGE_SHORTCUT, listeners.GLOBAL_SHORTCUT) == ("post_to_community", "new_community_post")
    assert blocks.FORM == "community_post"


def test_every_answer_is_out_while_slack_waits() -> None:
    """The parts of an answer add up to two seconds at most; with Slack and the store hanging at once, to three."""
    it = moments
    assert it.LOCATING + it.BRIEF + it.SPARE <= 2
    assert it.INSTANT + it.LEAVING + it.BRIEF + it.SPARE <= 2
    slack_hangs = it.INSTANT + it.QUICK + it.INSTANT + it.OPENING
    store_hangs = it.INSTANT + 4 * it.QUICK + it.INSTANT
    assert max(slack_hangs, store_hangs) <= 2
    assert store_hangs + it.OPENING < 3


def test_only_settings_reads_the_environment() -> None:
    """No room reaches for os.environ by itself, but for the demo's, which keeps proxies and screens in mind."""
    readers = [each.name for each in BRIDGE.rglob("*.py") if re.search(r"os.environ|getenv", each.read_text())]
    assert readers == ["backstage.py"]


def test_every_key_in_the_readme_of_settings_exists() -> None:
    """The README names no setting that the code does not have."""
    text = (ROOT / "README.md").read_text()
    named = set(re.findall(r"`([A-Z][A-Z_]{3,})`", text)) - {"SIGTERM", "POST", "GET"}
    assert named <= {name.upper() for name in Settings.model_fields}


def declared() -> dict[str, str]:
    """The run-time dependencies by name, with the line that declares them."""
    table = (ROOT / "pyproject.toml").read_text().partition("dependencies = [")[2].partition("\n]")[0]
    return {re.sub("[-_.]+", "-", found[1]).lower(): found[0] for found in re.finditer(r'"([A-Za-z0-9._-]+).*', table)}


def test_each_dependency_has_its_reason() -> None:
    """Nothing is installed for operators that nobody can explain in a line."""
    assert [name for name, line in declared().items() if not re.search(r",\s+# \S", line)] == []


def test_what_is_imported_is_declared_and_the_other_way_round() -> None:
    """No package comes along by luck through another one, and none is left behind by what used it."""
    by_module = metadata.packages_distributions()
    named = {name for path in BRIDGE.rglob("*.py") for name in imported(path)} - sys.stdlib_module_names - {"bridge"}
    used = {re.sub("[-_.]+", "-", each).lower() for name in named for each in by_module[name]}
    # Bolt's and pydantic-settings' own, of the very versions that those ask for.
    assert used - {"slack-sdk", "pydantic", "pydantic-core"} == declared().keys()


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (each.name.partition(".")[0] for each in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]
