"""One attempt from claim to report; nothing of Slack's wire.

Start with `attempt`; what follows from what the board did is the `decision`. `thread` builds what is posted,
`sightings` compares in doubt, `boardwatch` remembers how the board was.
"""
