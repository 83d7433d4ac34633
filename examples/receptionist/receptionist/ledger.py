"""What the bot used and did, noted aside: the books against which a reckoning is checked.

With LEDGER set, each worker appends to `$LEDGER.<pid>` one line for each

    {"kind": "model", "at": ns, "model": "...", "usage": {...}, "audio_seconds": 3}
    {"kind": "booked" | "cancelled", "at": ns, "event": "...", "calendar": "..."}
    {"kind": "sent", "at": ns, "id": "..."}

with the `user` and the `message` it was done for. `usage` is the service's own word,
untouched; `at` is CLOCK_MONOTONIC, when the answer was there. No texts are kept.
"""

from __future__ import annotations

import time
from typing import Any

from .aside import Notes


class Ledger:
    """The books of one worker."""

    def __init__(self, path: str | None) -> None:
        self._notes = Notes(path)

    def start(self) -> None:
        """Begin writing in the background; needs a running loop."""
        self._notes.start()

    async def close(self) -> None:
        """Write what is left."""
        await self._notes.close()

    def model(self, model: str, usage: object, audio_seconds: int = 0) -> None:
        """A model was asked and has answered."""
        self._add("model", model=model, usage=usage, audio_seconds=audio_seconds)

    def booked(self, event: str, calendar: str) -> None:
        """An event stands in a calendar."""
        self._add("booked", event=event, calendar=calendar)

    def cancelled(self, event: str, calendar: str) -> None:
        """An event is no longer in a calendar."""
        self._add("cancelled", event=event, calendar=calendar)

    def sent(self, message: object) -> None:
        """The gateway has taken a message, under this id."""
        self._add("sent", id=message)

    def _add(self, kind: str, **fields: Any) -> None:
        self._notes.add({"kind": kind, "at": time.monotonic_ns(), **fields})
