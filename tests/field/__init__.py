"""Slow experiments with the real program: `python -m tests.field NAME`, each a room whose `run()` says what it saw."""
