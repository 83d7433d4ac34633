"""HTTP clients: the one to have, and two that real bots have.

The healthy bot opens one client for the life of a worker, whose connections are used
again. The others have the same `request`, so that only the choice differs.
"""

from __future__ import annotations

from typing import Any

import httpx

from ..faults import Fault, Faults


def open_client(faults: Faults, **options: Any) -> Any:
    """One client for the life of a worker; with the fault, one that never connects twice
    by the same connection."""
    if Fault.NEW_CONNECTIONS in faults:
        return ThrowawayClient(options)
    return httpx.AsyncClient(**options)


def open_model_client(faults: Faults, **options: Any) -> Any:
    """As `open_client`, for the one service that people like to ask synchronously."""
    if Fault.SYNC_LLM in faults:
        return BlockingClient(options)
    return open_client(faults, **options)


class ThrowawayClient:
    """A new client, and so a new connection, for every request."""

    def __init__(self, options: dict[str, Any]) -> None:
        # Reading the certificates anew each time would cost more than the connection.
        self._options = {"verify": httpx.create_ssl_context(), **options}

    async def request(self, method: str, path: str, **content: Any) -> httpx.Response:
        async with httpx.AsyncClient(**self._options) as client:
            return await client.request(method, path, **content)

    async def aclose(self) -> None:
        """There is nothing to close."""


class BlockingClient:
    """A synchronous client behind `async def`: the event loop stands still until it has
    its answer."""

    def __init__(self, options: dict[str, Any]) -> None:
        self._client = httpx.Client(**options)

    async def request(self, method: str, path: str, **content: Any) -> httpx.Response:
        content.pop("extensions", None)  # they are of the asynchronous kind
        return self._client.request(method, path, **content)

    async def aclose(self) -> None:
        self._client.close()
