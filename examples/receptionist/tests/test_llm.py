"""The provider of the language model."""

from __future__ import annotations

import unittest
from typing import Any

import httpx

from receptionist.ledger import Ledger
from receptionist.llm import Completion, LanguageModel
from receptionist.retry import CallFailed
from receptionist.spans import SpanLog


class Books(Ledger):
    """Remembers what models were used."""

    def __init__(self) -> None:
        super().__init__(None)
        self.lines: list[tuple[str, object, int]] = []

    def model(self, model: str, usage: object, audio_seconds: int = 0) -> None:
        self.lines.append((model, usage, audio_seconds))


class Model(unittest.IsolatedAsyncioTestCase):
    def setUp(self) -> None:
        self.books = Books()
        self.seen: list[httpx.Request] = []

    def model(self, answer: object) -> LanguageModel:
        def handle(request: httpx.Request) -> httpx.Response:
            self.seen.append(request)
            return httpx.Response(200, json=answer)

        url, spans = "http://llm.test/v1", SpanLog(None)
        model = LanguageModel(url, "key", "large", "ears", spans, self.books)
        model._client._transport = httpx.MockTransport(handle)
        self.addAsyncCleanup(model.close)
        return model

    async def chat(self, answer: object) -> Completion:
        return await self.model(answer).chat([], [], may_call=True)

    async def transcribe(self, answer: object, mimetype: str = "audio/ogg; codecs=opus") -> str:
        return await self.model(answer).transcribe(b"OggS", mimetype, 3)

    async def test_words_and_calls(self) -> None:
        usage = {"prompt_tokens": 9, "prompt_tokens_details": {"cached_tokens": 4}}
        message: dict[str, Any] = {"content": " Hello "}
        words = await self.chat({"choices": [{"message": message}], "usage": usage})
        self.assertEqual((words.text, words.tool_calls), ("Hello", []))
        self.assertEqual(self.books.lines, [("large", usage, 0)])
        call = {"id": "call_1", "function": {"name": "f", "arguments": "{}"}}
        calls = await self.chat({"choices": [{"message": {"content": None, "tool_calls": [call]}}]})
        self.assertEqual((calls.text, calls.tool_calls), ("", [call]))

    async def test_transcription(self) -> None:
        usage = {"type": "tokens", "input_tokens": 30, "output_tokens": 4}
        words = await self.transcribe({"text": " Good morning ", "usage": usage})
        self.assertEqual(words, "Good morning")
        self.assertEqual(self.books.lines, [("ears", usage, 3)])
        [request] = self.seen
        self.assertEqual(request.url.path, "/v1/audio/transcriptions")
        self.assertTrue(request.headers["content-type"].startswith("multipart/form-data"))
        body = request.content
        for part in (b'name="model"\r\n\r\nears\r\n', b'filename="voice.ogg"', b"OggS"):
            self.assertIn(part, body)
        await self.transcribe({"text": "x"}, "audio/mpeg")
        self.assertIn(b'filename="voice.mp3"', self.seen[-1].content)

    async def test_unexpected_shapes(self) -> None:
        for answer in ({}, [], {"choices": []}, {"choices": [{"message": None}]}):
            with self.subTest(answer), self.assertRaises(CallFailed):
                await self.chat(answer)
        for answer in ({}, [], {"text": None}):
            with self.subTest(answer), self.assertRaises(CallFailed):
                await self.transcribe(answer)
        self.assertEqual(self.books.lines, [])


if __name__ == "__main__":
    unittest.main()
