"""Voice notes: where the audio comes from, and what becomes of it."""

from __future__ import annotations

import json
import unittest
from base64 import b64encode
from typing import Any
from unittest import mock

import httpx

from receptionist import voice
from receptionist.evolution import Gateway
from receptionist.ledger import Ledger
from receptionist.llm import LanguageModel
from receptionist.messages import Incoming, parse
from receptionist.spans import SpanLog
from receptionist.voice import Listener

from .test_messages import payload

_AUDIO = b"OggS\x00\x02 and so on"
_BASE64 = b64encode(_AUDIO).decode()


def note(seconds: object = 3, **beside: Any) -> Incoming:
    audio = {"mimetype": "audio/ogg; codecs=opus", "seconds": seconds, "url": "https://mmg/x.enc"}
    found = parse(payload({"audioMessage": audio, **beside}))
    assert found
    return Incoming.from_json(found.to_json())


class Voices(unittest.IsolatedAsyncioTestCase):
    def setUp(self) -> None:
        self.seen: list[httpx.Request] = []
        self.answers: dict[str, httpx.Response | Exception] = {}
        spans, ledger = SpanLog(None), Ledger(None)
        self.gateway = Gateway("http://gateway.test", "hunter2", "desk", spans, ledger)
        model = LanguageModel("http://llm.test/v1", "key", "large", "ears", spans, ledger)
        transport = httpx.MockTransport(self.answer)
        for client in (self.gateway._client, self.gateway._links, model._client):
            client._transport = transport
        self.addAsyncCleanup(self.gateway.close)
        self.addAsyncCleanup(model.close)
        self.listener = Listener(self.gateway, model)
        quiet = mock.patch.object(voice, "_log")
        quiet.start()
        self.addCleanup(quiet.stop)

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.seen.append(request)
        prepared = self.answers.get(request.url.path)
        if isinstance(prepared, Exception):
            raise prepared
        if prepared:
            return prepared
        if request.url.path == "/v1/audio/transcriptions":
            self.assertIn(_AUDIO, request.content)
            return httpx.Response(200, json={"text": "Do I pay in advance?"})
        if request.url.path == "/chat/getBase64FromMediaMessage/desk":
            self.assertEqual(json.loads(request.content), {"message": {"key": {"id": "3EB0"}}})
            return httpx.Response(201, json={"base64": _BASE64, "mimetype": "audio/ogg"})
        return httpx.Response(200, content=_AUDIO)

    async def hear(self, message: Incoming) -> tuple[str, list[str]]:
        self.seen.clear()
        [words] = await self.listener.words([message])
        return words, [request.url.path for request in self.seen]

    async def test_three_ways(self) -> None:
        ears = "/v1/audio/transcriptions"
        cases = [
            (note(base64=_BASE64), [ears]),
            (note(mediaUrl="http://store.test/a.ogg?signature=s"), ["/a.ogg", ears]),
            (note(), ["/chat/getBase64FromMediaMessage/desk", ears]),
            (note(mediaUrl="ftp://store"), ["/chat/getBase64FromMediaMessage/desk", ears]),
        ]
        for message, paths in cases:
            with self.subTest(paths):
                self.assertEqual(await self.hear(message), ("Do I pay in advance?", paths))

    async def test_the_key_stays_with_the_gateway(self) -> None:
        await self.hear(note(mediaUrl="http://store.test/a.ogg"))
        self.assertNotIn("apikey", self.seen[0].headers)

    async def test_text_needs_no_listening(self) -> None:
        for message in ({"conversation": "Oi"}, {"audioMessage": {}, "speechToText": "Oi"}):
            found = parse(payload(message))
            assert found
            self.assertEqual(await self.hear(found), ("Oi", []))

    async def test_what_cannot_be_heard_is_named(self) -> None:
        store, gateway = "/a.ogg", "/chat/getBase64FromMediaMessage/desk"
        cases: list[tuple[Incoming, str, httpx.Response | Exception]] = [
            (note(mediaUrl="http://store.test/a.ogg"), store, httpx.Response(404)),
            (note(mediaUrl="http://store.test/a.ogg"), store, httpx.ReadTimeout("slow")),
            (note(), gateway, httpx.Response(400)),
            (note(), gateway, httpx.Response(201, json={"base64": "?"})),
            (note(), gateway, httpx.Response(201, json=[])),
            (note(), "/v1/audio/transcriptions", httpx.Response(400)),
            (note(), "/v1/audio/transcriptions", httpx.Response(200, json={"text": ""})),
            (note(base64="?"), store, httpx.Response(200)),
        ]
        for message, path, answer in cases:
            with self.subTest(message, path=path, answer=answer):
                self.answers = {path: answer}
                words, _ = await self.hear(message)
                self.assertEqual(words, "(a voice message)")

    async def test_bounds(self) -> None:
        self.assertEqual(await self.hear(note(seconds=301)), ("(a voice message)", []))
        self.assertEqual(await self.hear(note(seconds=10**400)), ("(a voice message)", []))
        large = note(base64="A" * (1 << 21))  # is asked for, rather than kept in the inbox
        self.assertEqual(large.voice and large.voice.base64, "")
        self.answers = {"/a.ogg": httpx.Response(200, content=bytes(17 << 20))}
        words, paths = await self.hear(note(mediaUrl="http://store.test/a.ogg"))
        self.assertEqual((words, paths), ("(a voice message)", ["/a.ogg"]))


if __name__ == "__main__":
    unittest.main()
