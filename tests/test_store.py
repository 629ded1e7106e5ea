"""The embedded server: durable, alone in its folder, gone when we are gone."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from bridge import store, whichstore

_HOLD = """
import sys, time
from pathlib import Path
from bridge import store
with store.embedded(Path(sys.argv[1])) as url:
    print(url, flush=True)
    time.sleep(60)
"""


async def _pid(url: str) -> int:
    client = store.connect(url)
    info = await client.info("server")
    await client.aclose()
    return int(info["process_id"])


async def test_what_was_written_is_there_after_a_restart(tmp_path: Path) -> None:
    """A value acknowledged by one server is read from the next one in the same folder."""
    folder = tmp_path / "a folder with spaces"
    with store.embedded(folder) as url:
        client = store.connect(url)
        await client.set("kept", "yes")
        await client.aclose()
    with store.embedded(folder) as url:
        client = store.connect(url)
        assert await client.get("kept") == "yes"
        await client.aclose()


async def test_nobody_else_reads_what_is_kept(tmp_path: Path) -> None:
    """Private posts stand in its files: other users of the machine cannot open the folder, nor any file in it."""
    folder = tmp_path / "kept"
    folder.mkdir(mode=0o755)
    with store.embedded(folder) as url:
        client = store.connect(url)
        await client.set("kept", "yes")
        await client.aclose()
        made = [folder, *folder.rglob("*")]
        assert [each.name for each in made if each.stat().st_mode & 0o077] == []


async def test_a_killed_server_comes_back_with_everything(tmp_path: Path) -> None:
    """kill -9 of the embedded server loses nothing and needs nobody."""
    with store.embedded(tmp_path) as url:
        client = store.connect(url)
        await client.set("kept", "yes")
        os.kill(await _pid(url), signal.SIGKILL)
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            try:
                assert await client.get("kept") == "yes"
                break
            except RedisConnectionError:
                await asyncio.sleep(0.05)
        else:
            pytest.fail("the server did not come back")
        await client.aclose()


def test_a_second_bridge_is_told_to_keep_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two bridges never open the same folder; the second one says what to do."""
    monkeypatch.setattr(time, "sleep", lambda _: None)
    with (
        store.embedded(tmp_path),
        pytest.raises(store.StoreUnavailable, match="stop that one first"),
        store.embedded(tmp_path),
    ):
        pass


def test_the_server_dies_with_a_killed_parent(tmp_path: Path) -> None:
    """kill -9 of the app leaves no orphan: the folder can be opened again at once."""
    app = subprocess.Popen([sys.executable, "-c", _HOLD, str(tmp_path)], stdout=subprocess.PIPE)
    assert app.stdout is not None and app.stdout.readline().startswith(b"unix://")
    app.kill()
    app.wait()
    app.stdout.close()
    with store.embedded(tmp_path) as url:
        assert url.startswith("unix://")


@pytest.mark.parametrize(
    ("choose", "setting"),
    [
        (lambda folder: whichstore.for_serving(None, folder, lasting=True, alone=False), "REDIS_URL: is missing; "),
        (lambda folder: whichstore.for_serving(None, folder, lasting=False, alone=True), "REDIS_URL: is missing; "),
        (lambda folder: whichstore.at_hand(None, folder, lasting=False), "REDIS_URL: is missing; "),
        (lambda folder: whichstore.at_hand(None, folder, lasting=True), "BRIDGE_DATA: nothing was ever kept in "),
    ],
)
def test_whoever_has_no_store_is_told_what_to_set(
    tmp_path: Path, choose: Callable[[Path], contextlib.AbstractContextManager[str]], setting: str
) -> None:
    """One line, whichever command it is: the setting's name, what is wrong, an example; and no folder is made."""
    with pytest.raises(store.StoreUnavailable) as told, choose(tmp_path / "new"):
        pass

    assert str(told.value).startswith(setting)
    assert str(told.value).endswith(". Example: REDIS_URL=redis://localhost:6379/0")
    assert not (tmp_path / "new").exists()
