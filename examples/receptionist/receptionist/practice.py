"""The practice: what it offers, who works there, when it is open. Loaded once at the start."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo

from .db import Database

_GRID = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class Service:
    """Something that can be booked."""

    id: int
    name: str
    minutes: int
    price: int
    about: str


@dataclass(frozen=True, slots=True)
class Staff:
    """Someone who can be booked."""

    id: int
    name: str
    calendar: str


@dataclass(frozen=True)
class Practice:
    """The practice as a whole. `hours` maps a weekday (Monday is 0) to opening and closing."""

    services: tuple[Service, ...]
    staff: tuple[Staff, ...]
    hours: Mapping[int, tuple[time, time]]
    timezone: tzinfo

    @classmethod
    async def load(cls, db: Database, timezone: tzinfo) -> Practice:
        """Read it from the database."""
        services = await db.fetch(
            "SELECT id, name, minutes, price, about FROM services ORDER BY id"
        )
        staff = await db.fetch("SELECT id, name, calendar FROM staff ORDER BY id")
        hours = await db.fetch("SELECT weekday, opens, closes FROM opening_hours ORDER BY weekday")
        return cls(
            services=tuple(Service(*row) for row in services),
            staff=tuple(Staff(*row) for row in staff),
            hours={row["weekday"]: (row["opens"], row["closes"]) for row in hours},
            timezone=timezone,
        )

    def now(self) -> datetime:
        """The time on the practice's wall."""
        return datetime.now(self.timezone)

    def service(self, name: str) -> Service | None:
        """Find a service by its name as people write it ("Haircuts")."""
        wanted = name.strip().casefold().removesuffix("s")
        return next((s for s in self.services if s.name.removesuffix("s") == wanted), None)

    def starts(self, day: date, service: Service) -> list[datetime]:
        """Every start on a day that lets the service end before closing."""
        if day.weekday() not in self.hours:
            return []
        opens, closes = self.hours[day.weekday()]
        start = datetime.combine(day, opens, self.timezone)
        last = datetime.combine(day, closes, self.timezone) - timedelta(minutes=service.minutes)
        starts = []
        while start <= last:
            starts.append(start)
            start += _GRID
        return starts
