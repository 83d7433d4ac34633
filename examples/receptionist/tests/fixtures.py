"""What the tests share: a small practice, a context, and a database that only records."""

from __future__ import annotations

from datetime import datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from receptionist.context import Context, Session
from receptionist.practice import Practice, Service, Staff

ZONE = ZoneInfo("America/Sao_Paulo")
NOW = datetime(2026, 3, 2, 9, 10, tzinfo=ZONE)  # a Monday


class StoppedPractice(Practice):
    """A practice where it is always the same moment."""

    def now(self) -> datetime:
        return NOW


def practice() -> Practice:
    return StoppedPractice(
        services=(
            Service(1, "haircut", 30, 60, "wash, cut and blow-dry"),
            Service(2, "massage", 60, 110, "back, neck and shoulders"),
        ),
        staff=(Staff(1, "Alice", "alice@practice"), Staff(2, "Bruno", "bruno@practice")),
        hours={0: (time(9), time(12)), 1: (time(9), time(12))},
        timezone=ZONE,
    )


def context(**fields: Any) -> Context:
    values = {"phone": "99900000001", "customer_id": 1, "name": "Ana", "session": Session()}
    return Context(**{**values, **fields})


class RecordingDatabase:
    """Takes every statement and answers with nothing, or fails as told, once each."""

    def __init__(self, *failures: Exception) -> None:
        self.statements: list[str] = []
        self._failures = list(failures)

    async def fetch(self, statement: str, *args: Any) -> list[Any]:
        self.statements.append(" ".join(statement.split()))
        if self._failures:
            raise self._failures.pop(0)
        return []

    attempt = fetch
