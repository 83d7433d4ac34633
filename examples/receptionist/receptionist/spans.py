"""Where the time goes, noted aside: one line a span.

With SPAN_LOG set, each worker appends to `$SPAN_LOG.<pid>`:

    {"name": "llm.chat", "start": ns, "end": ns, "pid": 1, "port": 2, "backend": 3,
     "user": "...", "message": "..."}

`start` and `end` are CLOCK_MONOTONIC, so that they compare across processes of one
machine. `port` is the bot's end of the connection, `backend` the PostgreSQL process that
served it, each where known. `sent` and `received` are when the first byte of a request went
to its connection and when the last one of the answer had come: what a client library does
before and after is the bot's own time. `message` is the last message of the turn.
Without SPAN_LOG a span is one shared object that does nothing.
"""

from __future__ import annotations

import time
from contextvars import ContextVar, Token
from typing import Any

import httpx

from .aside import Notes


class Span:
    """A stretch of time, used as a context manager. The base class records nothing."""

    __slots__ = ()

    def __enter__(self) -> Span:
        return self

    def __exit__(self, *failure: object) -> None:
        return None

    def note(self, **fields: Any) -> None:
        """Add what is known only inside the span (a port, a status)."""

    @property
    def extensions(self) -> dict[str, Any]:
        """What an HTTP request needs for its span to tell when it was sent and answered."""
        return {}

    def note_connection(self, response: httpx.Response) -> None:
        """Add the local port of the connection that carried an HTTP response."""


class _Recorded(Span):
    __slots__ = ("_log", "_name", "_start", "_fields", "_around")

    def __init__(self, log: SpanLog, name: str) -> None:
        self._log = log
        self._name = name
        self._fields: dict[str, Any] = {}
        self._around: Token[Span]

    def __enter__(self) -> Span:
        self._around = _innermost.set(self)
        self._start = time.monotonic_ns()
        return self

    def __exit__(self, *failure: object) -> None:
        _innermost.reset(self._around)
        if failure[0] is not None:
            self._fields["error"] = getattr(failure[0], "__name__", "error")
        self._log.add(self._name, self._start, time.monotonic_ns(), **self._fields)

    def note(self, **fields: Any) -> None:
        self._fields.update(fields)

    @property
    def extensions(self) -> dict[str, Any]:
        return {"trace": self._trace}

    async def _trace(self, event: str, _: dict[str, Any]) -> None:
        if event.endswith(".send_request_headers.started"):
            self._fields["sent"] = time.monotonic_ns()
        elif event.endswith(".receive_response_body.complete"):
            self._fields["received"] = time.monotonic_ns()

    def note_connection(self, response: httpx.Response) -> None:
        stream = response.extensions.get("network_stream")
        try:
            address = stream.get_extra_info("client_addr") if stream else None
        except OSError:  # the server has closed the connection already
            address = None
        if address:
            self._fields["port"] = address[1]


_SILENT = Span()
_innermost: ContextVar[Span] = ContextVar("innermost", default=_SILENT)


def innermost() -> Span:
    """The span that the current task is in: for what knows of no span, such as a connection."""
    return _innermost.get()


class SpanLog:
    """The log of one worker."""

    def __init__(self, path: str | None) -> None:
        self._notes = Notes(path)

    @property
    def kept(self) -> bool:
        """Whether anybody wants the spans."""
        return self._notes.kept

    def start(self) -> None:
        """Begin writing in the background; needs a running loop."""
        self._notes.start()

    async def close(self) -> None:
        """Write what is left."""
        await self._notes.close()

    def span(self, name: str) -> Span:
        """A span around a `with` block."""
        return _Recorded(self, name) if self.kept else _SILENT

    def add(self, name: str, start: int, end: int, **fields: Any) -> None:
        """Record a span whose ends were taken elsewhere (monotonic ns)."""
        row = {"name": name, "start": start, "end": end, "pid": self._notes.pid, **fields}
        self._notes.add(row)
