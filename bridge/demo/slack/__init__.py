"""A stand-in for Slack.

Start with `workspace`, which answers bridge's calls (`methods` on its `memory`, within the `limits` of `views`);
`sender` is its people's client, `talk` what they have said.
"""
