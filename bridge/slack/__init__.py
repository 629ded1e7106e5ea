"""The near bank's wire, both ways: what Slack sends, and what is asked of Slack; nothing of the board or the outbox.

In: `connections` with their `protocol`, each `exchange` and the `crowd` of them; `http` with its `signature` and
`intake`; or else `socketmode`. Then `dispatch` finds who listens, and `payloads` and `slash_command` take apart what
was sent. Out: `webapi`, and how that went: `slack_health`. `warnings` are written seldom, whoever causes them.
"""
