"""`bridge demo --terminal` needs nothing, leaves nothing, and tells the truth about what it counted."""

import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
import typer
from redis.asyncio import Redis

import bridge
from bridge.demo import backstage
from bridge.demo.stage import ANA, CARL, DORA, HALL, Stage, open_stage
from bridge.demo.terminal import command
from bridge.demo.terminal.story import Story
from bridge.demo.terminal.tally import Asked, tally

HOSTILE = {
    "REDIS_URL": "redis://nowhere.invalid:1/0",
    "SLACK_BOT_TOKEN": "nonsense",
    "SLACK_API_URL": "ftp://nowhere.invalid",
    "NEXUDUS_URL": "ftp://nowhere.invalid",
    "NEXUDUS_TIMEOUT": "-1",
    "PORT": "none",
    "DYNO": "web.1",
    "HTTP_PROXY": "http://127.0.0.1:9",
    "ALL_PROXY": "socks5://127.0.0.1:9",
    "NO_PROXY": "[::1],10.0.0.0/8",
    "SSL_CERT_FILE": "/nowhere/ca.pem",
}
COMMAND = [sys.executable, "-m", "bridge", "demo", "--terminal"]


@pytest.fixture
def short() -> Iterator[Path]:
    """A temporary folder whose path leaves room for a socket's name."""
    with tempfile.TemporaryDirectory(prefix="t") as name:
        yield Path(name)


@pytest.fixture
def hostile(tmp_path: Path, short: Path) -> dict[str, str]:
    (tmp_path / ".env").write_text("".join(f"{name}={value}\n" for name, value in HOSTILE.items()))
    here = {"PYTHONPATH": str(Path(bridge.__file__).parents[1]), "TMPDIR": str(short)}
    return os.environ | HOSTILE | here


@pytest.fixture
async def stage(redis_url: str, redis: Redis) -> AsyncIterator[Stage]:
    async with open_stage(redis_url) as opened:
        yield opened


def test_it_runs_anywhere_and_leaves_nothing(tmp_path: Path, short: Path, hostile: dict[str, str]) -> None:
    """In an empty folder, under nonsense for settings, the demo keeps its promise, stays quiet and cleans up."""
    done = subprocess.run(COMMAND, cwd=tmp_path, env=hostile, capture_output=True, text=True, timeout=50)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == "5 posts asked for · 4 threads on the board · lost 0 · twice 0"
    assert all(len(line) <= 80 for line in done.stdout.splitlines())
    assert [each.name for each in tmp_path.iterdir() if each != short] == [".env"]
    assert list(short.iterdir()) == []


def test_ctrl_c_ends_it_cleanly(tmp_path: Path, short: Path, hostile: dict[str, str]) -> None:
    """Ctrl-C in the middle of the story says so, exits 130, and leaves no folder and no traceback behind."""
    with subprocess.Popen(
        COMMAND, cwd=tmp_path, env=hostile, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as demo:
        assert demo.stdout is not None and demo.stderr is not None
        for line in demo.stdout:
            if line.startswith("3  "):
                demo.send_signal(signal.SIGINT)
                break
        assert demo.stdout.read().endswith("Stopped. Nothing was kept.\n")
        assert (demo.wait(20), demo.stderr.read()) == (130, "")
    assert list(short.iterdir()) == []


@pytest.mark.parametrize("whose", ["Slack", "Nexudus", "bridge"])
async def test_a_foreign_host_header_is_refused(stage: Stage, whose: str) -> None:
    """Everything that the demo serves answers 400 to a request that names another host than this computer."""
    slack, board, web = stage.workspace.url, stage.board_server.url, stage.sender.url
    url = {"Slack": f"{slack}/api/auth.test", "Nexudus": f"{board}/api/token", "bridge": web}[whose]
    async with httpx.AsyncClient() as client:
        for host in ("evil.example", "127.0.0.1.evil.example", "localhost.evil.example:80", ""):
            assert (await client.post(url, headers={"Host": host})).status_code == 400
        own = await client.post(url, headers={"Host": f"localhost:{httpx.URL(url).port}"})
    assert own.text != "Invalid host header"
    assert httpx.URL(url).host == "127.0.0.1"


async def test_what_is_missing_and_what_is_double_are_counted(stage: Stage) -> None:
    """A post with neither a thread nor a word is lost; a second thread is twice; a thread without a word is untold."""
    thread = {"BusinessId": HALL, "UserId": 101, "Subject": "Coffee", "Message": "Hot."}
    stage.board.add_thread(**thread)
    stage.board.add_thread(**thread)
    stage.workspace.dms[DORA].append({"ts": "1.0", "text": "Was not posted: Hello"})
    counted = tally(stage, [Asked(ANA, "Coffee"), Asked(CARL, "Bike"), Asked(DORA, "Hello")])
    assert (counted.refused, counted.lost, counted.twice, counted.untold) == (1, 1, 1, 2)
    assert str(counted) == "3 posts asked for · 2 threads on the board · lost 1 · twice 1"
    assert not counted.as_promised


async def test_somebody_elses_thread_does_not_count_as_ones_own(stage: Stage) -> None:
    """A thread under another person's account is not the post that was asked for."""
    stage.board.add_thread(BusinessId=HALL, UserId=102, Subject="Coffee", Message="Hot.")
    assert tally(stage, [Asked(ANA, "Coffee")]).lost == 1


async def test_a_broken_promise_is_said_and_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """When something promised does not happen, the demo names it and exits 1."""

    async def waits_in_vain(story: Story) -> None:
        await story.stage.until("pigs fly", lambda: False, seconds=0.1)

    monkeypatch.setattr(Story, "tell", waits_in_vain)
    monkeypatch.setattr(backstage, "without_network_settings", lambda: None)
    with pytest.raises(typer.Exit) as ended:
        await command.main()
    assert ended.value.exit_code == 1
    assert re.search("Not as promised: .*pigs fly", capsys.readouterr().err)
