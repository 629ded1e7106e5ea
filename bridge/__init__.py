"""The map. A message crosses wing by wing; each wing's own page says which of its rooms to read first.

1. `slack`      hears what somebody asked, and believes it by Slack's signature
2. `desk`       does what the person did: opens a form, keeps a draft, answers
3. `form`       is filled in from the message and the look-ups, and read back
4. `outbox`     keeps the draft before Slack gets its answer: this is the promise
5. `delivery`   takes it up, as often as it must, and looks before it sends again
6. `members`    says who this is on the board, and what they may do there
7. `nexudus`    speaks to the board
8. `files`      brings the thread its files, once it exists
9. `telling`    lets the person know what became of it

Under all of them lie the nouns (`post`), the words (`words`, `language`), the `settings` and the `store`. `operator` is
the side of who runs it, `demo` shows the whole without any account. A wing imports only wings below it: pyproject.toml
has the order, `make lint` holds it.

Beside the wings: `__main__` has the commands, `wiring` builds everything once, `running` runs the processes; `moments`
are the times that Slack leaves us, `metrics` what is counted, `version` which bridge this is.
"""
