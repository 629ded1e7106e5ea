"""How a person learns what became of their post.

Start with `notify`, which tries the next way until one works; `blocks` draws what is told.
"""
