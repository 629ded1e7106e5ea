"""A stand-in for Nexudus.

Start with `board`, over `entities`, behind `faults` and `logins`; `portal` is what its members see.
"""
