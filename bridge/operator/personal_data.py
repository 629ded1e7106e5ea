"""Where a person stands in what is kept as JSON, and the same without them. Pure.

JSON is read before anything is looked for: an escape right before an id would hide it.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

NOBODY = "UERASED"


@dataclass(frozen=True)
class Person:
    """A Slack person by id, and by the `names` that bridge may have written for them as `@name`."""

    user: str
    names: frozenset[str] = frozenset()

    @cached_property
    def _naming(self) -> re.Pattern[str]:
        called = [rf"(?<=@){re.escape(name)}(?!\w)" for name in sorted(self.names, key=len, reverse=True)]
        return re.compile("|".join([rf"(?<![A-Z0-9]){re.escape(self.user)}(?![A-Z0-9])", *called]))

    def is_in(self, text: str) -> bool:
        """Whether this text, or the JSON that it is, says the person's id or name, or has words of theirs."""
        return self._stands_in(read(text))

    def _stands_in(self, node: object) -> bool:
        if isinstance(node, Mapping):
            return any(self._stands_in(each) for pair in node.items() for each in pair)
        if isinstance(node, list):
            return any(map(self._stands_in, node))
        return isinstance(node, str) and self._naming.search(node) is not None

    def without(self, node: Any) -> Any:
        """JSON without their messages and files, without them on a list, and nobody's id where theirs was."""
        if isinstance(node, Mapping):
            return {self.without(name): self.without(each) for name, each in node.items() if not self._made(each)}
        if isinstance(node, list):
            return [self.without(each) for each in node if each != self.user and not self._made(each)]
        return self._naming.sub(NOBODY, node) if isinstance(node, str) else node

    def _made(self, node: object) -> bool:
        """Whether this is a message of theirs, one that was unfurled, or a file that they uploaded."""
        if not isinstance(node, Mapping):
            return False
        links = [str(node.get(name) or "") for name in ("link", "permalink")]
        return self.user in (node.get("user"), node.get("author_id")) or any(self._uploaded(link) for link in links)

    def _uploaded(self, link: str) -> bool:
        # https://docs.slack.dev/reference/objects/file-object: a permalink names who uploaded the file.
        return f"/files/{self.user}/" in link


def read(text: str) -> Any:
    """JSON, or the text as it is where it is none."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def write(node: Any) -> str:
    """What `read` reads."""
    return node if isinstance(node, str) else json.dumps(node)
