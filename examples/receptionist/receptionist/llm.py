"""The language model: chat completions over one shared client."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import httpx

from . import retry
from .spans import SpanLog

_TIMEOUT = httpx.Timeout(10.0, connect=2.0)
"""Answers are short: what takes longer than this hangs, and a second attempt is faster."""
_MOST_TOKENS = 300

# As the provider's own client does it.
_POLICY = retry.Policy(
    retries=2,
    statuses=lambda status: status in (408, 409, 429) or status >= 500,
    errors=(httpx.TransportError,),
    count_header="x-stainless-retry-count",
)


@dataclass(frozen=True)
class Completion:
    """What the model said: words, or tools it wants called."""

    text: str
    message: dict[str, Any] = field(repr=False)
    """The message as it must be repeated before the tools' results."""

    @property
    def tool_calls(self) -> list[dict[str, Any]]:
        return self.message.get("tool_calls") or []


class LanguageModel:
    """A client of one model, for the life of a worker."""

    def __init__(self, base_url: str, api_key: str, model: str, spans: SpanLog) -> None:
        self._model = model
        self._spans = spans
        self._client = httpx.AsyncClient(
            base_url=base_url,
            headers={"authorization": f"Bearer {api_key}"},
            timeout=_TIMEOUT,
            limits=httpx.Limits(max_connections=200, keepalive_expiry=30.0),
        )

    async def close(self) -> None:
        await self._client.aclose()

    async def chat(
        self, messages: list[dict[str, Any]], tools: list[dict[str, Any]], *, may_call: bool
    ) -> Completion:
        """One completion. The tools are sent even if none may be called any more: they are
        part of the prefix a provider caches. Raises `retry.CallFailed`."""
        body = {
            "model": self._model,
            "messages": messages,
            "tools": tools,
            "tool_choice": "auto" if may_call else "none",
            "max_tokens": _MOST_TOKENS,
            "temperature": 0.3,
        }
        response = await retry.post(
            self._client, "/chat/completions", body, _POLICY, lambda: self._spans.span("llm.chat")
        )
        try:
            message = response.json()["choices"][0]["message"]
            return Completion(text=(message.get("content") or "").strip(), message=message)
        except (ValueError, LookupError, TypeError, AttributeError):
            raise retry.CallFailed("chat completion: not the expected shape") from None
