"""Who a Slack person is on the board, and what they may do there.

Start with `people`, found by a `trusted_email` and nothing else; `places` has locations, groups and guests. What was
looked up stays in the `cache` for a while; `faults` tells whose fault it is when nothing could be.
"""
