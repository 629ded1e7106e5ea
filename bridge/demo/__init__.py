"""Stand-ins for both banks, Slack and Nexudus, for the tests and for `bridge demo`."""
