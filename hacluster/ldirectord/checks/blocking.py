"""Protocol libraries that block run in threads of their own, bounded in number; each keeps its time limits itself."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from hacluster.lvs.settings import Check

_T = TypeVar("_T")
THREADS: Final = 64

_pool: ThreadPoolExecutor | None = None


def seconds(check: Check) -> float:
    """The time limit that a library is given: it ends by itself, so that no thread stays behind."""
    return max(1.0, check.negotiate_timeout_ms / 1_000)


async def in_thread(work: Callable[[], _T]) -> _T:
    """What ``work`` gives, from a thread of the checks' own pool."""
    global _pool  # noqa: PLW0603  one pool for all checks, made when the first needs it
    if _pool is None:
        _pool = ThreadPoolExecutor(THREADS, thread_name_prefix="check")
    return await asyncio.get_running_loop().run_in_executor(_pool, work)
