"""Notes written aside: JSON lines in a file of each worker, for checking other measurements.

Lines are kept in memory and written twice a second in a thread, so that the event loop
never waits for a disk. Without a path nothing is kept.
"""

from __future__ import annotations

import asyncio
import json
import os
from contextvars import ContextVar
from typing import Any, TextIO

_FLUSH_SECONDS = 0.5

_subject: ContextVar[tuple[str, str] | None] = ContextVar("subject", default=None)


def about(user: str, message: str) -> None:
    """Name the user and the message that the current task's notes belong to."""
    _subject.set((user, message))


class Notes:
    """The file `path.<pid>` of one worker."""

    def __init__(self, path: str | None) -> None:
        self.pid = os.getpid()
        self._file: TextIO | None = None
        if path:
            self._file = open(f"{path}.{self.pid}", "a", encoding="utf-8")
        self._rows: list[dict[str, Any]] = []
        self._flusher: asyncio.Task[None] | None = None

    @property
    def kept(self) -> bool:
        """Whether anybody wants the notes."""
        return self._file is not None

    def start(self) -> None:
        """Begin writing in the background; needs a running loop."""
        if self._file:
            self._flusher = asyncio.create_task(self._flush_for_ever(), name="notes")

    async def close(self) -> None:
        """Write what is left."""
        if self._file is None:
            return
        if self._flusher:
            self._flusher.cancel()
            await asyncio.gather(self._flusher, return_exceptions=True)
        self._write(self._rows)
        self._file.close()
        self._file = None

    def add(self, row: dict[str, Any]) -> None:
        """Keep a line, with the user and the message it is about."""
        if self._file is None:
            return
        if subject := _subject.get():
            row["user"], row["message"] = subject
        self._rows.append(row)

    async def _flush_for_ever(self) -> None:
        while True:
            await asyncio.sleep(_FLUSH_SECONDS)
            rows, self._rows = self._rows, []
            if rows:
                # Shielded: a close in mid-write must not run beside the writing thread.
                write = asyncio.ensure_future(asyncio.to_thread(self._write, rows))
                try:
                    await asyncio.shield(write)
                except asyncio.CancelledError:
                    await write
                    raise

    def _write(self, rows: list[dict[str, Any]]) -> None:
        if self._file and rows:
            self._file.write("".join(json.dumps(row) + "\n" for row in rows))
            self._file.flush()
