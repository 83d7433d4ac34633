"""Which requests are repeated, when, and how often."""

from __future__ import annotations

import unittest
from unittest import mock

import httpx

from receptionist import evolution, llm, retry
from receptionist.spans import Span


class Pause(unittest.TestCase):
    def test_the_server_decides(self) -> None:
        cases: list[tuple[dict[str, str], float | None]] = [
            ({"retry-after": "2"}, 2.0),
            ({"retry-after": "2", "retry-after-ms": "150"}, 0.15),
            ({"retry-after": "0"}, 0.0),
            ({"retry-after": "60"}, None),
        ]
        for headers, want in cases:
            with self.subTest(headers):
                self.assertEqual(retry.pause(0, headers), want)

    def test_otherwise_it_doubles_up_to_a_limit(self) -> None:
        for date in ("", "Wed, 21 Oct 2026 07:28:00 GMT", "-1"):
            headers = {"retry-after": date}
            for attempt, full in enumerate((0.5, 1, 2, 4, 8, 8)):
                wait = retry.pause(attempt, headers)
                assert wait is not None
                self.assertTrue(0.75 * full <= wait <= full, (attempt, wait))


class Send(unittest.IsolatedAsyncioTestCase):
    def setUp(self) -> None:
        patch = mock.patch.object(retry.asyncio, "sleep", mock.AsyncMock())
        self.sleep = patch.start()
        self.addCleanup(patch.stop)
        self.seen: list[httpx.Request] = []

    async def send(
        self, policy: retry.Policy, *answers: int | Exception, accept: tuple[int, ...] = ()
    ) -> httpx.Response:
        queue = list(answers)

        def handle(request: httpx.Request) -> httpx.Response:
            self.seen.append(request)
            answer = queue.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return httpx.Response(answer, json={})

        transport = httpx.MockTransport(handle)
        async with httpx.AsyncClient(transport=transport, base_url="http://bot.test") as client:
            return await retry.send(client, "POST", "/x", policy, Span, json={}, accept=accept)

    async def test_model_heals(self) -> None:
        await self.send(llm._POLICY, 429, httpx.ReadTimeout("slow"), 200)
        counts = [request.headers["x-stainless-retry-count"] for request in self.seen]
        self.assertEqual(counts, ["0", "1", "2"])
        self.assertEqual(self.sleep.await_count, 2)

    async def test_model_gives_up(self) -> None:
        for answers, attempts in (((500, 500, 500), 3), ((400,), 1), ((401,), 1)):
            with self.subTest(answers):
                self.seen.clear()
                with self.assertRaises(retry.CallFailed):
                    await self.send(llm._POLICY, *answers)
                self.assertEqual(len(self.seen), attempts)

    async def test_sending_heals(self) -> None:
        await self.send(evolution._SEND, 500, httpx.ConnectError("refused"), 429, 201)
        self.assertEqual(len(self.seen), 4)

    async def test_what_may_have_been_sent_is_not_sent_again(self) -> None:
        for answer in (httpx.ReadTimeout("slow"), 400, 404):
            with self.subTest(answer):
                self.seen.clear()
                with self.assertRaises(retry.CallFailed):
                    await self.send(evolution._SEND, answer)
                self.assertEqual(len(self.seen), 1)


    async def test_what_counts_as_success(self) -> None:
        answer = await self.send(evolution._SEND, 409, accept=(409,))
        self.assertEqual(answer.status_code, 409)


if __name__ == "__main__":
    unittest.main()
