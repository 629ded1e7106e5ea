"""The far bank's wire: Nexudus's REST API, and nothing of Slack or of drafts.

Start with `client`. `wire` has the rules and the errors, `tokens` the login, `pace` the account's shared pace.
"""
