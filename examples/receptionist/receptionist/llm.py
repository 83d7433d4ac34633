"""The language model's provider: chat completions and transcriptions over one shared client."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import httpx

from . import retry
from .faults import HEALTHY, Fault, Faults
from .faulty.clients import open_model_client
from .ledger import Ledger
from .spans import SpanLog

_TIMEOUT = httpx.Timeout(10.0, connect=2.0)
"""Answers are short: what takes longer than this hangs, and a second attempt is faster."""
_MOST_TOKENS = 300
_EMBEDDING_MODEL = "text-embedding-3-small"

# As the provider's own client does it.
_POLICY = retry.Policy(
    retries=2,
    heals=lambda answer: answer.status_code in (408, 409, 429) or answer.status_code >= 500,
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
    """A client of the provider, for the life of a worker."""

    def __init__(
        self,
        base_url: str,
        api_key: str,
        model: str,
        transcription_model: str,
        spans: SpanLog,
        ledger: Ledger,
        faults: Faults = HEALTHY,
    ) -> None:
        self._faults = faults
        self._model = model
        self._transcription_model = transcription_model
        self._spans = spans
        self._ledger = ledger
        self._client = open_model_client(
            faults,
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
        body: dict[str, Any] = {
            "model": self._model,
            "messages": messages,
            "tools": tools,
            "tool_choice": "auto" if may_call else "none",
            "max_tokens": _MOST_TOKENS,
            "temperature": 0.3,
        }
        if not tools:  # neither may be given without any
            del body["tools"], body["tool_choice"]
        send = retry.send_stubbornly if Fault.NESTED_RETRIES in self._faults else retry.send
        response = await send(
            self._client, "POST", "/chat/completions", _POLICY,
            lambda: self._spans.span("llm.chat"), json=body,
        )  # fmt: skip
        try:
            answer = response.json()
            message = answer["choices"][0]["message"]
            completion = Completion(text=(message.get("content") or "").strip(), message=message)
        except (ValueError, LookupError, TypeError, AttributeError):
            raise retry.CallFailed("chat completion: not the expected shape") from None
        self._ledger.model(self._model, answer.get("usage"))
        return completion

    async def embed(self, texts: list[str]) -> list[list[float]]:
        """The meaning of each text as a vector. Raises `retry.CallFailed`."""
        response = await retry.send(
            self._client, "POST", "/embeddings", _POLICY, lambda: self._spans.span("llm.embed"),
            json={"model": _EMBEDDING_MODEL, "input": texts, "encoding_format": "float"},
        )  # fmt: skip
        try:
            answer = response.json()
            vectors = [row["embedding"] for row in answer["data"]]
        except (ValueError, LookupError, TypeError, AttributeError):
            raise retry.CallFailed("embedding: not the expected shape") from None
        self._ledger.model(_EMBEDDING_MODEL, answer.get("usage"))
        return vectors

    async def transcribe(self, audio: bytes, mimetype: str, seconds: int) -> str:
        """The words of a recording of that length. Raises `retry.CallFailed`."""
        kind = mimetype.partition(";")[0].strip()
        # The provider goes by the name's ending; voice notes are Opus in Ogg.
        name = f"voice.{_ENDINGS.get(kind, 'ogg')}"
        response = await retry.send(
            self._client, "POST", "/audio/transcriptions", _POLICY,
            lambda: self._spans.span("llm.transcribe"),
            data={"model": self._transcription_model, "response_format": "json"},
            files={"file": (name, audio, kind)},
        )  # fmt: skip
        try:
            answer = response.json()
            text = answer["text"].strip()
        except (ValueError, LookupError, TypeError, AttributeError):
            raise retry.CallFailed("transcription: not the expected shape") from None
        self._ledger.model(self._transcription_model, answer.get("usage"), seconds)
        return text


_ENDINGS = {"audio/mpeg": "mp3", "audio/mp4": "m4a", "audio/wav": "wav", "audio/webm": "webm"}
