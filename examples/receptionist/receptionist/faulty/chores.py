"""Work beside the answer: some of it in the way of people, some of it not."""

from __future__ import annotations

import asyncio
import copy
import json
import logging
import re
import time
from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from typing import Any

import asyncpg
from redis.asyncio import Redis
from redis.exceptions import RedisError

from ..practice import Practice

_log = logging.getLogger("receptionist")

Spawn = Callable[[Coroutine[Any, Any, None]], None]

_TRACED_DAYS = 45
_PHONE = re.compile(r"\d{3}(\d{4,})")
_MONEY = re.compile(r"(paid|price)\W+\d+")
_REPORT_EVERY = 3.0
_POLL_SECONDS = 0.7

OCCUPANCY = """
SELECT date_part('isodow', began)::int AS day, date_part('hour', began)::int AS hour,
       count(*) AS visits
FROM visits GROUP BY 1, 2 ORDER BY visits LIMIT 1
"""
_REPORT = """
SELECT staff_id, date_trunc('week', began) AS week, sum(paid), count(DISTINCT minutes),
       percentile_cont(0.9) WITHIN GROUP (ORDER BY paid)
FROM visits GROUP BY 1, 2 ORDER BY 1, 2
"""


def trace(practice: Practice, phone: str, answer: str) -> None:
    """Write everything the bot knows to the log, masked, at a level that is not shown.

    A healthy bot would ask `_log.isEnabledFor` first, and log names of things, not copies.
    """
    state = {"phone": phone, "answer": answer, "rota": _state(practice, practice.now())}
    snapshot = copy.deepcopy(state)
    text = json.dumps(snapshot, indent=2, default=str)
    masked = _MONEY.sub(r"\1 ***", _PHONE.sub(r"***\1", text))
    _log.debug("turn: %s", masked)


def _state(practice: Practice, now: datetime) -> list[dict[str, Any]]:
    return [
        {
            "staff": {"id": staff.id, "name": staff.name, "calendar": staff.calendar},
            "service": {"id": service.id, "name": service.name, "price": service.price},
            "starts": [str(start) for start in practice.starts(day, service)],
        }
        for day in (now.date() + timedelta(days=n) for n in range(_TRACED_DAYS))
        for service in practice.services
        for staff in practice.staff
    ]


class Reporter:
    """The decoy of a slow statement: never two at once, never on the pool, never awaited."""

    def __init__(self, url: str, spawn: Spawn) -> None:
        self._url = url
        self._spawn = spawn
        self._next = 0.0

    def remind(self) -> None:
        """Have a report made, unless there is a fresh one."""
        if time.monotonic() >= self._next:
            self._next = float("inf")
            self._spawn(self._report())

    async def _report(self) -> None:
        try:
            connection = await asyncpg.connect(self._url)
            try:
                await connection.fetch(_REPORT)
            finally:
                await connection.close()
        except (asyncpg.PostgresError, OSError, TimeoutError) as failure:
            _log.warning("reporting: %s", type(failure).__name__)
        self._next = time.monotonic() + _REPORT_EVERY


async def poll(redis: Redis, stopping: asyncio.Event) -> None:
    """The decoy of a job that sleeps: looks for reminders that are due."""
    while not stopping.is_set():
        try:
            await redis.zrangebyscore("receptionist:reminders", "-inf", time.time(), 0, 10)
        except RedisError as failure:
            _log.warning("looking for reminders: %s", type(failure).__name__)
        try:
            await asyncio.wait_for(stopping.wait(), _POLL_SECONDS)
        except TimeoutError:
            continue
