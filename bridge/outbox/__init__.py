"""The durable ledger of drafts and the queues on it, in Redis: kept before it is promised.

Start with `ledger`; its steps are the `scripts`, on the `leases` that a `worker` holds. `census` counts, and a
`trial` shows whether a post would be kept.
"""
