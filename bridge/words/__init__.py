"""Slack's rich text and mrkdwn → the board's Markdown, plain text, and back into a form.

Whatever arrives is read into parts (paragraphs, items, quotes, code) made of runs of
styled text; each way out writes parts. Nothing here raises, whatever the JSON. Pure, but
for emoji.json.
"""

from bridge.words.conversions import (
    first_line,
    inert,
    mentioned_in,
    message_to_markdown,
    name_to_markdown,
    to_plain,
)
from bridge.words.mrkdwn import escape
from bridge.words.nouns import Mentioned, Names
from bridge.words.prefill import as_rich_text
from bridge.words.weight import weight

__all__ = [
    "Mentioned",
    "Names",
    "as_rich_text",
    "escape",
    "first_line",
    "inert",
    "mentioned_in",
    "message_to_markdown",
    "name_to_markdown",
    "to_plain",
    "weight",
]
