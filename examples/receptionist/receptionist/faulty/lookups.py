"""What is looked up before the model is asked.

`context.load` is all the healthy bot needs: one statement. Here it is loaded otherwise, more
often, or with more beside it.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from datetime import datetime, time, timedelta

from .. import context
from ..calendar import Calendar, Interval
from ..context import Context
from ..db import Database
from ..faults import Fault, Faults
from ..llm import LanguageModel
from ..messages import Incoming
from ..practice import Practice
from . import rows
from .chores import OCCUPANCY
from .connections import for_lookups
from .crm import CustomerFiles
from .sessions import Sessions


class Lookups:
    """The start of a turn, for one worker."""

    def __init__(
        self,
        db: Database,
        practice: Practice,
        calendar: Calendar,
        model: LanguageModel,
        sessions: Sessions,
        files: CustomerFiles,
        faults: Faults,
    ) -> None:
        self._db = db
        self._practice = practice
        self._calendar = calendar
        self._model = model
        self._sessions = sessions
        self._files = files
        self._faults = faults
        self._topics: list[list[float]] = []
        self._topics_wanted = asyncio.Lock()

    async def load(self, message: Incoming, session: str) -> Context:
        """The context of a turn, with whatever faults add to it."""
        known = await self._load(message, session)
        if Fault.CONTEXT_THRICE in self._faults:
            for _ in ("for the router", "for the tools"):
                known = await self._load(message, await self._sessions.again(message.user))
        if Fault.GROWING_PROMPT in self._faults:
            known.history = await rows.load_whole_history(self._db, known.customer_id)
        if Fault.SERIAL_LOOKUPS in self._faults:
            await self._look_around(message, known)
        return known

    async def _load(self, message: Incoming, session: str) -> Context:
        load = rows.load_one_by_one if Fault.N_PLUS_ONE in self._faults else context.load
        async with for_lookups(self._db, self._faults):
            known = await load(self._db, self._practice, message, session)
            if Fault.SMALL_POOL in self._faults:
                known.remarks.append(await self._quiet_hour())
            if Fault.HOT_ROW in self._faults:
                known.remarks.append(await self._tomorrow())
        return known

    async def _look_around(self, message: Incoming, known: Context) -> None:
        # None of these needs the one before it: asyncio.gather would take as long as the slowest.
        known.remarks.append(await self._tomorrow())
        known.remarks.append(await self._files.remark(message.user))
        known.remarks.append(await self._staff())
        known.remarks.append(await self._topic(message.text))

    async def _tomorrow(self) -> str:
        zone = self._practice.timezone
        day = datetime.combine(self._practice.now().date() + timedelta(days=1), time(8), zone)
        busy = await self._calendar.free_busy(
            [staff.calendar for staff in self._practice.staff],
            Interval(day, day + timedelta(hours=12)),
        )
        return f"Tomorrow {sum(map(len, busy.values()))} times are taken."

    async def _staff(self) -> str:
        found = await self._db.fetch(
            "SELECT p.name, h.opens FROM staff p, opening_hours h WHERE h.weekday = $1 ORDER BY 1",
            self._practice.now().weekday(),
        )
        return f"{len(found)} practitioners work today."

    async def _topic(self, text: str) -> str:
        """What a message is about, by the services' descriptions."""
        async with self._topics_wanted:  # once a worker
            if not self._topics:
                self._topics = await self._model.embed([s.about for s in self._practice.services])
        [meaning] = await self._model.embed([text])
        likely = [_likeness(meaning, topic) for topic in self._topics]
        return f"They may ask about {self._practice.services[likely.index(max(likely))].name}."

    async def _quiet_hour(self) -> str:
        [row] = await self._db.fetch(OCCUPANCY)
        return f"Quiet hours are at {row['hour']}:00 on day {row['day']} of the week."


def _likeness(one: Sequence[float], other: Sequence[float]) -> float:
    dot = sum(a * b for a, b in zip(one, other, strict=True))
    return dot / ((math.hypot(*one) * math.hypot(*other)) or 1.0)
