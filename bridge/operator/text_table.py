"""Rows under their headings, as they fit the terminal. Pure but for the terminal's width."""

import shutil
import sys
import textwrap
from collections.abc import Sequence

Row = Sequence[str]

# Into a file or another program goes a row on a line.
_ANY = 100_000
_LEAST = 40


def drawn(headings: Row, rows: Sequence[Row]) -> str:
    """A row on a line; where that is too wide, its last two cells stand under the others."""
    width, every = _width(), [headings, *rows]
    widths = [max(len(row[column]) for row in every) for column in range(len(headings))]
    lines = [[cell.ljust(size) for cell, size in zip(row, widths, strict=True)] for row in every]
    if sum(widths) + 2 * (len(widths) - 1) <= width:
        return "\n".join("  ".join(line).rstrip() for line in lines)
    folded = [["  ".join(line[:-2]).rstrip(), *_under(row, width)] for line, row in zip(lines, every, strict=True)]
    return "\n".join("\n".join(each) for each in folded)


def _width() -> int:
    """Not from COLUMNS alone, which shells hand on to what writes into a file."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else _ANY


def _under(row: Row, width: int) -> list[str]:
    said = ": ".join(cell for cell in row[-2:] if cell)
    return textwrap.wrap(said, max(width, _LEAST), initial_indent="    ", subsequent_indent="    ")
