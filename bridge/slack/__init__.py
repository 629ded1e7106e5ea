"""The near bank's wire, both ways: what Slack sends, and what is asked of Slack; nothing of the board or the outbox.

In: `connections`, `http`, `intake`, or `socketmode`; then `payloads` and `commands` take apart what was sent. Out:
`webapi`.
"""
