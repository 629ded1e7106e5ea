"""What was said in Slack, read into parts and written again: the board's Markdown, plain text, rich text. Pure.

Start with `conversions`, the ways through. `message` reads a whole message by `rich_text` (its `block_shapes`) and
`mrkdwn` into `parts`; ids, links and times become words in `references` (by their `names`), `slack_links` and `emoji`;
`markdown` and `into_form` write. `well_formed` mends half surrogates, `weight` says what reading costs, and `offload`
does it beside the event loop.
"""
