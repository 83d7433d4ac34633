"""The WhatsApp gateway (Evolution API v2): sending, marking as read, fetching voice notes."""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import httpx

from . import retry
from .faults import HEALTHY, Fault, Faults
from .faulty.clients import open_client
from .ledger import Ledger
from .messages import Incoming, Voice
from .spans import SpanLog

_TIMEOUT = httpx.Timeout(15.0, connect=2.0)
_LONGEST_TEXT = 4_000
_LARGEST_AUDIO = 16 << 20
"""WhatsApp's own limit for audio, in bytes."""


def _busy(answer: httpx.Response) -> bool:
    return answer.status_code == 429 or answer.status_code >= 500


# A send that timed out may have reached the person, and a second one would then too.
# Everything refused with 4xx stays refused, except for asking too often.
_SEND = retry.Policy(
    retries=3,
    heals=_busy,
    errors=(httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.RemoteProtocolError),
)
# Blue ticks are not worth a second request.
_MARK = retry.Policy(retries=0, heals=lambda answer: False, errors=())
_FETCH = retry.Policy(retries=2, heals=_busy, errors=(httpx.TransportError,))


class Gateway:
    """A client of one instance, for the life of a worker."""

    def __init__(
        self,
        base_url: str,
        api_key: str,
        instance: str,
        spans: SpanLog,
        ledger: Ledger,
        faults: Faults = HEALTHY,
    ) -> None:
        self._faults = faults
        self._instance = quote(instance, safe="")
        self._spans = spans
        self._ledger = ledger
        limits = httpx.Limits(max_connections=200, keepalive_expiry=30.0)
        self._client = open_client(
            faults, base_url=base_url, headers={"apikey": api_key}, timeout=_TIMEOUT, limits=limits
        )
        # Links lead to wherever the gateway stores media: the key must not go there.
        self._links = httpx.AsyncClient(timeout=_TIMEOUT, limits=limits, follow_redirects=False)

    async def close(self) -> None:
        await self._client.aclose()
        await self._links.aclose()

    async def send_text(self, user: str, text: str) -> None:
        """Send a message. Without a `delay`: the gateway would spend it before it answers.
        Raises `retry.CallFailed`."""
        body: dict[str, Any] = {"number": user, "text": text[:_LONGEST_TEXT]}
        if Fault.TYPING_DELAY in self._faults:
            await self._show_typing(user)
            body["delay"] = min(1_500 + 10 * len(text), 2_500)  # ms
        send = retry.send_stubbornly if Fault.NESTED_RETRIES in self._faults else retry.send
        response = await send(
            self._client, "POST", f"/message/sendText/{self._instance}", _SEND,
            lambda: self._spans.span("evolution.send"), json=body,
        )  # fmt: skip
        self._ledger.sent(_message_id(response))

    async def mark_read(self, messages: Sequence[Incoming]) -> None:
        """Show the person that their messages were read. Raises `retry.CallFailed`."""
        read = [{"id": m.id, "fromMe": False, "remoteJid": m.chat} for m in messages]
        await retry.send(
            self._client, "POST", f"/chat/markMessageAsRead/{self._instance}", _MARK,
            lambda: self._spans.span("evolution.read"), json={"readMessages": read},
        )  # fmt: skip

    async def audio(self, message: Incoming, voice: Voice) -> tuple[bytes, str]:
        """A voice note and its mimetype: out of the webhook, by the link in it, or asked for.
        Raises `retry.CallFailed`."""
        if voice.base64:
            return _decoded(voice.base64), voice.mimetype
        if voice.url:
            return await self._follow(voice.url), voice.mimetype
        return await self._ask(message, voice)

    async def _show_typing(self, user: str) -> None:
        await retry.send(
            self._client, "POST", f"/chat/sendPresence/{self._instance}", _MARK,
            lambda: self._spans.span("evolution.presence"),
            json={"number": user, "presence": "composing", "delay": 0},
        )  # fmt: skip

    async def _follow(self, url: str) -> bytes:
        # Neither the link nor what it leads to stands in errors: it may be signed.
        try:
            with self._spans.span("evolution.media") as measured:
                async with self._links.stream(
                    "GET", url, extensions=measured.extensions
                ) as response:
                    measured.note(status=response.status_code)
                    measured.note_connection(response)
                    if not response.is_success:
                        raise retry.CallFailed(f"GET media: status {response.status_code}")
                    audio = bytearray()
                    async for chunk in response.aiter_bytes():
                        audio += chunk
                        if len(audio) > _LARGEST_AUDIO:
                            raise retry.CallFailed("GET media: too large")
        except (httpx.HTTPError, httpx.InvalidURL) as failure:
            raise retry.CallFailed(f"GET media: {type(failure).__name__}") from None
        return bytes(audio)

    async def _ask(self, message: Incoming, voice: Voice) -> tuple[bytes, str]:
        response = await retry.send(
            self._client, "POST", f"/chat/getBase64FromMediaMessage/{self._instance}", _FETCH,
            lambda: self._spans.span("evolution.media"),
            json={"message": {"key": {"id": message.id}}},
        )  # fmt: skip
        try:
            answer = response.json()
            return _decoded(answer["base64"]), str(answer.get("mimetype") or voice.mimetype)
        except (ValueError, LookupError, TypeError, AttributeError):
            raise retry.CallFailed("media: not the expected shape") from None


def _decoded(text: str) -> bytes:
    try:
        return b64decode(text, validate=True)
    except binascii.Error:
        raise retry.CallFailed("media: not base64") from None


def _message_id(response: httpx.Response) -> str | None:
    """The id under which the gateway has taken a message."""
    try:
        return str(response.json()["key"]["id"])
    except (ValueError, LookupError, TypeError):
        return None
