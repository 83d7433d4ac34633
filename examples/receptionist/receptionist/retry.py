"""Repeating an HTTP request: a few times, for what heals, after a pause the server may set."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from .spans import Span

_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 8.0
_LONGEST_WISH = 10.0
_STUBBORN_ATTEMPTS = 3
_STUBBORN_PAUSE = 1.0


class CallFailed(Exception):
    """A request failed for good. The text names the status or the kind of failure, no content."""


@dataclass(frozen=True)
class Policy:
    """Which failures are worth another attempt, and how many attempts follow the first."""

    retries: int
    heals: Callable[[httpx.Response], bool]
    errors: tuple[type[httpx.TransportError], ...]
    count_header: str | None = None
    """A header that tells the server which attempt it sees."""


async def send(
    client: httpx.AsyncClient,
    method: str,
    path: str,
    policy: Policy,
    span: Callable[[], Span],
    *,
    accept: tuple[int, ...] = (),
    **content: Any,
) -> httpx.Response:
    """Send a request until it succeeds; `CallFailed` if it will not. Each attempt has its span.

    `content` is the request's body as httpx takes it (`json`, or `files` and `data`), and
    what else is particular to it; statuses in `accept` are as good as success.
    """
    attempt = 0
    while True:
        answer: Mapping[str, str] = {}
        headers = {policy.count_header: str(attempt)} if policy.count_header else None
        try:
            with span() as measured:
                measured.note(attempt=attempt)
                response = await client.request(
                    method, path, headers=headers, extensions=measured.extensions, **content
                )
                measured.note(status=response.status_code)
                measured.note_connection(response)
        except httpx.TransportError as failure:
            problem = type(failure).__name__
            heals = isinstance(failure, policy.errors)
        else:
            if response.is_success or response.status_code in accept:
                return response
            problem, answer = f"status {response.status_code}", response.headers
            heals = policy.heals(response)
        wait = pause(attempt, answer)
        if not heals or attempt == policy.retries or wait is None:
            raise CallFailed(f"{method} {path}: {problem} at attempt {attempt + 1}")
        await asyncio.sleep(wait)
        attempt += 1


async def send_stubbornly(*args: Any, **content: Any) -> httpx.Response:
    """`send` in a loop of its own, whatever the failure was: a fault (nested_retries).

    A refusal stays one however often it is asked for, and what `send` gave up after three
    attempts is tried up to nine times, against a service that is in trouble already.
    """
    for _ in range(_STUBBORN_ATTEMPTS - 1):
        try:
            return await send(*args, **content)
        except CallFailed:
            await asyncio.sleep(_STUBBORN_PAUSE)
    return await send(*args, **content)


def pause(attempt: int, headers: Mapping[str, str]) -> float | None:
    """Seconds to wait after a failed attempt (counted from 0); None if the server asks for
    more than anyone who waits for an answer would bear."""
    wish = _number(headers.get("retry-after-ms"), 0.001)
    if wish is None:
        wish = _number(headers.get("retry-after"), 1.0)
    if wish is not None:
        return wish if wish <= _LONGEST_WISH else None
    # Full pauses would make clients that failed together come back together.
    return min(_FIRST_PAUSE * 2**attempt, _LONGEST_PAUSE) * random.uniform(0.75, 1.0)


def _number(text: str | None, unit: float) -> float | None:
    try:
        value = float(text or "") * unit
    except ValueError:
        return None
    return value if value >= 0 else None
