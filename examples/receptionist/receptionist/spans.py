"""Where the time goes, written aside: one JSON line a span, for checking other measurements.

With SPAN_LOG set, each worker appends to `$SPAN_LOG.<pid>`:

    {"name": "llm.chat", "start": ns, "end": ns, "pid": 1, "port": 2, "backend": 3,
     "user": "...", "message": "..."}

`start` and `end` are CLOCK_MONOTONIC, so that they compare across processes of one
machine. `port` is the ephemeral port of the connection, `backend` the PostgreSQL
process that served it, each where known. `message` is the last message of the turn.
Lines are kept in memory and written twice a second in a thread. Without SPAN_LOG a
span is one shared object that does nothing.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from contextvars import ContextVar
from typing import Any, TextIO

import httpx

_FLUSH_SECONDS = 0.5

_subject: ContextVar[tuple[str, str] | None] = ContextVar("subject", default=None)


def about(user: str, message: str) -> None:
    """Name the user and the message that the current task's spans belong to."""
    _subject.set((user, message))


class Span:
    """A stretch of time, used as a context manager. The base class records nothing."""

    __slots__ = ()

    def __enter__(self) -> Span:
        return self

    def __exit__(self, *failure: object) -> None:
        return None

    def note(self, **fields: Any) -> None:
        """Add what is known only inside the span (a port, a status)."""

    def note_connection(self, response: httpx.Response) -> None:
        """Add the local port of the connection that carried an HTTP response."""


class _Recorded(Span):
    __slots__ = ("_log", "_name", "_start", "_fields")

    def __init__(self, log: SpanLog, name: str) -> None:
        self._log = log
        self._name = name
        self._fields: dict[str, Any] = {}

    def __enter__(self) -> Span:
        self._start = time.monotonic_ns()
        return self

    def __exit__(self, *failure: object) -> None:
        if failure[0] is not None:
            self._fields["error"] = getattr(failure[0], "__name__", "error")
        self._log.add(self._name, self._start, time.monotonic_ns(), **self._fields)

    def note(self, **fields: Any) -> None:
        self._fields.update(fields)

    def note_connection(self, response: httpx.Response) -> None:
        stream = response.extensions.get("network_stream")
        try:
            address = stream.get_extra_info("client_addr") if stream else None
        except OSError:  # the server has closed the connection already
            address = None
        if address:
            self._fields["port"] = address[1]


_SILENT = Span()


class SpanLog:
    """The log of one worker."""

    def __init__(self, path: str | None) -> None:
        self._pid = os.getpid()
        self._file: TextIO | None = None
        if path:
            self._file = open(f"{path}.{self._pid}", "a", encoding="utf-8")
        self._rows: list[dict[str, Any]] = []
        self._flusher: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin writing in the background; needs a running loop."""
        if self._file:
            self._flusher = asyncio.create_task(self._flush_for_ever(), name="spans")

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

    def span(self, name: str) -> Span:
        """A span around a `with` block."""
        return _Recorded(self, name) if self._file else _SILENT

    def add(self, name: str, start: int, end: int, **fields: Any) -> None:
        """Record a span whose ends were taken elsewhere (monotonic ns)."""
        if self._file is None:
            return
        row = {"name": name, "start": start, "end": end, "pid": self._pid, **fields}
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
