"""The files of a posted thread: `carrying` works the `box` of those on their way; each is opened in Slack (`opening`)
and served to the board for minutes (`serving`).
"""
