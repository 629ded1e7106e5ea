"""The steps of the Dockerfile, made one by one outside of a container: in a folder that stands for its file system."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def steps(text: str) -> list[tuple[str, str]]:
    """Each instruction with its words."""
    lines = [each for each in text.splitlines() if each and not each.startswith("#")]
    return [(name, rest.strip()) for name, _, rest in (each.partition(" ") for each in lines)]


class Build:
    """`root` stands for the file system of the image; `python` for the one that FROM brings along."""

    def __init__(self, root: Path, python: str = sys.executable) -> None:
        self.root, self.python = root, python
        self.env: dict[str, str] = {}
        self.folder, self.user, self.command, self.ports = root, "root", list[str](), list[str]()

    def make(self, name: str, rest: str) -> None:
        """One step. Raises KeyError for an instruction that nobody has thought about here."""
        {
            "FROM": self._from, "WORKDIR": self._workdir, "COPY": self._copy, "RUN": self._run, "USER": self._user,
            "ENV": self._env, "EXPOSE": self.ports.append, "CMD": self._cmd,
        }[name](rest)  # fmt: skip

    def _from(self, image: str) -> None:
        assert re.fullmatch(r"python:3\.1[1-9]-slim", image), "neither a compiler nor a whole Debian"

    def _workdir(self, path: str) -> None:
        self.folder = self._inside(path)
        self.folder.mkdir(parents=True)

    def _copy(self, words: str) -> None:
        *sources, target = words.split()
        for each in sources:
            source, there = ROOT / each, self.folder / target
            if source.is_dir():
                shutil.copytree(source, there, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, there)

    def _run(self, line: str) -> None:
        assert self.user == "root"
        words = shlex.split(line)
        if words[0] == "pip":
            self._pip(words)
        elif words[0] == "useradd":
            self._useradd(words)
        else:
            assert words[0] == "install" and words[-1].startswith("/")
            # The user of the image is none of this machine.
            owner = words.index("-o")
            subprocess.run([*words[:owner], *words[owner + 2 : -1], self._inside(words[-1])], check=True)

    def _pip(self, words: list[str]) -> None:
        """With a Python of its own all is installed; with this one it is here already, from the same file."""
        assert {"--only-binary", "--require-hashes"} <= set(words), "a compiler would be needed, or anything be taken"
        if self.python != sys.executable:
            subprocess.run([self.python, "-m", *words], cwd=self.folder, check=True)

    def _useradd(self, words: list[str]) -> None:
        (self.root / "etc").mkdir()
        for name in ("passwd", "group", "shadow", "gshadow"):
            (self.root / "etc" / name).touch()
        program = shutil.which("useradd", path=f"{os.environ['PATH']}:/usr/sbin")
        assert program is not None
        if os.getuid() == 0:
            subprocess.run([program, "--prefix", self.root, *words[1:]], check=True)
            assert (self.root / "etc" / "passwd").read_text().startswith(f"{words[-1]}:x:5000:")

    def _user(self, name: str) -> None:
        self.user = name

    def _env(self, words: str) -> None:
        pairs = (each.partition("=") for each in shlex.split(words))
        self.env |= {name: str(self._inside(value)) if value.startswith("/") else value for name, _, value in pairs}

    def _cmd(self, words: str) -> None:
        self.command = json.loads(words)
        assert self.command.pop(0) == "python"

    def _inside(self, path: str) -> Path:
        return self.root / path.lstrip("/")

    def start(self, **settings: str) -> "subprocess.Popen[str]":
        """What the container runs."""
        kept = {name: os.environ[name] for name in ("PATH", "COVERAGE_PROCESS_START") if name in os.environ}
        return subprocess.Popen(
            [self.python, *self.command], cwd=self.folder, env=kept | self.env | settings, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
