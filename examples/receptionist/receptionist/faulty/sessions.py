"""What a session costs in Redis.

The healthy bot gets it with the waiting messages and keeps it when they are answered, within
scripts it runs anyway. Here it is read and written besides, in the ways real bots do.
"""

from __future__ import annotations

import json
from datetime import timedelta

from redis.asyncio import Redis

from ..faults import Fault, Faults
from ..inbox import SESSION_SECONDS
from ..practice import Practice

# All that somebody thought a session might need.
_FIELDS = (
    "turns", "offered", "language", "channel", "topic", "mood", "last_service", "last_staff",
    "last_day", "last_time", "step", "retries", "handed_over", "consent", "newsletter",
    "voucher", "referrer", "first_seen", "last_seen", "version",
)  # fmt: skip
_GRID_DAYS = 32


class Sessions:
    """The ways to a session that faults switch on; without one both methods do nothing."""

    def __init__(self, redis: Redis, practice: Practice, faults: Faults) -> None:
        self._redis = redis
        self._faults = faults
        self._practice = practice

    async def read(self, user: str, session: str) -> str:
        """The session before a turn; given is the one that came with the messages."""
        if Fault.KEYS_SCAN in self._faults:
            await self._search(user)
        if Fault.DECOY_CHATTY_CACHE in self._faults:
            await self._read_cache()
        if Fault.NO_PIPELINING in self._faults:
            session = await self._read_fields(user)
        if Fault.BIG_SESSION in self._faults:
            await self._touch_blob(user, "arrived")
            await self._touch_blob(user, "routed")
        return session

    async def again(self, user: str) -> str:
        """The session, for one more layer that wants it."""
        return await self._redis.get(f"receptionist:session:{user}") or ""

    async def write(self, user: str, session: str) -> None:
        """Keep the session after a turn."""
        if Fault.NO_PIPELINING in self._faults:
            fields = {**dict.fromkeys(_FIELDS, ""), **json.loads(session or "{}")}
            await self._redis.hset(f"receptionist:fields:{user}", mapping=fields)
        if Fault.BIG_SESSION in self._faults:
            await self._touch_blob(user, "answered")
        if Fault.KEYS_SCAN in self._faults:
            await self._redis.set(f"session:{user}", session, ex=SESSION_SECONDS)
            await self._redis.rpush("receptionist:audit", f"turn of {user}")

    async def _read_fields(self, user: str) -> str:
        # One HGETALL would be one round trip.
        found = {f: await self._redis.hget(f"receptionist:fields:{user}", f) for f in _FIELDS}
        return json.dumps({"turns": int(found["turns"] or 0), "offered": found["offered"] or ""})

    async def _search(self, user: str) -> None:
        sessions = await self._redis.keys("session:*")
        audit = await self._redis.lrange("receptionist:audit", 0, -1)
        # What all of it was read for:
        _ = f"session:{user}" in sessions, f"turn of {user}" in audit

    async def _read_cache(self) -> None:
        async with self._redis.pipeline(transaction=False) as pipeline:
            for number in range(20):
                pipeline.get(f"receptionist:cache:{number}")
            await pipeline.execute()

    async def _touch_blob(self, user: str, step: str) -> None:
        key = f"receptionist:blob:{user}"
        stored = await self._redis.get(key)
        blob = json.loads(stored) if stored else {"steps": [], "grid": self._grid()}
        blob["steps"] = [*blob["steps"][-20:], step]
        await self._redis.set(key, json.dumps(blob), ex=SESSION_SECONDS)

    def _grid(self) -> dict[str, dict[str, list[dict[str, object]]]]:
        """Every time of every practitioner for weeks ahead, so that it is at hand."""
        today = self._practice.now().date()
        days = [today + timedelta(days=n) for n in range(_GRID_DAYS)]
        times = [f"{hour:02}:{minute}" for hour in range(8, 20) for minute in ("00", "30")]
        return {
            staff.name: {
                day.isoformat(): [{"time": time, "free": True} for time in times] for day in days
            }
            for staff in self._practice.staff
        }
