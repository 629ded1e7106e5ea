"""The nouns of what is carried, frozen. Pure.

Start with `draft`: what is to be posted, where it was asked, what became of it. `entry` is its record in the outbox,
`conversation` a whole thread of Slack, `attachment` a file with its `filename`; `refusals` say why it may not be.
"""
