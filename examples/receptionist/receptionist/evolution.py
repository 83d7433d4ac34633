"""The WhatsApp gateway (Evolution API v2): sending, and marking as read."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

import httpx

from . import retry
from .messages import Incoming
from .spans import SpanLog

_TIMEOUT = httpx.Timeout(15.0, connect=2.0)
_LONGEST_TEXT = 4_000

# A send that timed out may have reached the person, and a second one would then too.
# Everything refused with 4xx stays refused, except for asking too often.
_SEND = retry.Policy(
    retries=3,
    statuses=lambda status: status == 429 or status >= 500,
    errors=(httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.RemoteProtocolError),
)
# Blue ticks are not worth a second request.
_MARK = retry.Policy(retries=0, statuses=lambda status: False, errors=())


class Gateway:
    """A client of one instance, for the life of a worker."""

    def __init__(self, base_url: str, api_key: str, instance: str, spans: SpanLog) -> None:
        self._instance = quote(instance, safe="")
        self._spans = spans
        self._client = httpx.AsyncClient(
            base_url=base_url,
            headers={"apikey": api_key},
            timeout=_TIMEOUT,
            limits=httpx.Limits(max_connections=200, keepalive_expiry=30.0),
        )

    async def close(self) -> None:
        await self._client.aclose()

    async def send_text(self, user: str, text: str) -> None:
        """Send a message. Without a `delay`: the gateway would spend it before it answers.
        Raises `retry.CallFailed`."""
        await retry.post(
            self._client,
            f"/message/sendText/{self._instance}",
            {"number": user, "text": text[:_LONGEST_TEXT]},
            _SEND,
            lambda: self._spans.span("evolution.send"),
        )

    async def mark_read(self, messages: Sequence[Incoming]) -> None:
        """Show the person that their messages were read. Raises `retry.CallFailed`."""
        read = [{"id": m.id, "fromMe": False, "remoteJid": m.chat} for m in messages]
        await retry.post(
            self._client,
            f"/chat/markMessageAsRead/{self._instance}",
            {"readMessages": read},
            _MARK,
            lambda: self._spans.span("evolution.read"),
        )
