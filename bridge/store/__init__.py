"""Where things are kept: the Redis of REDIS_URL, or a server of our own; never what is kept there.

Start with `choice`. `client` connects to a URL, by a `pool` of few connections, each a `connection` that hears what the
`trouble` is, `plain_or_tls` among it; `embedded` keeps a folder to itself, `valkey` runs the server in it, and
`other_accounts` tells who else has posts in the same store.
"""
