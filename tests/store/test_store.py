"""The embedded server: durable, alone in its folder, gone when we are gone."""

import asyncio
import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from redis.exceptions import RedisError
from structlog.testing import capture_logs

from bridge.store import choice, rewriting, valkey
from bridge.store.client import connect
from bridge.store.embedded import StoreInUse, StoreUnavailable, embedded, is_locked, of_running
from tests.support.space import until

_HOLD = """
import sys, time
from pathlib import Path
from bridge.store.embedded import embedded
with embedded(Path(sys.argv[1])) as url:
    print(url, flush=True)
    time.sleep(60)
"""


async def _pid(url: str) -> int:
    client = connect(url)
    info = await client.info("server")
    await client.aclose()
    return int(info["process_id"])


async def test_what_was_written_is_there_after_a_restart(tmp_path: Path) -> None:
    """A value acknowledged by one server is read from the next one in the same folder."""
    folder = tmp_path / "a folder with spaces"
    with embedded(folder) as url:
        client = connect(url)
        await client.set("kept", "yes")
        await client.aclose()
    with embedded(folder) as url:
        client = connect(url)
        assert await client.get("kept") == "yes"
        await client.aclose()


@pytest.mark.parametrize("found", [False, True])
async def test_nobody_else_reads_what_is_kept(tmp_path: Path, found: bool) -> None:
    """Private posts stand in its files: other users of the machine cannot open any, nor the folder that was made."""
    folder = tmp_path / "kept"
    if found:
        folder.mkdir(mode=0o755)
    with embedded(folder) as url:
        await keep(url)
        made = [*([] if found else [folder]), *folder.rglob("*")]
        assert [each.name for each in made if each.stat().st_mode & 0o077] == []


def test_a_folder_that_was_there_keeps_its_rights(tmp_path: Path) -> None:
    """Whoever else works in it still can, at the next start too; what bridge made, or an older one used, is closed."""
    found, ours, older = (tmp_path / name for name in ("found", "ours", "older"))
    found.mkdir()
    older.mkdir()
    (older / "lock").touch()
    for each in (found, ours, older, found, ours):
        with embedded(each):
            pass
        if each is not found:
            assert each.stat().st_mode & 0o777 == 0o700
        each.chmod(0o775)
    assert found.stat().st_mode & 0o777 == 0o775


@pytest.mark.parametrize("planted", ["lock", "store.log", "store.sock", "appendonlydir", "appendonlydir/x.aof"])
def test_no_link_in_the_folder_is_followed(tmp_path: Path, planted: str) -> None:
    """Who may write into the folder leads bridge nowhere: one line names the link, and its end is untouched."""
    folder, elsewhere = tmp_path / "kept", tmp_path / "elsewhere"
    (folder / planted).parent.mkdir(parents=True)
    if planted == "appendonlydir":
        elsewhere.mkdir()
    else:
        elsewhere.write_text("mine")
    (folder / planted).symlink_to(elsewhere)
    (folder / "lock").touch()

    for opens in (embedded(folder), choice.at_hand(None, folder, lasting=True)):
        with pytest.raises(StoreUnavailable, match=rf"^BRIDGE_DATA: \S+/{planted} is a link, "), opens:
            pass

    assert not is_locked(folder)
    assert [*elsewhere.iterdir()] == [] if elsewhere.is_dir() else elsewhere.read_text() == "mine"


async def test_the_folder_itself_may_be_a_link(tmp_path: Path) -> None:
    """Operators lead BRIDGE_DATA to another disk."""
    (tmp_path / "disk").mkdir()
    (tmp_path / "kept").symlink_to(tmp_path / "disk")
    with embedded(tmp_path / "kept") as url:
        await keep(url)
        assert of_running(tmp_path / "kept") == of_running(tmp_path / "disk") == url


def test_a_far_store_is_only_found_where_bridge_has_put_it(tmp_path: Path) -> None:
    """The link that leads to the socket of a too long path leads to a room of bridge's own, or nowhere."""
    far = tmp_path / ("d" * 100)
    with embedded(tmp_path / "theirs"):
        far.mkdir()
        (far / "store.sock").symlink_to(tmp_path / "theirs" / "store.sock")
        assert of_running(far) is None


