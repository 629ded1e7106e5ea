"""The map. A message crosses the bridge room by room; open the files in this order.

1. `front`       hears Slack: body cap, signature on the raw bytes, `intake` of what is well formed, then Bolt;
                 `socketmode` hears the same without a public address
2. `slack`       what the person did; `payloads` and `commands` read it, `form` is the form: `prefilling` before it
                 opens, `furnishing` afterwards, by `drawing` it anew; `filled` reads it back, `seal` closes what it
                 remembers; `sources` has the message and its thread (`originals`, `replies`), and `leaving` says
                 when they come from a private place
3. `draft`       the nouns: where it was asked, what is to be posted, what became of it
4. `desk`        keeps the draft before Slack is answered, and waits briefly for the final word, each step within its
                 `moments`; `aside` does what takes long
5. `outbox`      the durable ledger and queue in Redis, an `entry` for each draft; its steps are the
                 `scripts`, on `leases`
6. `delivery`    one attempt from claim to report, held by the `worker`; `decision` says what follows, `sightings`
                 compares in doubt, `boardwatch` remembers how the board was
7. `people`, `places`  who this is on the board (whom to believe: the `gate`), and what they may do there, from the
                 `cache` where it can be; `refusals` say that they may not, or that Slack could not be asked
8. `thread`, `words`   the thread as the board takes it, in the board's Markdown; `conversation` for a whole one
9. `nexudus`     the far bank: `wire` its rules, `tokens` its login, `pace` the account's shared pace
10. `files`      the files of a thread that exists, each an `attachment` under a harmless `filename`: opened in Slack,
                 served to the board for minutes, and seen to arrive
11. `telling`    gives the `report` by the next way until one works, in `blocks` and `sentences` (`english`, or a
                 translation); `webapi` is the wire to Slack

`__main__` holds the commands, `settings` the environment (`problems` what is wrong there), `version` which bridge this
is, `wiring` builds everything once on the `store` (`whichstore`: one's own, a process of `valkey`, or a shared one;
`accounts`: who else has posts there), `running` runs the processes, `listening` keeps room for Slack among strangers,
`metrics` and a `census` of the ledger measure, `installation` ends it when the app is removed.
`operating` holds the operator's side: `doctor`, `manifest`, `ledger` (a `table` of what waits, and why: `causes`),
`erasure` (whose `traces` those are). `demo` shows it all.
"""
