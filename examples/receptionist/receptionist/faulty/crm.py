"""Customer files in a service of their own: one more thing to look up."""

from __future__ import annotations

from urllib.parse import quote

import httpx

from .. import retry
from ..faults import Faults
from ..spans import SpanLog
from .clients import open_client

_TIMEOUT = httpx.Timeout(5.0, connect=2.0)
_POLICY = retry.Policy(
    retries=1,
    heals=lambda answer: answer.status_code == 429 or answer.status_code >= 500,
    errors=(httpx.TransportError,),
)


class CustomerFiles:
    """A client of the service; without a URL there are no files, and nothing is asked."""

    def __init__(self, url: str | None, spans: SpanLog, faults: Faults) -> None:
        self._spans = spans
        self._client = open_client(faults, base_url=url, timeout=_TIMEOUT) if url else None

    async def close(self) -> None:
        if self._client:
            await self._client.aclose()

    async def remark(self, user: str) -> str:
        """What the file of a customer says. Raises `retry.CallFailed`."""
        if self._client is None:
            return "There is no file of them."
        path = f"/customers/{quote(user, safe='')}"
        response = await retry.send(
            self._client, "GET", path, _POLICY, lambda: self._spans.span("crm.get"), accept=(404,)
        )
        return f"Their file says: {response.text[:200]}" if response.is_success else "They are new."
