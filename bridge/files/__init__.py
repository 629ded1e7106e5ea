"""The files of a thread that exists.

Start with `carrying`, which works the `queue` of those on their way; each is opened in Slack (`download`) and served to
the board for minutes (`serving`).
"""
