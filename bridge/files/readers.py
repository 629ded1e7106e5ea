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
    def __init__(self) -> None:
        self._reading: Counter[str] = Counter()

    @contextmanager
    def one(self, token: str) -> Iterator[None]:
        """Holds a place. Raises Full."""
        if self._reading[token] >= MOST_OF_ONE or self._reading.total() >= MOST:
            raise Full
        self._reading[token] += 1
        try:
            yield
        finally:
            self._reading[token] -= 1
            self._reading += Counter()  # forgets those with none
