"""PostgreSQL: one pool a worker, borrowed for one statement at a time.

A connection is never held across a call to anything else: a pool that waits for a
language model is the shortest way to a queue.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from typing import Any

import asyncpg

from .spans import SpanLog

_WAIT_SECONDS = 5.0
_STATEMENT_SECONDS = 5.0

_kept: ContextVar[asyncpg.Connection | None] = ContextVar("kept", default=None)


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
        """Run one statement on a connection of its own, unless one is kept; raises
        TimeoutError if none is free."""
        async with self.hold() as connection:
            with self._spans.span("pg.fetch") as span:
                span.note(backend=connection.get_server_pid())
                return await connection.fetch(statement, *args)

    async def attempt(self, statement: str, *args: Any) -> Sequence[asyncpg.Record]:
        """Like `fetch`, for a statement that may be refused: a transaction that is open
        around it survives that."""
        kept = _kept.get()
        if kept is None or not kept.is_in_transaction():
            return await self.fetch(statement, *args)
        async with kept.transaction():  # a savepoint
            return await self.fetch(statement, *args)

    @asynccontextmanager
    async def hold(self) -> AsyncIterator[asyncpg.Connection]:
        """Borrow a connection for a `with` block: the one that is kept, if there is one."""
        if kept := _kept.get():
            yield kept
            return
        with self._spans.span("pg.acquire"):
            connection = await self._pool.acquire(timeout=_WAIT_SECONDS)
        backend = connection.get_server_pid()
        try:
            yield connection
        finally:
            with self._spans.span("pg.release") as span:
                span.note(backend=backend)
                await self._pool.release(connection)

    @contextmanager
    def keep(self, connection: asyncpg.Connection) -> Iterator[None]:
        """Have all statements of this task in a `with` block run on one connection. No turn
        of a healthy bot does."""
        before = _kept.set(connection)
        try:
            yield
        finally:
            _kept.reset(before)
