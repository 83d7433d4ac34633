"""The tools of the model."""

from __future__ import annotations

import asyncio
import json
import unittest
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import uuid4

import asyncpg

from receptionist.appointments import Appointments, BadArgument, parse_day, parse_time, schemas
from receptionist.calendar import Event, Interval
from receptionist.context import Appointment, Context
from receptionist.ledger import Ledger

from .fixtures import NOW, ZONE, RecordingDatabase, context, practice

MONDAY = date(2026, 3, 2)


class MemoryCalendar:
    """A calendar service in a dictionary."""

    def __init__(self) -> None:
        self.events: dict[tuple[str, str], Event] = {}
        self.failure: BaseException | None = None

    async def free_busy(
        self, calendars: Sequence[str], within: Interval
    ) -> dict[str, list[Interval]]:
        return {c: [e.when for (of, _), e in self.events.items() if of == c] for c in calendars}

    async def insert_event(self, calendar: str, event: Event) -> None:
        if self.failure:
            raise self.failure
        self.events[calendar, event.id] = event

    async def cancel_event(self, calendar: str, event_id: str) -> None:
        self.events.pop((calendar, event_id), None)

    async def close(self) -> None:
        pass


class RecordingLedger(Ledger):
    """Remembers what stands in the books."""

    def __init__(self) -> None:
        super().__init__(None)
        self.lines: list[tuple[str, str, str]] = []

    def booked(self, event: str, calendar: str) -> None:
        self.lines.append(("booked", event, calendar))

    def cancelled(self, event: str, calendar: str) -> None:
        self.lines.append(("cancelled", event, calendar))