@pytest.mark.parametrize("ends", ["the server is killed", "the shell is killed", "both are killed", "it cannot start"])
async def test_no_number_is_signalled_once_it_is_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ends: str
) -> None:
    """However it ends: a group is only ended while its leader has not been fetched. The shell names no number."""
    signalled, really = list[int](), os.killpg

    def killpg(number: int, what: int) -> None:
        os.waitid(os.P_PID, number, os.WEXITED | os.WNOWAIT | os.WNOHANG)  # raises once it was fetched
        signalled.append(number)
        really(number, what)

    monkeypatch.setattr(os, "killpg", killpg)
    if ends == "it cannot start":
        (tmp_path / "appendonlydir").write_text("no folder")
        with pytest.raises(StoreUnavailable, match="did not start"), embedded(tmp_path):
            pass
    else:
        with embedded(tmp_path) as url:
            first = await keep(url)
            shell = os.getpgid(first)
            for each in {"the server is killed": [first], "the shell is killed": [shell]}.get(ends, [first, shell]):
                os.kill(each, signal.SIGKILL)
            await until(lambda: not runs(first) and of_running(tmp_path), 10)
            assert await is_kept(url)
    assert len(signalled) == (1 if ends == "it cannot start" else 2)
    assert set(re.findall(r"kill -\w+ ([^\s;]+)", valkey._SHIM)) == {"0"}


# ── what leaves the disk ─────────────────────────────────────────────────────


def on_disk(folder: Path, words: str) -> list[str]:
    return [each.name for each in folder.rglob("*") if each.is_file() and words.encode() in each.read_bytes()]


async def test_deleted_words_leave_the_disk_with_a_rewriting(tmp_path: Path) -> None:
    """Once rewritten, no file of the folder has them; what is kept is in the new one. One under way is followed up."""
    with embedded(tmp_path) as url:
        async with contextlib.aclosing(connect(url)) as client:
            await client.set("kept", "Lunch is on me")
            for _ in range(2):
                await client.set("erased", "Dinner with Queenie")
                await client.bgrewriteaof()
                await client.delete("erased")
                assert on_disk(tmp_path, "Dinner with Queenie")
                assert await rewriting.rewrite(client)
                assert on_disk(tmp_path, "Dinner with Queenie") == []
                assert len(on_disk(tmp_path, "Lunch is on me")) == 1


