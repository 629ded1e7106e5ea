"""The README tells an operator what to type and to tick: each of it is asked for, or understood, by the program."""

import re
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bridge.__main__ import cli
from bridge.language.sentences import REASONS
from bridge.operator.doctor.board import NEEDED, NEEDED_FOR_FILES
from bridge.operator.manifest import SCOPES

README = (Path(__file__).parents[2] / "README.md").read_text()
# Without the file that a terminal's colours and width would change.
PLAIN = {"NO_COLOR": "1", "TERM": "dumb", "COLUMNS": "200"}


def told() -> list[tuple[str, ...]]:
    """Every `bridge …` that stands between backticks, as words."""
    return sorted({tuple(each.split()) for each in re.findall(r"`bridge ([^`]+)`", README)})


@pytest.mark.parametrize("words", told(), ids=" ".join)
def test_every_command_in_the_readme_is_understood(words: tuple[str, ...]) -> None:
    """Its name, its second name and its options; what stands in capitals is for the reader to fill in."""
    names = [each for each in words if re.fullmatch(r"[a-z]+", each)]
    options = [each for each in words if each.startswith("--")]

    result = CliRunner().invoke(cli, [*names, "--help"], env=PLAIN)

    assert result.exit_code == 0, result.output
    for option in options:
        assert re.search(rf"{option}\b", re.sub(r"\x1b\[[0-9;]*m", "", result.output)), option


def test_bridge_can_be_typed_in_any_folder(tmp_path: Path) -> None:
    """The README's short cut leads plain sh back to its folder, whatever that is called, with the words as typed."""
    (short,) = re.findall(r"^home=.*$", README, re.M)
    (folder := tmp_path / "a folder" / ".venv" / "bin").mkdir(parents=True)
    (folder / "python").write_text('#!/bin/sh\npwd; printf "%s|" "$@"\n')
    (folder / "python").chmod(0o700)
    typed = ["sh", "-c", f"{short}\ncd /; bridge erase 'two words'; pwd"]

    said = subprocess.check_output(typed, cwd=tmp_path / "a folder", text=True)

    assert said == f"{tmp_path / 'a folder'}\n-m|bridge|erase|two words|/\n"


def test_the_roles_to_tick_are_those_that_the_doctor_asks_for() -> None:
    """Neither one too few, which would stop a post, nor one too many for a user that logs in unattended."""
    rows = re.findall(r"^ +\| ([A-Z][A-Za-z, ]+) \| ((?:List|Read|Create)[A-Za-z, ]*) \|$", README, re.M)
    ticked = {f"{entity}-{action}" for who, what in rows for entity in who.split(", ") for action in what.split(", ")}

    assert ticked == NEEDED


def test_the_roles_for_files_are_those_that_the_doctor_asks_for() -> None:
    """Who switches files on reads the same names as the doctor says when one is missing."""
    ((entity, actions),) = re.findall(r"also needs (\w+) with ([A-Z][A-Za-z, ]+)\.", README)

    assert {f"{entity}-{each}" for each in re.findall(r"[A-Z]\w+", actions)} == NEEDED_FOR_FILES


def test_every_scope_is_explained() -> None:
    """An owner of the workspace who has to approve the app finds each of its scopes with the reason."""
    (paragraph,) = re.findall(r"^What the app asks for:.*?\n\n", README, re.M | re.S)

    assert set(re.findall(r"`([a-z:._]+)`", paragraph)) == set(SCOPES)


def test_the_sentences_that_members_ask_about_are_quoted_as_they_are() -> None:
    """Somebody who looks for what a member read finds it in the table."""
    quoted = re.findall(r'^\| "([^"]+)" \|', README, re.M)

    assert len(quoted) >= 4
    for each in quoted:
        said = each.removesuffix("…").strip()
        assert [text for text in REASONS.values() if text.startswith(said)], each
