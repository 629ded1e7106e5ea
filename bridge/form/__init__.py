"""The form: opened, filled in, read back.

Start with `view`, the form as people see it, and `read_back`. Before it opens: `prefill`, from the `sources` (a
message, a thread by its `thread_replies`, kept in the `stash`). While it is open: `lookups` and `redraw`.
`private_sources` warns, `signed_metadata` protects what the form remembers.
"""
