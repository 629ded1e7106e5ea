"""`bridge demo --terminal`: a story in the terminal.

Start with `command`, which tells the `story` in `lines` and counts the `tally`.
"""
