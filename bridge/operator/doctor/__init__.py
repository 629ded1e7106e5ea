"""What holds, what does not, and what to do about it.

Start with `examination`, which asks `redis`, `slack`, the `public_address` and the `board` (by `board_calls` of its
own) for each `finding`; `test_post` is made only when it is asked for.
"""
