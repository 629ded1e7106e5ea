"""What was said in Slack, read into parts and written again: the board's Markdown, plain text, rich text. Pure.

Start with `conversions`, the ways through. `message` reads a whole message by `rich_text` and `mrkdwn` into the parts
of `runs`; ids, links and times become words in `nouns`, `addresses` and `emoji`; `markdown` and `prefill` write.
`weight` says what that costs, and `aside` does it beside the event loop.
"""
