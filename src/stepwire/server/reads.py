"""Reads off the event loop: a few threads, each on a read-only connection of its own."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class Reads:
    """A small thread pool. NumPy and SQLite release the interpreter's lock, so charts read in parallel."""

    def __init__(self, threads: int = 4) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="stepwire-read")

    async def __call__(self, read: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run ``read`` in a thread and wait for its answer or its exception."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, lambda: read(*args, **kwargs))

    def close(self) -> None:
        """Wait for reads under way; start no more."""
        self._pool.shutdown(cancel_futures=True)
