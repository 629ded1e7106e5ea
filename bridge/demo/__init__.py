"""Stand-ins for both banks, Slack and Nexudus, for the tests and for `bridge demo`.

Slack:    `workspace` answers bridge's calls (`methods`, `memory`, `views`, `limits`), `sender` is its people's client
Nexudus:  `board` over `entities`, behind `faults` and `logins`
Stage:    `stage` puts the real bridge between them, on `loopback`; `backstage` is what every demo needs
Browser:  `browser` serves `site`, which shows `scene` and `talk` as `feed`, `portal` and `way`, and takes `doings`
          and the `mood`; the page itself is in assets/, plain HTML, CSS and JavaScript; `lent` leads a bridge of
          one's own here
Terminal: `terminal` tells the `story` as `page` prints it, and counts the `tally`
"""

from typing import Any

Json = dict[str, Any]
