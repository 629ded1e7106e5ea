"""The environment and `.env`: nobody else reads them.

`environment` has every setting and its rule, read from its `sources`; `addresses` has the rules for those. `problems`
says in a line what is wrong with one; `network` is how others are reached from here, and `hosts` where here is.
"""
