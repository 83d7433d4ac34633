"""The practitioners' calendars: who is busy when, and putting events in and out.

`Calendar` is all the rest of the bot knows of it, cut to what hosted calendars offer:
busy times of several calendars in one query, and events whose id the caller chooses,
so that an insertion may be repeated. `PostgresCalendar` keeps it in the bot's database,
`google.GoogleCalendar` in Google Calendar.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from .db import Database


@dataclass(frozen=True, slots=True)
class Interval:
    """A stretch of time; the end is not part of it."""

    start: datetime
    end: datetime

    def overlaps(self, other: Interval) -> bool:
        return self.start < other.end and other.start < self.end


@dataclass(frozen=True, slots=True)
class Event:
    """An appointment as a calendar shows it."""

    id: str
    """Chosen by the caller; 5 or more of the digits and letters a to v, as Google wants it."""
    when: Interval
    summary: str
    description: str


class Calendar(Protocol):
    """What the bot asks of a calendar service."""

    async def free_busy(
        self, calendars: Sequence[str], within: Interval
    ) -> dict[str, list[Interval]]:
        """The busy times of each calendar."""
        ...

    async def insert_event(self, calendar: str, event: Event) -> None:
        """Put an event in. The same id a second time changes nothing."""
        ...

    async def cancel_event(self, calendar: str, event_id: str) -> None:
        """Take an event out. One that is not there is no error."""
        ...

    async def close(self) -> None:
        """Let go of connections of its own."""
        ...


class PostgresCalendar:
    """Calendars in the bot's own database."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def free_busy(
        self, calendars: Sequence[str], within: Interval
    ) -> dict[str, list[Interval]]:
        # No event lasts longer than a day: the lower bound keeps the past out of the index scan.
        rows = await self._db.fetch(
            """
            SELECT calendar, starts_at, ends_at FROM calendar_events
            WHERE calendar = ANY($1) AND starts_at < $3 AND ends_at > $2
              AND starts_at > $2 - interval '1 day'
            """,
            list(calendars),
            within.start,
            within.end,
        )
        busy: dict[str, list[Interval]] = {calendar: [] for calendar in calendars}
        for calendar, start, end in rows:
            busy[calendar].append(Interval(start, end))
        return busy

    async def insert_event(self, calendar: str, event: Event) -> None:
        await self._db.fetch(
            """
            INSERT INTO calendar_events (id, calendar, summary, description, starts_at, ends_at)
            VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (id) DO NOTHING
            """,
            event.id,
            calendar,
            event.summary,
            event.description,
            event.when.start,
            event.when.end,
        )

    async def cancel_event(self, calendar: str, event_id: str) -> None:
        await self._db.fetch(
            "DELETE FROM calendar_events WHERE id = $1 AND calendar = $2", event_id, calendar
        )

    async def close(self) -> None:
        """The database is not the calendar's own."""
