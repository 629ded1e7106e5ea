"""The house checks itself: what stands where, how long a file is, and that papers and code say the same.

Who may import whom is checked by `make lint`.
"""

import ast
import re
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest
from redis import Redis

from bridge import moments
from bridge.desk import listeners
from bridge.outbox.scripts import script
from bridge.settings.environment import Settings
from bridge.telling import blocks

ROOT = Path(__file__).parent.parent
BRIDGE, TESTS = ROOT / "bridge", ROOT / "tests"

# All that stands at the top level beside the wings.
TOP = {"__init__", "__main__", "metrics", "moments", "running", "version", "wiring"}
WINGS = sorted(each.parent.relative_to(BRIDGE) for each in BRIDGE.rglob("__init__.py") if each.parent != BRIDGE)


def rooms(folder: Path) -> set[str]:
    return {each.stem for each in folder.glob("*.py")}


def test_the_top_level_holds_only_what_is_listed() -> None:
    """A new room stands in a wing, or somebody has thought about it here."""
    assert rooms(BRIDGE) == TOP
    bare = [each.name for each in BRIDGE.iterdir() if each.is_dir() and not rooms(each) and each.name != "__pycache__"]
    assert bare == []


def test_nothing_lies_about() -> None:
    """Beside the rooms stand their scripts, the catalogues, the page's assets and the table of emoji."""
    files = [each.relative_to(BRIDGE) for each in BRIDGE.rglob("*") if each.is_file() and each.suffix != ".pyc"]
    known = {"assets", "locales"}
    strays = [str(each) for each in files if each.suffix not in (".py", ".lua") and not known & set(each.parts)]
    assert strays == ["words/emoji.json"]


def test_the_map_names_every_wing_and_what_stands_beside_them() -> None:
    """Who opens bridge/__init__.py first meets each of them by name."""
    text = (BRIDGE / "__init__.py").read_text()
    names = {str(each) for each in WINGS if len(each.parts) == 1} | TOP - {"__init__"}
    assert [each for each in sorted(names) if f"`{each}`" not in text] == []


@pytest.mark.parametrize("wing", WINGS, ids=str)
def test_a_wing_is_introduced_and_holds_no_code_of_its_own(wing: Path) -> None:
    """Its __init__ says what it is for, and names every room in the order to read them; and nothing else is in it."""
    text = (BRIDGE / wing / "__init__.py").read_text()
    (only,) = ast.parse(text).body
    assert isinstance(only, ast.Expr) and isinstance(only.value, ast.Constant)
    assert [each for each in sorted(rooms(BRIDGE / wing) - {"__init__"}) if f"`{each}`" not in text] == []


@pytest.mark.parametrize("wing", WINGS, ids=str)
def test_no_room_is_named_like_its_wing(wing: Path) -> None:
    """`delivery/delivery.py` would say nothing that the wing's own name does not."""
    assert wing.name not in rooms(BRIDGE / wing)
    assert wing.parts.count(wing.name) == 1


@pytest.mark.parametrize("wing", WINGS, ids=str)
def test_a_wing_is_neither_a_cupboard_nor_a_hall(wing: Path) -> None:
    """Two rooms at least, sixteen at most."""
    assert 2 <= len(rooms(BRIDGE / wing) - {"__init__"}) + len(list((BRIDGE / wing).glob("*/__init__.py"))) <= 16


def test_the_tests_stand_in_the_same_wings() -> None:
    """What tests a wing lies under its name; only the story and the house itself lie at the top."""
    assert {each.name for each in TESTS.glob("test_*.py")} == {"test_flow.py", "test_house.py"}
    others = {"bench", "browser", "chaos", "field", "processes", "support"}
    wings = {str(each) for each in WINGS if len(each.parts) == 1}
    assert {each.parent.name for each in TESTS.glob("*/__init__.py")} - others <= wings


def test_every_script_is_lua_that_redis_reads(redis_url: str) -> None:
    """Each .lua file compiles, behind what its wing's scripts share, and no script is left in a string."""
    with Redis.from_url(redis_url) as redis:
        for file in BRIDGE.rglob("*.lua"):
            redis.script_load(file.read_text() if file.parent.name in ("nexudus", "members") else script(file))
    assert [each.name for each in BRIDGE.rglob("*.py") if "redis.call(" in each.read_text()] == []


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
    """No other room reaches for os.environ by itself, but for the demo's, which keeps proxies and screens in mind."""
    readers = [each for each in BRIDGE.rglob("*.py") if re.search(r"os.environ|getenv", each.read_text())]
    assert {each.parent.name for each in readers} - {"settings"} == {"demo"}
    assert [each.name for each in readers if each.parent.name == "demo"] == ["backstage.py"]


def test_the_files_that_papers_name_exist() -> None:
    """README and docs lead a reader to files that are there."""
    papers = "\n".join(each.read_text() for each in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")))
    named = set(re.findall(r"(?<![\w/])(?:bridge|tests|docs)/[\w./-]+\.\w+", papers)) - {
        "bridge/language/locales/de.po"
    }
    assert [each for each in sorted(named) if not (ROOT / each).exists()] == []


def test_every_key_in_the_readme_of_settings_exists() -> None:
    """The README names no setting that the code does not have."""
    text = (ROOT / "README.md").read_text()
    others = {"SIGTERM", "SIGHUP", "POST", "GET", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE"}
    named = set(re.findall(r"`([A-Z][A-Z_]{3,})`", text)) - others
    assert named <= {name.upper() for name in Settings.model_fields}


def declared() -> dict[str, str]:
    """The run-time dependencies by name, with the line that declares them."""
    project = (ROOT / "pyproject.toml").read_text()
    table = "".join(re.findall(r"^(?:dependencies|embedded) = \[(.*?)^\]", project, re.M | re.S))
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
