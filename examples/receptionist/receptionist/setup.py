"""`python3 -m receptionist.setup`: create the tables and what a practice starts with."""

from __future__ import annotations

import asyncio
from datetime import time
from pathlib import Path

import asyncpg

from .faults import HEALTHY, Faults
from .faulty import data
from .settings import Settings

_SERVICES = [
    (1, "haircut", 30, 60, "wash, cut and blow-dry"),
    (2, "colouring", 90, 180, "full colour or highlights, patch test needed 48 hours before"),
    (3, "manicure", 30, 35, "file, cuticles and polish; gel costs 15 more"),
    (4, "massage", 60, 110, "back, neck and shoulders, or the whole body"),
    (5, "facial", 60, 95, "cleansing, peeling and a mask for your type of skin"),
    (6, "consultation", 30, 0, "a talk with a dermatologist, free before any treatment"),
]
_STAFF = [
    "Alice", "Bruno", "Carla", "Daniel", "Elena", "Felix",
    "Gloria", "Hugo", "Irene", "Jonas", "Karen", "Lucas",
]  # fmt: skip
_HOURS = [*((day, time(8), time(20)) for day in range(5)), (5, time(9), time(17))]


async def install(url: str, faults: Faults = HEALTHY) -> None:
    """Bring a database up to date. May be run again and by several processes."""
    schema = Path(__file__).with_name("schema.sql").read_text(encoding="utf-8")
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction():
            # CREATE ... IF NOT EXISTS of two processes can still collide without this.
            await connection.execute("SELECT pg_advisory_xact_lock(hashtext('receptionist'))")
            await connection.execute("SET LOCAL client_min_messages = warning")
            await connection.execute(schema)
            await connection.executemany(
                "INSERT INTO services VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
                _SERVICES,
            )
            await connection.executemany(
                "INSERT INTO staff VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
                [(i, name, f"{name.lower()}@practice") for i, name in enumerate(_STAFF, 1)],
            )
            await connection.executemany(
                "INSERT INTO opening_hours VALUES ($1, $2, $3) ON CONFLICT DO NOTHING", _HOURS
            )
            await data.make_rows(connection, faults)
    finally:
        await connection.close()


if __name__ == "__main__":
    settings = Settings.from_environment()
    asyncio.run(install(settings.database_url, settings.faults))
    asyncio.run(data.make_keys(settings.redis_url, settings.faults))
