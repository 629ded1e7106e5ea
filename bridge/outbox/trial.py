"""Whether a post would be kept now: the smallest real thing, under the account's own keys, and nothing stays of it."""

from bridge.outbox import scripts
from bridge.outbox.ledger import Outbox

# Seconds; what is read was written just before.
_BLOCK = 0.5


async def keeps(outbox: Outbox) -> None:
    """Cheap enough to be asked often. Raises RedisError with the reason why nothing would be kept."""
    await _carry_out(outbox, asked=False)


async def keeps_and_wakes(outbox: Outbox) -> None:
    """All of it at once, and the read that a worker waits in. Raises RedisError."""
    await _carry_out(outbox, asked=True)
    await outbox.blocking.blpop([outbox.key("trial:wake")], timeout=_BLOCK)


async def _carry_out(outbox: Outbox, *, asked: bool) -> None:
    await outbox.run(scripts.TRIAL, int(asked), keys=(outbox.key("trial:form"),))
