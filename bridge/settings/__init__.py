"""The environment and `.env`: nobody else reads them.

`environment` has every setting and its rule; `problems` says in a line what is wrong with one,
and `network` how others are reached from here.
"""