class Tools(unittest.IsolatedAsyncioTestCase):
    def setUp(self) -> None:
        self.calendar = MemoryCalendar()
        self.db = RecordingDatabase()
        self.ledger = RecordingLedger()
        self.known = context()

    async def call(self, name: str, known: Context | None = None, **arguments: Any) -> Any:
        text = json.dumps(arguments)
        return json.loads(await self.tools().call(name, text, known or self.known))

    def tools(self) -> Appointments:
        db: Any = self.db
        return Appointments(practice(), self.calendar, db, self.ledger)

    def occupy(self, calendar: str, start: time, minutes: int) -> None:
        begin = datetime.combine(MONDAY + timedelta(days=1), start, ZONE)
        when = Interval(begin, begin + timedelta(minutes=minutes))
        event = Event(uuid4().hex, when, "", "")
        self.calendar.events[calendar, event.id] = event

    async def test_list(self) -> None:
        self.occupy("alice@practice", time(9), 180)
        self.occupy("bruno@practice", time(9, 30), 30)
        found = await self.call("list_free_slots", service="massage", day="Tuesday")
        self.assertEqual(found["free"], ["10:00", "10:30", "11:00"])
        self.assertEqual(found["day"], "Tuesday, 2026-03-03")
        self.assertEqual(self.known.session.offered, "massage on Tuesday: 10:00, 10:30, 11:00")

    async def test_list_leaves_out_the_past_and_closed_days(self) -> None:
        found = await self.call("list_free_slots", service="haircut", day="today")
        self.assertEqual(found["free"], ["09:30", "10:00", "10:30", "11:00", "11:30"])
        found = await self.call("list_free_slots", service="haircut", day="sunday")
        self.assertEqual(found["free"], [])

    async def test_book_and_cancel(self) -> None:
        booked = await self.call("book_appointment", service="Haircuts", day="tuesday", time="10am")
        self.assertTrue(booked["booked"])
        self.assertEqual((booked["with"], booked["time"]), ("Alice", "10:00"))
        [(calendar, event)] = self.calendar.events.items()
        self.assertEqual((calendar[0], event.summary), ("alice@practice", "haircut: Ana"))
        self.assertIn("99900000001", event.description)
        self.assertEqual(len(self.known.upcoming), 1)
        cancelled = await self.call("cancel_appointment", day="2026-03-03")
        self.assertTrue(cancelled["cancelled"])
        self.assertEqual((self.calendar.events, self.known.upcoming), ({}, []))
        books = [(what, event.id, "alice@practice") for what in ("booked", "cancelled")]
        self.assertEqual(self.ledger.lines, books)

    async def test_book_again_in_a_turn_that_is_run_again(self) -> None:
        wish: dict[str, Any] = {"service": "haircut", "day": "tuesday", "time": "10:00"}
        first = await self.call("book_appointment", **wish)
        again = await self.call("book_appointment", **wish)
        self.assertEqual(first, again)
        self.assertEqual(len(self.db.statements), 1)

    async def test_book_what_is_taken(self) -> None:
        for calendar in ("alice@practice", "bruno@practice"):
            self.occupy(calendar, time(10), 30)
        taken = await self.call("book_appointment", service="haircut", day="tuesday", time="10:00")
        self.assertEqual(taken, {"booked": False, "alternatives": ["09:00", "09:30", "10:30"]})

    async def test_book_later(self) -> None:
        for calendar in ("alice@practice", "bruno@practice"):
            self.occupy(calendar, time(10), 90)
        wish: dict[str, Any] = {"service": "haircut", "day": "tuesday"}
        wish |= {"time": "10:00", "later": True}
        booked = await self.call("book_appointment", **wish)
        self.assertEqual((booked["with"], booked["time"]), ("Alice", "11:30"))
        self.assertEqual(await self.call("book_appointment", **wish), booked)  # not twice
        wish["time"] = "11:45"
        self.assertFalse((await self.call("book_appointment", **wish))["booked"])

    async def test_somebody_was_faster(self) -> None:
        self.db = RecordingDatabase(asyncpg.ExclusionViolationError())
        booked = await self.call("book_appointment", service="haircut", day="tuesday", time="10:00")
        self.assertEqual(booked["with"], "Bruno")

    async def test_failing_calendar_takes_the_row_back(self) -> None:
        for failure in (ConnectionError(), asyncio.CancelledError()):
            with self.subTest(failure), self.assertRaises(type(failure)):
                self.calendar.failure = failure
                await self.call("book_appointment", service="haircut", day="tuesday", time="10:00")
            self.assertIn("SET status = 'cancelled'", self.db.statements[-1])
            self.assertEqual((self.known.upcoming, self.ledger.lines), ([], []))

    async def test_cancel_the_right_one(self) -> None:
        def held(days: int) -> Appointment:
            return Appointment(uuid4(), "haircut", "Alice", "a", NOW + timedelta(days=days))

        known = context(upcoming=[held(1), held(3)])
        self.assertTrue((await self.call("cancel_appointment", known, day="thursday"))["cancelled"])
        self.assertEqual([a.starts.day for a in known.upcoming], [3])
        self.assertFalse((await self.call("cancel_appointment", known, day="friday"))["cancelled"])
        self.assertTrue((await self.call("cancel_appointment", known))["cancelled"])
        self.assertFalse((await self.call("cancel_appointment", known))["cancelled"])

    async def test_mistakes_are_told_to_the_model(self) -> None:
        cases: list[tuple[str, dict[str, Any]]] = [
            ("transfer_money", {}),
            ("list_free_slots", {"service": "tattoo", "day": "monday"}),
            ("list_free_slots", {"service": "haircut", "day": "some day"}),
            ("book_appointment", {"service": "haircut", "day": "monday", "time": "noonish"}),
            ("book_appointment", {}),
        ]
        for name, arguments in cases:
            with self.subTest(name, **arguments):
                self.assertIn("error", await self.call(name, **arguments))
        for text in ("{", "[]", "7"):
            result = json.loads(await self.tools().call("list_free_slots", text, self.known))
            self.assertIn("error", result)

    def test_schemas_name_what_there_is(self) -> None:
        functions = [tool["function"] for tool in schemas(practice())]
        tools = {function["name"]: function["parameters"] for function in functions}
        self.assertEqual(set(tools), {"list_free_slots", "book_appointment", "cancel_appointment"})
        for parameters in tools.values():
            self.assertLessEqual(set(parameters["required"]), set(parameters["properties"]))
        enum = tools["book_appointment"]["properties"]["service"]["enum"]
        self.assertEqual(enum, ["haircut", "massage"])


class Words(unittest.TestCase):
    def test_days(self) -> None:
        cases = {
            "2026-03-31": date(2026, 3, 31),
            "today": MONDAY,
            "Tomorrow": date(2026, 3, 3),
            "tuesday": date(2026, 3, 3),
            "on Friday": date(2026, 3, 6),
            "next monday": date(2026, 3, 9),
            " Monday ": date(2026, 3, 9),
        }
        for text, want in cases.items():
            with self.subTest(text):
                self.assertEqual(parse_day(text, MONDAY), want)
        for text in ("", "soon", "31/03", "2026-02-30"):
            with self.subTest(text), self.assertRaises(BadArgument):
                parse_day(text, MONDAY)

    def test_times(self) -> None:
        cases = {
            "14:30": time(14, 30),
            "9": time(9),
            "9h30": time(9, 30),
            "2 pm": time(14),
            "2:30PM": time(14, 30),
            "12 am": time(0),
            "12pm": time(12),
        }
        for text, want in cases.items():
            with self.subTest(text):
                self.assertEqual(parse_time(text), want)
        for text in ("", "24:00", "9:75", "noon", "1430"):
            with self.subTest(text), self.assertRaises(BadArgument):
                parse_time(text)


if __name__ == "__main__":
    unittest.main()
