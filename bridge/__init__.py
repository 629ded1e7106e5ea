"""The map. A message crosses the bridge room by room; open the files in this order.

1. `front`       hears Slack: body cap, signature on the raw bytes, then Bolt
2. `slack`       what the person did; `payloads` and `commands` read it, `form` and `furnishing` give the form
3. `draft`       the nouns: where it was asked, what is to be posted, what became of it
4. `desk`        keeps the draft before Slack is answered, and waits briefly for the final word
5. `outbox`      the durable ledger and queue in Redis; its steps are the `scripts`
6. `delivery`    one attempt from claim to report; `decision` says what follows, `sightings` compares in doubt
7. `people`, `places`  who this is on the board, and what they may do there
8. `thread`, `words`   the thread as the board takes it, in the board's Markdown
9. `nexudus`     the far bank: `wire` its rules, `tokens` its login, `pace` the account's shared pace
10. `telling`    tells the person by the next way until one works, in `blocks` and `sentences`

`__main__` holds the commands, `wiring` builds everything once, `running` runs the processes.
`operating` holds the operator's side: `doctor`, `manifest`, `ledger` (why a post waits: `causes`), `erasure`.
"""