async def test_the_file_is_rewritten_every_day(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the keeper, counted from the file's own age: a bridge that is restarted every night does it too."""
    monkeypatch.setattr(valkey, "_ASKING", 0.1)
    with embedded(tmp_path) as url:
        async with contextlib.aclosing(connect(url)) as client:
            await client.set("expired", "Dinner with Queenie")
            await client.delete("expired")
            await asyncio.sleep(0.5)
            assert on_disk(tmp_path, "Dinner with Queenie")
            (base,) = (tmp_path / "appendonlydir").glob("*.base.*")
            os.utime(base, (time.time() - 90_000,) * 2)
            await until(lambda: not on_disk(tmp_path, "Dinner with Queenie"), 5)


async def test_a_rewriting_that_was_killed_leaves_nothing(tmp_path: Path) -> None:
    """The half-written file of a server that was killed would keep its words for ever: the next start removes it."""
    with embedded(tmp_path):
        pass
    for half in (tmp_path / "temp-rewriteaof-4711.aof", tmp_path / "appendonlydir" / "temp-x"):
        half.write_text("Dinner with Queenie")
    with embedded(tmp_path):
        assert on_disk(tmp_path, "Dinner with Queenie") == []


async def test_a_killed_server_comes_back_with_everything(tmp_path: Path) -> None:
    """kill -9 of the embedded server loses nothing and needs nobody."""
    with embedded(tmp_path) as url:
        client = connect(url)
        await client.set("kept", "yes")
        os.kill(await _pid(url), signal.SIGKILL)
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            try:
                assert await client.get("kept") == "yes"
                break
            except RedisError:
                await asyncio.sleep(0.05)
        else:
            pytest.fail("the server did not come back")
        await client.aclose()


def test_a_second_bridge_is_told_to_keep_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two bridges never open the same folder; the second one says what to do."""
    monkeypatch.setattr("bridge.store.embedded.FREED", 0.3)
    with (
        embedded(tmp_path),
        pytest.raises(StoreUnavailable, match="stop that one first"),
        embedded(tmp_path),
    ):
        pass


def test_the_server_dies_with_a_killed_parent(tmp_path: Path) -> None:
    """kill -9 of the app leaves no orphan: the folder can be opened again at once."""
    app = subprocess.Popen([sys.executable, "-c", _HOLD, str(tmp_path)], stdout=subprocess.PIPE)
    assert app.stdout is not None and app.stdout.readline().startswith(b"unix://")
    app.kill()
    app.wait()
    app.stdout.close()
    with embedded(tmp_path) as url:
        assert url.startswith("unix://")


@contextlib.contextmanager
def another_bridge(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process of its own: what it opens has other numbers than here, as in `bridge run`."""
    app = subprocess.Popen([sys.executable, "-c", _HOLD, str(folder)], stdout=subprocess.PIPE)
    with app:
        assert app.stdout is not None and app.stdout.readline().startswith(b"unix://")
        try:
            yield app
        finally:
            app.kill()


async def keep(url: str) -> int:
    """Writes a value; returns the number of the server."""
    async with contextlib.aclosing(connect(url)) as client:
        await client.set("kept", "yes")
    return await _pid(url)


async def is_kept(url: str) -> bool:
    async with contextlib.aclosing(connect(url)) as client:
        return bool(await client.get("kept") == "yes")


def runs(pid: int) -> bool:
    """A zombie does not: in a container nobody may fetch it."""
    state = typed(f"ps -o stat= -p {pid}").strip()
    return bool(state) and not state.startswith("Z")


def listed(folder: Path) -> list[int]:
    """As the runbook has it."""
    return [int(line.split()[0]) for line in typed(valkey.LISTED_BY).splitlines() if str(folder) in line]


def typed(line: str) -> str:
    return subprocess.run(["/bin/sh", "-c", line], capture_output=True, text=True).stdout


def url_of(folder: Path) -> str:
    return f"unix://{folder}/store.sock"


async def test_a_hanging_store_is_not_joined_by_a_second_one(tmp_path: Path) -> None:
    """kill -9 of the app while its store is frozen: the next one waits until that is gone, and has what it took."""
    with another_bridge(tmp_path) as app:
        frozen = await keep(url_of(tmp_path))
        os.kill(frozen, signal.SIGSTOP)
        app.kill()
        app.wait()
        with embedded(tmp_path) as url:
            assert not runs(frozen)
            assert await is_kept(url)


async def test_what_cannot_be_ended_from_here_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything left behind is frozen: the folder stays shut, the line lists one server, and killing it is enough."""
    monkeypatch.setattr("bridge.store.embedded.FREED", 0.3)
    with another_bridge(tmp_path) as app:
        frozen = await keep(url_of(tmp_path))
        session = os.getpgid(frozen)
        os.killpg(session, signal.SIGSTOP)
        try:
            app.kill()
            app.wait()
            with pytest.raises(StoreInUse, match=r"does not answer; .* pgrep .* leave BRIDGE_DATA as it is"):
                embedded(tmp_path).__enter__()
            assert listed(tmp_path) == [frozen]
            os.kill(frozen, signal.SIGKILL)
            monkeypatch.undo()
            with embedded(tmp_path) as url:
                assert await is_kept(url)
        finally:
            os.killpg(session, signal.SIGKILL)


async def test_a_hanging_store_is_ended_with_its_bridge(tmp_path: Path) -> None:
    """It hears no SIGTERM; after some seconds it is killed, without loss."""
    with embedded(tmp_path) as url:
        frozen = await keep(url)
        os.kill(frozen, signal.SIGSTOP)
    assert not runs(frozen)
    with embedded(tmp_path) as url:
        assert await is_kept(url)


async def test_a_hanging_store_is_started_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that lives and does not answer is ended and started again, with one line in the log."""
    monkeypatch.setattr(valkey, "_ASKING", 0.1)
    with capture_logs() as logged, embedded(tmp_path) as url:
        frozen = await keep(url)
        os.kill(frozen, signal.SIGSTOP)
        await until(lambda: not runs(frozen) and of_running(tmp_path), 20)
        assert await is_kept(url)
        assert listed(tmp_path) == [await _pid(url)]
    assert [each["event"] for each in logged] == ["store_hangs"]


async def test_a_killed_shell_leaves_one_server(tmp_path: Path) -> None:
    """Who kills the first number that `ps` shows kills the shell around the server: never two on one file."""
    with embedded(tmp_path) as url:
        first = await keep(url)
        os.kill(os.getpgid(first), signal.SIGKILL)
        await until(lambda: not runs(first) and of_running(tmp_path), 10)
        assert await is_kept(url)
        assert listed(tmp_path) == [await _pid(url)]


@pytest.mark.parametrize(
    ("said", "hangs", "ready"),
    [
        (b"+PONG\r\n", False, True),
        (b"-LOADING Valkey is loading the dataset in memory\r\n", False, False),
        (b"-MISCONF Errors writing to the AOF file: No space left on device\r\n", False, True),
        (b"", True, False),
    ],
)
def test_an_error_is_an_answer(tmp_path: Path, said: bytes, hangs: bool, ready: bool) -> None:
    """A server that loads a big file, or whose disk is full, does not hang; while it loads it takes nothing."""
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()

        def answer() -> None:
            caller, _ = server.accept()
            with caller:
                caller.recv(16)
                caller.sendall(said)

        threading.Thread(target=answer).start()
        heard = valkey.heard(path)
    assert (heard == b"", valkey.is_ready(heard)) == (hangs, ready)


async def test_a_store_in_a_far_folder_is_found(tmp_path: Path) -> None:
    """A path too long for a socket: it is elsewhere, and whoever looks in the folder is led there."""
    far = tmp_path / ("d" * 100)
    for _ in range(2):  # the second finds what the first left
        with embedded(far) as url:
            assert of_running(far) == url
        assert of_running(far) is None


async def test_a_store_that_is_silent_for_a_moment_is_used_when_it_is_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the store of a running bridge is started again, a command waits for it; it is told nothing else."""
    with another_bridge(tmp_path):
        pid = await keep(url_of(tmp_path))
        os.kill(pid, signal.SIGSTOP)
        threading.Timer(2, os.kill, (pid, signal.SIGCONT)).start()
        with choice.at_hand(None, tmp_path, lasting=True) as url:
            assert await is_kept(url)
            assert await _pid(url) == pid


@pytest.mark.parametrize(
    ("choose", "setting"),
    [
        (lambda folder: choice.for_serving(None, folder, lasting=True, alone=False), "REDIS_URL: is missing; "),
        (lambda folder: choice.for_serving(None, folder, lasting=False, alone=True), "REDIS_URL: is missing; "),
        (lambda folder: choice.at_hand(None, folder, lasting=False), "REDIS_URL: is missing; "),
        (lambda folder: choice.at_hand(None, folder, lasting=True), "BRIDGE_DATA: nothing was ever kept in "),
    ],
)
def test_whoever_has_no_store_is_told_what_to_set(
    tmp_path: Path, choose: Callable[[Path], contextlib.AbstractContextManager[str]], setting: str
) -> None:
    """One line, whichever command it is: the setting's name, what is wrong, an example; and no folder is made."""
    with pytest.raises(StoreUnavailable) as told, choose(tmp_path / "new"):
        pass

    assert str(told.value).startswith(setting)
    assert str(told.value).endswith(". Example: REDIS_URL=redis://localhost:6379/0")
    assert not (tmp_path / "new").exists()
