"""The operator's side: the commands beside `run`, `web`, `worker` and `demo`.

Start with `commands`. `doctor/` says what does not hold, `manifest` is the app in Slack; `listing` shows what waits in
a `text_table`, with its `reasons`; `erasure` forgets a person, by their `personal_data`.
"""
