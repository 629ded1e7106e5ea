"""Where things are kept: the Redis of REDIS_URL, or a server of our own; never what is kept there.

Start with `choice`. `embedded` keeps a folder to itself, `valkey` runs the server in it, and `accounts` tells who else
has posts in the same store.
"""
