"""What a person did in Slack, and the keeping before Slack is answered.

Start with `app`, the Bolt app, and its `listeners`, named for what the person did. `keeping` keeps the draft and waits
briefly for the outcome; `installation` ends it when the app is removed.
"""
