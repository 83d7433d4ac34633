"""On which connection to PostgreSQL a turn runs its statements.

The healthy bot borrows one for each statement and holds none while it waits for anything
else. Here a turn has one of its own, or one in a transaction, or a locked row.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from ..db import Database
from ..faults import Fault, Faults


@asynccontextmanager
async def for_turn(db: Database, url: str, faults: Faults) -> AsyncIterator[None]:
    """What surrounds everything from the context to the stored answer, the model included."""
    async with _own(db, url, faults), _transaction(db, faults):
        yield


@asynccontextmanager
async def for_lookups(db: Database, faults: Faults) -> AsyncIterator[None]:
    """What surrounds the lookups at the start of a turn."""
    if Fault.SMALL_POOL not in faults and Fault.HOT_ROW not in faults:
        yield
        return
    async with db.hold() as connection, _counted(db, connection, faults):
        with db.keep(connection):
            yield


@asynccontextmanager
async def _counted(
    db: Database, connection: asyncpg.Connection, faults: Faults
) -> AsyncIterator[None]:
    if Fault.HOT_ROW not in faults:
        yield
        return
    async with connection.transaction():
        with db.keep(connection):
            await db.fetch("UPDATE practice SET seen = seen + 1 WHERE id = 1")
        # Until the transaction ends every other turn waits for the row.
        yield


@asynccontextmanager
async def _own(db: Database, url: str, faults: Faults) -> AsyncIterator[None]:
    if Fault.NEW_CONNECTIONS not in faults:
        yield
        return
    connection = await asyncpg.connect(url)
    try:
        with db.keep(connection):
            yield
    finally:
        await connection.close()


@asynccontextmanager
async def _transaction(db: Database, faults: Faults) -> AsyncIterator[None]:
    if Fault.HELD_TRANSACTION not in faults:
        yield
        return
    async with db.hold() as connection, connection.transaction():
        with db.keep(connection):
            yield
