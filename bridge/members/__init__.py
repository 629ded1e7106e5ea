"""Who a Slack person is on the board, and what they may do there.

Start with `people`, behind the `gate` that says whose e-mail address is believed; `places` has locations, groups and
guests. What was looked up stays in the `cache` for a while.
"""
