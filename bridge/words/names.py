"""What ids are called: the names that a conversion is given, and the ids that it would like to have names for."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Names:
    """What ids are called: users' display names, public channels' names without `#`.

    Ids that are missing are fine; a channel that is not known to be public must be missing. `labels` are what Slack
    itself wrote beside ids, `late` ids that stand in the text as `@id` for want of a name. `inside`: the
    words stay in Slack, so that a link into a private conversation tells nobody anything. `nobody`: no
    link names a person either.
    """

    users: Mapping[str, str] = field(default_factory=dict)
    channels: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    late: frozenset[str] = frozenset()
    inside: bool = False
    nobody: bool = False


@dataclass(frozen=True)
class Mentioned:
    """The ids whose names a conversion would like to have."""

    users: frozenset[str] = frozenset()
    channels: frozenset[str] = frozenset()
