"""Google Calendar and the service account, against a Google that is played here."""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
import unittest
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest import mock

import httpx
import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from receptionist import retry
from receptionist.calendar import Event, Interval
from receptionist.google import GoogleCalendar
from receptionist.service_account import ServiceAccount
from receptionist.spans import SpanLog

from .fixtures import NOW

_WHEN = Interval(NOW, NOW + timedelta(minutes=30))
_EVENT = Event("0123abcd", _WHEN, "haircut: Ana", "Booked on WhatsApp by 99900000001")
_TOKEN_URI = "http://google.test/token"


def refusal(status: int, reason: str) -> httpx.Response:
    error = {"code": status, "message": "", "errors": [{"domain": "usageLimits", "reason": reason}]}
    return httpx.Response(status, json={"error": error})


class Google(unittest.IsolatedAsyncioTestCase):
    key: rsa.RSAPrivateKey

    @classmethod
    def setUpClass(cls) -> None:
        cls.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def setUp(self) -> None:
        patch = mock.patch.object(retry.asyncio, "sleep", mock.AsyncMock())
        self.sleep = patch.start()
        self.addCleanup(patch.stop)
        self.tokens = 0
        self.lifetime = 3600
        self.seen: list[httpx.Request] = []
        self.signed: list[str] = []
        self.answers: list[httpx.Response | Exception] = []
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        pem = self.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        path = Path(folder.name, "key.json")
        path.write_text(
            json.dumps(
                {
                    "type": "service_account",
                    "client_email": "bot@practice.test",
                    "private_key": pem.decode(),
                    "private_key_id": "k1",
                    "token_uri": _TOKEN_URI,
                }
            )
        )
        self.calendar = GoogleCalendar("http://google.test/calendar/v3", str(path), SpanLog(None))
        self.addAsyncCleanup(self.calendar.close)
        self.calendar._client._transport = httpx.MockTransport(self.answer)
        self.calendar._tokens._transport = httpx.MockTransport(self.grant)

    def grant(self, request: httpx.Request) -> httpx.Response:
        form = dict(pair.split("=", 1) for pair in request.content.decode().split("&"))
        self.assertIn("grant-type%3Ajwt-bearer", form["grant_type"])
        self.assertEqual(jwt.get_unverified_header(form["assertion"])["kid"], "k1")
        public: Any = self.key.public_key()
        claims = jwt.decode(form["assertion"], public, algorithms=["RS256"], audience=_TOKEN_URI)
        self.assertEqual(claims["iss"], "bot@practice.test")
        self.assertEqual(claims["scope"], "https://www.googleapis.com/auth/calendar")
        self.assertEqual(claims["exp"] - claims["iat"], 3600)
        self.tokens += 1
        answer = {"access_token": f"t{self.tokens}", "expires_in": self.lifetime}
        return httpx.Response(200, json={**answer, "token_type": "Bearer"})

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.seen.append(request)
        self.signed.append(request.headers["authorization"])  # one request is signed again
        answer = self.answers.pop(0) if self.answers else httpx.Response(200, json={})
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def test_free_busy(self) -> None:
        busy = [{"start": "2026-03-02T12:00:00Z", "end": "2026-03-02T09:30:00-03:00"}]
        found = {"a@practice": {"busy": busy}, "b@practice": {"busy": []}}
        self.answers = [httpx.Response(200, json={"calendars": found})]
        free = await self.calendar.free_busy(["a@practice", "b@practice"], _WHEN)
        self.assertEqual(free["b@practice"], [])
        [taken] = free["a@practice"]
        self.assertEqual((taken.start.hour, taken.end - taken.start), (12, timedelta(minutes=30)))
        [request] = self.seen
        asked = json.loads(request.content)
        self.assertEqual(asked["timeMin"], "2026-03-02T09:10:00-03:00")
        self.assertEqual(asked["items"], [{"id": "a@practice"}, {"id": "b@practice"}])
        self.assertEqual(request.headers["authorization"], "Bearer t1")

    async def test_what_cannot_be_read_is_not_free(self) -> None:
        lost = {"errors": [{"domain": "global", "reason": "notFound"}], "busy": []}
        odd = {"busy": [{"start": "noon", "end": "later"}]}
        for found in ({"a": lost}, {"a": odd}, {}, None):
            answer = {"calendars": found}
            self.answers = [httpx.Response(200, json=answer)]
            with self.subTest(answer), self.assertRaises(retry.CallFailed):
                await self.calendar.free_busy(["a"], _WHEN)

    async def test_insert(self) -> None:
        await self.calendar.insert_event("a@practice", _EVENT)
        [request] = self.seen
        self.assertEqual(request.url.raw_path, b"/calendar/v3/calendars/a%40practice/events")
        body = json.loads(request.content)
        self.assertEqual(body["start"], {"dateTime": "2026-03-02T09:10:00-03:00"})
        self.assertEqual(body["id"], "0123abcd")
        self.assertIn("99900000001", body["description"])

    async def test_what_is_done_may_be_asked_again(self) -> None:
        self.answers = [httpx.ReadTimeout("slow"), refusal(409, "duplicate")]
        await self.calendar.insert_event("a", _EVENT)
        for status in (204, 404, 410):
            self.answers = [httpx.Response(status)]
            await self.calendar.cancel_event("a", "0123abcd")
        self.assertEqual(self.seen[-1].method, "DELETE")
        self.assertEqual(self.seen[-1].url.path, "/calendar/v3/calendars/a/events/0123abcd")

    async def test_quotas_heal_and_refusals_do_not(self) -> None:
        cases: list[tuple[Callable[[], httpx.Response], int]] = [
            (lambda: refusal(403, "rateLimitExceeded"), 2),
            (lambda: refusal(403, "userRateLimitExceeded"), 2),
            (lambda: refusal(429, "rateLimitExceeded"), 2),
            (lambda: httpx.Response(503, text="busy"), 2),
            (lambda: refusal(403, "forbidden"), 1),
            (lambda: httpx.Response(403, text="no"), 1),
            (lambda: refusal(400, "invalid"), 1),
        ]
        for make, attempts in cases:
            with self.subTest(make().text):
                self.seen.clear()
                self.answers = [make()]
                if attempts == 1:
                    with self.assertRaises(retry.CallFailed):
                        await self.calendar.insert_event("a", _EVENT)
                else:
                    await self.calendar.insert_event("a", _EVENT)
                self.assertEqual(len(self.seen), attempts)

    async def test_gives_up(self) -> None:
        self.answers = [refusal(403, "rateLimitExceeded") for _ in range(9)]
        with self.assertRaises(retry.CallFailed):
            await self.calendar.insert_event("a", _EVENT)
        self.assertEqual((len(self.seen), self.sleep.await_count), (4, 3))

    async def test_one_token_for_all(self) -> None:
        await asyncio.gather(*(self.calendar.insert_event("a", _EVENT) for _ in range(20)))
        self.assertEqual((self.tokens, len(self.seen)), (1, 20))

    async def test_renewed_in_time(self) -> None:
        patch = mock.patch("receptionist.service_account.time")
        clock = patch.start()
        self.addCleanup(patch.stop)
        clock.time.return_value = time.time()
        for moment, want in ((0.0, 1), (3400.0, 1), (3481.0, 2), (3500.0, 2)):
            clock.monotonic.return_value = moment
            await self.calendar.insert_event("a", _EVENT)
            self.assertEqual(self.tokens, want, moment)

    async def test_refused_token(self) -> None:
        self.answers = [httpx.Response(401, json={}), httpx.Response(200, json={})]
        await self.calendar.insert_event("a", _EVENT)
        self.assertEqual(self.signed, ["Bearer t1", "Bearer t2"])
        self.answers = [httpx.Response(401, json={}), httpx.Response(401, json={})]
        with self.assertRaises(retry.CallFailed):
            await self.calendar.insert_event("a", _EVENT)
        self.assertEqual(self.tokens, 3)

    async def test_no_token(self) -> None:
        for answer in (httpx.Response(400, json={"error": "invalid_grant"}), httpx.Response(200)):
            refuse = httpx.MockTransport(lambda request, answer=answer: answer)
            self.calendar._tokens._transport = refuse
            with self.assertRaises(retry.CallFailed) as caught:
                await self.calendar.insert_event("a", _EVENT)
            self.assertNotIn("assertion", str(caught.exception))
        self.assertEqual(self.seen, [])


class KeyFile(unittest.TestCase):
    def test_mistakes_are_named(self) -> None:
        cases: dict[str, Any] = {"client_email": {}, "private_key": {"client_email": "x"}}
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "key.json")
            for name, content in cases.items():
                path.write_text(json.dumps(content))
                with self.subTest(name), self.assertRaisesRegex(ValueError, name):
                    ServiceAccount.read(str(path))
            path.write_text("[]")
            with self.assertRaises(ValueError):
                ServiceAccount.read(str(path))


if __name__ == "__main__":
    unittest.main()
