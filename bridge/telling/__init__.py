"""How a person learns what became of their post.

Start with `report`, what delivery asks for; `notify` tries the next way until one works, and `blocks` draws what is
told.
"""
