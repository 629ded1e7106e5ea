"""Text that every store and wire takes: JSON's escapes can bring half a surrogate pair, which none does. Pure."""

from typing import Any


def well_formed(value: Any) -> Any:
    """A JSON value with the replacement character for each half of a pair. Raises RecursionError."""
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [well_formed(each) for each in value]
    if isinstance(value, dict):
        return {well_formed(name): well_formed(each) for name, each in value.items()}
    return value
