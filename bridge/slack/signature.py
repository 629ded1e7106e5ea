"""Whether a request is Slack's own, by the signature over its raw bytes."""

import hmac
import time
from collections.abc import Mapping

from bridge.slack.intake import Refusal

# Seconds. https://docs.slack.dev/authentication/verifying-requests-from-slack
MOST_SKEW = 300


def verify(raw: bytes, headers: Mapping[str, str], secret: bytes) -> None:
    """Raises Refusal(401) where the signature or the timestamp does not hold."""
    stamp, signature = headers.get("x-slack-request-timestamp", ""), headers.get("x-slack-signature", "")
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 12 and signature.isascii()):
        raise Refusal(401)
    if abs(time.time() - int(stamp)) > MOST_SKEW:
        raise Refusal(401)
    # Not slack_sdk's verifier: it decodes the body first, and fails where it is no UTF-8.
    expected = "v0=" + hmac.digest(secret, b"v0:%s:%s" % (stamp.encode(), raw), "sha256").hex()
    if not hmac.compare_digest(expected, signature):
        raise Refusal(401)
