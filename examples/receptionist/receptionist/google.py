"""Google Calendar, as the practitioners see it.

One client for the life of a worker, signed in as a service account with which each
practitioner has shared their calendar. Everything asked may be asked again: busy times
change nothing, an event has an id of ours, and what is gone cannot go twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote

import httpx

from . import retry
from .calendar import Event, Interval
from .faults import HEALTHY, Fault, Faults
from .faulty.clients import open_client
from .service_account import ServiceAccount
from .spans import SpanLog

_SCOPE = "https://www.googleapis.com/auth/calendar"
_TIMEOUT = httpx.Timeout(8.0, connect=2.0)
_QUOTAS = ("rateLimitExceeded", "userRateLimitExceeded")


def _heals(answer: httpx.Response) -> bool:
    if answer.status_code == 403:
        return any(reason in _QUOTAS for reason in _reasons(answer))
    return answer.status_code == 429 or answer.status_code >= 500


# Back-off as Google asks for it; with the pauses of `retry` four attempts end within the
# time a person waits for an answer.
_POLICY = retry.Policy(retries=3, heals=_heals, errors=(httpx.TransportError,))


class GoogleCalendar:
    """The calendars of the practice. Every method raises `retry.CallFailed`."""

    def __init__(
        self, base_url: str, key_file: str, spans: SpanLog, faults: Faults = HEALTHY
    ) -> None:
        self._spans = spans
        limits = httpx.Limits(max_connections=100, keepalive_expiry=60.0)
        self._tokens = httpx.AsyncClient(timeout=_TIMEOUT, limits=limits)
        key = ServiceAccount.read(key_file)
        self._client = open_client(
            faults,
            base_url=base_url,
            auth=ServiceAccount(key, _SCOPE, self._tokens, spans),
            timeout=None if Fault.NO_TIMEOUT in faults else _TIMEOUT,
            limits=limits,
        )

    async def close(self) -> None:
        await self._client.aclose()
        await self._tokens.aclose()

    async def free_busy(
        self, calendars: Sequence[str], within: Interval
    ) -> dict[str, list[Interval]]:
        """The busy times of each calendar. One that cannot be read is a failure: it must
        not pass for free."""
        asked = {
            "timeMin": within.start.isoformat(),
            "timeMax": within.end.isoformat(),
            "items": [{"id": calendar} for calendar in calendars],
        }
        response = await self._call("freebusy", "POST", "/freeBusy", json=asked)
        try:
            found = response.json()["calendars"]
            unread = [calendar for calendar in calendars if found[calendar].get("errors")]
            busy = {c: [_interval(b) for b in found[c].get("busy", ())] for c in calendars}
        except (ValueError, LookupError, TypeError, AttributeError):
            raise retry.CallFailed("free/busy: not the expected shape") from None
        if unread:
            raise retry.CallFailed(f"free/busy: {len(unread)} calendar(s) cannot be read")
        return busy

    async def insert_event(self, calendar: str, event: Event) -> None:
        """Put an event in. 409 says that it is there: an attempt before had arrived."""
        body = {
            "id": event.id,
            "summary": event.summary,
            "description": event.description,
            "start": {"dateTime": event.when.start.isoformat()},
            "end": {"dateTime": event.when.end.isoformat()},
        }
        await self._call("insert", "POST", _events(calendar), json=body, accept=(409,))

    async def cancel_event(self, calendar: str, event_id: str) -> None:
        """Take an event out. 404 and 410 say that it is not there any more."""
        path = f"{_events(calendar)}/{quote(event_id, safe='')}"
        await self._call("delete", "DELETE", path, accept=(404, 410))

    async def _call(self, name: str, method: str, path: str, **content: Any) -> httpx.Response:
        span = f"calendar.{name}"
        return await retry.send(
            self._client, method, path, _POLICY, lambda: self._spans.span(span), **content
        )


def _events(calendar: str) -> str:
    return f"/calendars/{quote(calendar, safe='')}/events"


def _interval(busy: dict[str, str]) -> Interval:
    return Interval(datetime.fromisoformat(busy["start"]), datetime.fromisoformat(busy["end"]))


def _reasons(answer: httpx.Response) -> list[str]:
    """Why a request was refused, in Google's words."""
    try:
        return [str(error.get("reason")) for error in answer.json()["error"]["errors"]]
    except (ValueError, LookupError, TypeError, AttributeError):
        return []
