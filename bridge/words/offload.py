"""Work that takes a time for each character, beside the loop: nobody's long message holds up everybody's answer.

What an answer in three seconds needs has threads of its own; what may take longer shares one, so that it leaves the
interpreter to the others however much of it is asked for.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TypeVar

T = TypeVar("T")

# The weight of words up to which reading them costs less than going to a thread, which takes 0.2 ms.
LIGHT = 300

_ANSWERING = ThreadPoolExecutor(4, "answering")
_READING = ThreadPoolExecutor(1, "reading")


async def for_an_answer(work: Callable[..., T], *given: object) -> T:
    """Done while Slack waits."""
    return await asyncio.get_running_loop().run_in_executor(_ANSWERING, copy_context().run, work, *given)


async def weighed(weight: int, work: Callable[..., T], *given: object) -> T:
    """Done while Slack waits, at once where it is light. `weight`: that of the words, in characters."""
    return work(*given) if weight <= LIGHT else await for_an_answer(work, *given)


async def for_later(work: Callable[..., T], *given: object) -> T:
    """Done in turn: whole threads, and what is posted."""
    return await asyncio.get_running_loop().run_in_executor(_READING, copy_context().run, work, *given)
