"""The whole product without any account: stand-ins for both banks, which the tests use too, and two ways to watch.

`slack` and `nexudus` are the stand-ins, on `loopback`; `stage` puts the real bridge between them. `page` shows it in
the browser, `terminal` tells it as a story; `backstage` is what both need.
"""
