"""The tools the model may call: look for free times, book, cancel."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg

from .calendar import Calendar, Event, Interval
from .context import Appointment, Context
from .db import Database
from .ledger import Ledger
from .practice import Practice, Service, Staff

Result = dict[str, Any]

_MOST_SLOTS = 8
_MOST_TRIES = 3
_CLOCK = re.compile(r"(\d{1,2})(?:[:.h](\d{2}))?\s*(am|pm)?", re.IGNORECASE)
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


class BadArgument(ValueError):
    """The model called a tool with something unusable; the text tells it what to mend."""


def schemas(practice: Practice) -> list[dict[str, Any]]:
    """The tools as the model is told of them. Constant, like the start of the prompt."""
    service = {"type": "string", "enum": [s.name for s in practice.services]}
    day = {"type": "string", "description": "A date (2026-03-31), a weekday, today or tomorrow"}
    clock = {"type": "string", "description": "Start of the appointment, as 14:30"}
    later = {"type": "boolean", "description": "If it is taken, the next free one that day will do"}
    return [
        _tool("list_free_slots", "Free times for a service on a day.",
              {"service": service, "day": day}, ["service", "day"]),
        _tool("book_appointment", "Book a free time. Answers with alternatives if it is taken.",
              {"service": service, "day": day, "time": clock, "later": later},
              ["service", "day", "time"]),
        _tool("cancel_appointment", "Cancel an appointment of the person, the next one by default.",
              {"day": day}, []),
    ]  # fmt: skip


class Appointments:
    """Carries the tools out."""

    def __init__(
        self, practice: Practice, calendar: Calendar, db: Database, ledger: Ledger
    ) -> None:
        self._practice = practice
        self._calendar = calendar
        self._db = db
        self._ledger = ledger
        self._tools: dict[str, Callable[[Context, dict[str, Any]], Awaitable[Result]]] = {
            "list_free_slots": self._list,
            "book_appointment": self._book,
            "cancel_appointment": self._cancel,
        }

    async def call(self, name: str, arguments: str, context: Context) -> str:
        """Run one tool. What the model got wrong is told to the model, as it can mend it."""
        try:
            tool = self._tools.get(name)
            if tool is None:
                raise BadArgument(f"there is no tool {name}")
            result = await tool(context, _arguments(arguments))
        except BadArgument as wrong:
            result = {"error": str(wrong)}
        return json.dumps(result)

    async def _list(self, context: Context, arguments: dict[str, Any]) -> Result:
        service, day = self._service(arguments), self._day(arguments)
        free = sorted(await self._free(service, day))
        times = [f"{start:%H:%M}" for start in free[:_MOST_SLOTS]]
        if times:
            context.session.offered = f"{service.name} on {day:%A}: {', '.join(times)}"
        return {"service": service.name, "day": f"{day:%A, %Y-%m-%d}", "free": times}

    async def _book(self, context: Context, arguments: dict[str, Any]) -> Result:
        service, day = self._service(arguments), self._day(arguments)
        clock = parse_time(str(arguments.get("time", "")))
        start = datetime.combine(day, clock, self._practice.timezone)
        later = arguments.get("later") is True

        def suits(begin: datetime) -> bool:
            return begin == start or later and begin > start and begin.date() == day

        for held in context.upcoming:  # a turn that is run again must not book again
            if held.service == service.name and suits(held.starts):
                return _booked(held)
        free = await self._free(service, day)
        begins = [begin for begin in sorted(free) if suits(begin)]
        chances = [(begin, staff) for begin in begins for staff in free[begin]]
        for begin, staff in chances[:_MOST_TRIES]:
            appointment = await self._reserve(context, service, staff, begin)
            if appointment:
                context.upcoming.append(appointment)
                context.session.offered = ""
                return _booked(appointment)
        near = sorted(free, key=lambda other: abs(other - start))[:_MOST_TRIES]
        return {"booked": False, "alternatives": [f"{other:%H:%M}" for other in sorted(near)]}

    async def _cancel(self, context: Context, arguments: dict[str, Any]) -> Result:
        day = self._day(arguments) if arguments.get("day") else None
        for appointment in context.upcoming:
            if day is None or appointment.starts.date() == day:
                break
        else:
            return {"cancelled": False, "reason": "no such appointment"}
        await self._release(appointment.id)
        await self._calendar.cancel_event(appointment.calendar, appointment.id.hex)
        self._ledger.cancelled(appointment.id.hex, appointment.calendar)
        context.upcoming.remove(appointment)
        return {"cancelled": True, **_described(appointment)}

    async def _free(self, service: Service, day: date) -> dict[datetime, list[Staff]]:
        """Who is free at each start of a day; starts at which nobody is are left out."""
        now = self._practice.now()
        starts = [start for start in self._practice.starts(day, service) if start > now]
        if not starts:
            return {}
        length = timedelta(minutes=service.minutes)
        busy = await self._calendar.free_busy(
            [staff.calendar for staff in self._practice.staff],
            Interval(starts[0], starts[-1] + length),
        )
        free: dict[datetime, list[Staff]] = {}
        for start in starts:
            wanted = Interval(start, start + length)
            for staff in self._practice.staff:
                if not any(wanted.overlaps(taken) for taken in busy[staff.calendar]):
                    free.setdefault(start, []).append(staff)
        return free

    async def _reserve(
        self, context: Context, service: Service, staff: Staff, start: datetime
    ) -> Appointment | None:
        """Book one practitioner; None if somebody else was faster.

        The row comes first, as its constraint decides between two who want the same
        time; a calendar that then fails takes the row back.
        """
        when = Interval(start, start + timedelta(minutes=service.minutes))
        appointment = Appointment(uuid4(), service.name, staff.name, staff.calendar, start)
        try:
            await self._db.attempt(
                """
                INSERT INTO appointments (id, customer_id, service_id, staff_id, starts_at, ends_at)
                VALUES ($1, $2, $3, $4, $5, $6)
                """,
                appointment.id, context.customer_id, service.id, staff.id, when.start, when.end,
            )  # fmt: skip
        except asyncpg.ExclusionViolationError:
            return None
        event = Event(
            id=appointment.id.hex,
            when=when,
            summary=f"{service.name}: {context.name or context.phone}",
            description=f"Booked on WhatsApp by {context.phone}",  # for staff to call back
        )
        try:
            await self._calendar.insert_event(staff.calendar, event)
        except BaseException:  # also if the turn's time is up
            await self._release(appointment.id)
            raise
        self._ledger.booked(event.id, staff.calendar)
        return appointment

    async def _release(self, appointment: UUID) -> None:
        await self._db.fetch(
            "UPDATE appointments SET status = 'cancelled' WHERE id = $1", appointment
        )

    def _service(self, arguments: dict[str, Any]) -> Service:
        service = self._practice.service(str(arguments.get("service", "")))
        if service is None:
            names = ", ".join(s.name for s in self._practice.services)
            raise BadArgument(f"no such service; there are {names}")
        return service

    def _day(self, arguments: dict[str, Any]) -> date:
        return parse_day(str(arguments.get("day", "")), self._practice.now().date())


def parse_day(text: str, today: date) -> date:
    """Read a date, a weekday (the next one), "today" or "tomorrow"."""
    word = text.strip().casefold().removeprefix("next ").removeprefix("on ")
    if word in ("today", "tomorrow"):
        return today + timedelta(days=word == "tomorrow")
    if word in _DAYS:
        return today + timedelta(days=(_DAYS.index(word) - today.weekday() - 1) % 7 + 1)
    try:
        return date.fromisoformat(word)
    except ValueError:
        raise BadArgument("day must be a date such as 2026-03-31, or a weekday") from None


def parse_time(text: str) -> time:
    """Read a time of day as people write it: 14:30, 9, 2 pm, 2:30pm."""
    match = _CLOCK.fullmatch(text.strip())
    if not match:
        raise BadArgument("time must look like 14:30")
    hour, minute, half = int(match[1]), int(match[2] or 0), (match[3] or "").lower()
    if half and hour <= 12:
        hour = hour % 12 + (12 if half == "pm" else 0)
    if hour > 23 or minute > 59:
        raise BadArgument("time must lie between 00:00 and 23:59")
    return time(hour, minute)


def _arguments(text: str) -> dict[str, Any]:
    try:
        arguments = json.loads(text or "{}")
    except ValueError:
        raise BadArgument("the arguments are not valid JSON") from None
    if not isinstance(arguments, dict):
        raise BadArgument("the arguments must be a JSON object")
    return arguments


def _tool(
    name: str, about: str, properties: dict[str, Any], required: list[str]
) -> dict[str, Any]:
    parameters = {"type": "object", "properties": properties, "required": required}
    function = {"name": name, "description": about, "parameters": parameters}
    return {"type": "function", "function": function}


def _booked(appointment: Appointment) -> Result:
    return {"booked": True, **_described(appointment)}


def _described(appointment: Appointment) -> Result:
    return {
        "service": appointment.service,
        "with": appointment.staff,
        "day": f"{appointment.starts:%A, %Y-%m-%d}",
        "time": f"{appointment.starts:%H:%M}",
    }
