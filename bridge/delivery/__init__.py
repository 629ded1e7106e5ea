"""One attempt from claim to report; nothing of Slack's wire.

Start with `attempt`; what follows from what the board did is the `decision`. `board_thread` builds what is
posted, `matching` compares in doubt, `reporting` lets the person know; `board_health` remembers how the board was.
"""
