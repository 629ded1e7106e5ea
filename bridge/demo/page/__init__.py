"""`bridge demo`: one page in the browser, plain HTML, CSS and JavaScript in assets/.

Start with `command`, which serves the `site`: it shows the `scene` as `feed` and `way`, and takes `doings` and the
`mood`. `lent` leads a bridge of one's own here.
"""
