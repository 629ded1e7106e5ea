"""Stand-ins for both banks, Slack and Nexudus, for the tests and for `bridge demo`."""

from typing import Any

Json = dict[str, Any]
