"""The promises under everything that goes wrong at once, as a command: `python -m tests.chaos --help`.

`relay` stands between the real processes and Redis and knows every step of the ledger; `ambush` strikes there.
`banks` are the stand-ins in a storm, `town` the processes, `storm` and `matrix` the two runs, `books` the reckoning.
"""
