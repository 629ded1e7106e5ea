"""Where things are kept: the Redis of REDIS_URL, or a server of our own; never what is kept there.

Start with `choice`. `client` connects to a URL, `embedded` keeps a folder to itself, `valkey` runs the server in it,
by `rewriting` erased words leave its files, and `other_accounts` tells who else has posts in the same store.
"""
