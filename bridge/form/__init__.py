"""The form: opened, filled in, read back.

Start with `view`, the form as people see it, and `read_back`. Before it opens: `prefill`, from the `sources` (a
message, a thread by its `replies`, kept in the `stash`). While it is open: `lookups` and `redraw`. `private_sources`
warns, `seal` protects what the form remembers.
"""
