"""How many read files at once in this process: few of one token, few of all, whoever they are."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

# The board needs one; a second try may begin before the first has ended.
MOST_OF_ONE = 3
MOST = 12


class Full(Exception):
    """There are as many readers as there may be."""


class Readers:
    """`reading` counts by token."""

    def __init__(self) -> None:
        self.reading: Counter[str] = Counter()

    @contextmanager
    def one(self, token: str) -> Iterator[None]:
        """Holds a place. Raises Full."""
        if self.reading[token] >= MOST_OF_ONE or self.reading.total() >= MOST:
            raise Full
        self.reading[token] += 1
        try:
            yield
        finally:
            self.reading[token] -= 1
            self.reading += Counter()  # forgets those with none
