"""The papers for where bridge runs: the Dockerfile's steps are made, the unit is rated, each host has its row."""

import json
import re
import shutil
import signal
import tempfile
import urllib.request
from pathlib import Path

import pytest

from bridge.settings.environment import Settings
from tests.field import sandbox
from tests.settings.test_settings import SOUND
from tests.support.dockerfile import Build, steps

ROOT = Path(__file__).parents[2]
HOSTING = (ROOT / "docs" / "hosting.md").read_text()


def test_the_steps_of_the_dockerfile_make_a_bridge_that_serves() -> None:
    """One by one, outside of a container: what it copies is enough to start without root, and to end in order."""
    with tempfile.TemporaryDirectory(prefix="image") as name:
        build = Build(Path(name))
        for each in steps((ROOT / "Dockerfile").read_text()):
            build.make(*each)
        assert build.user not in ("root", "0")
        assert build.ports == [str(Settings.model_fields["port"].default)]

        nowhere = {"SLACK_API_URL": "http://127.0.0.1:9/api/", "NEXUDUS_URL": "http://127.0.0.1:9"}
        with build.start(**SOUND, **nowhere, PORT="0") as process:
            assert process.stdout is not None
            said = json.loads(process.stdout.readline())
            with urllib.request.urlopen(f"http://127.0.0.1:{said['address'][1]}/readyz", timeout=10) as answer:
                ready = json.load(answer)
            process.send_signal(signal.SIGTERM)
            process.stdout.read()
        assert (said["event"], said["address"][0]) == ("listening", "0.0.0.0")  # noqa: S104 - a container's own
        assert (ready["store"], process.returncode) == ("ok", 0)
        assert (Path(name) / "var/lib/bridge/appendonlydir").is_dir()


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze here")
def test_the_unit_leaves_little_exposed() -> None:
    """`systemd-analyze security` counts from 0 to 10, and less than 3 here; tests/field/sandbox.py runs bridge so."""
    assert sandbox.exposure() < sandbox.WORST


def test_the_unit_writes_where_the_page_says() -> None:
    """Its one writable folder is what the page has for BRIDGE_DATA, and the unit starts a command that exists."""
    unit = sandbox.UNIT.read_text()

    assert "\nStateDirectory=bridge\n" in unit and "BRIDGE_DATA=/var/lib/bridge" in HOSTING
    assert "\nProtectSystem=strict\n" in unit and "ReadWritePaths" not in unit
    assert "\nExecStart=/opt/bridge/.venv/bin/python -m bridge run\n" in unit


@pytest.mark.parametrize("host", ["Heroku", "Render", "Fly", "Railway", "A machine with systemd", "A container"])
def test_every_kind_of_host_has_its_row(host: str) -> None:
    """What is started there, which Redis, and what is special."""
    (row,) = re.findall(rf"^\| \*\*{host}\*\*.*\|$", HOSTING, re.M)

    assert row.count(" | ") == 3
    assert "REDIS_" in row or "BRIDGE_DATA" in row
