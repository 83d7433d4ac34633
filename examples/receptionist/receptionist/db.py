"""PostgreSQL: one pool a worker, borrowed for one statement at a time.

A connection is never held across a call to anything else: a pool that waits for a
language model is the shortest way to a queue.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import asyncpg

from .spans import SpanLog

_WAIT_SECONDS = 5.0
_STATEMENT_SECONDS = 5.0


class Database:
    """The pool of one worker."""

    def __init__(self, pool: asyncpg.Pool, spans: SpanLog) -> None:
        self._pool = pool
        self._spans = spans

    @classmethod
    async def open(cls, url: str, size: int, spans: SpanLog) -> Database:
        """Connect. All connections are made now, so that no turn pays for one."""
        pool = await asyncpg.create_pool(
            url, min_size=size, max_size=size, command_timeout=_STATEMENT_SECONDS
        )
        return cls(pool, spans)

    async def close(self) -> None:
        await self._pool.close()

    async def fetch(self, statement: str, *args: Any) -> Sequence[asyncpg.Record]:
        """Run one statement on a connection of its own; raises TimeoutError if none is free."""
        with self._spans.span("pg.acquire"):
            connection = await self._pool.acquire(timeout=_WAIT_SECONDS)
        backend = connection.get_server_pid()
        try:
            with self._spans.span("pg.fetch") as span:
                span.note(backend=backend)
                return await connection.fetch(statement, *args)
        finally:
            with self._spans.span("pg.release") as span:
                span.note(backend=backend)
                await self._pool.release(connection)
