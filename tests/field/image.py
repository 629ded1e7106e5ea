"""The Dockerfile's steps outside of a container, `pip install` too: into a new venv, from wheels alone, and started."""

import tempfile
import venv
from pathlib import Path

import typer

from tests.support.dockerfile import ROOT, Build, steps


async def run() -> None:
    with tempfile.TemporaryDirectory(prefix="image-") as name:
        venv.create(f"{name}/venv", with_pip=True)
        build = Build(Path(name) / "root", f"{name}/venv/bin/python")
        build.root.mkdir()
        for step in steps((ROOT / "Dockerfile").read_text()):
            typer.echo(" ".join(step))
            build.make(*step)
        # Without a setting it says which are missing: all that it imports is there.
        with build.start() as process:
            assert process.stdout is not None
            typer.echo(said := process.stdout.read())
        assert process.returncode == 2
        assert "SLACK_BOT_TOKEN: is missing" in said
