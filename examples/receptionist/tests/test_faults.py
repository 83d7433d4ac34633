"""Faults: the switch, and that each does what it is said to do and nothing otherwise."""

from __future__ import annotations

import re
import unittest
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest import mock

import httpx

from receptionist import faults, llm, retry
from receptionist.context import build_prompt
from receptionist.faults import HEALTHY, Fault
from receptionist.faulty import chores, data
from receptionist.faulty.clients import BlockingClient, ThrowawayClient, open_model_client
from receptionist.faulty.sessions import Sessions
from receptionist.inbox import Inbox
from receptionist.settings import Settings, SettingsError
from receptionist.spans import Span, SpanLog

from .fixtures import NOW, context, practice
from .test_settings import LEAST


class Switch(unittest.TestCase):
    def test_names(self) -> None:
        cases = {
            "": HEALTHY,
            "no_index": {Fault.NO_INDEX},
            " no_index, n_plus_one,,": {Fault.NO_INDEX, Fault.N_PLUS_ONE},
            ",".join(fault.title for fault in Fault): set(Fault),
        }
        for text, want in cases.items():
            with self.subTest(text):
                settings = Settings.from_environment({**LEAST, "FAULTS": text})
                self.assertEqual(settings.faults, want)

    def test_what_is_unknown_is_named_beside_what_there_is(self) -> None:
        with self.assertRaisesRegex(SettingsError, "FAULTS: no_idea unknown; .*no_index"):
            Settings.from_environment({**LEAST, "FAULTS": "no_index,no_idea"})

    def test_pools(self) -> None:
        cases = {"": 10, "held_transaction": 4, "small_pool": 2, "small_pool,held_transaction": 2}
        for text, size in cases.items():
            settings = Settings.from_environment({**LEAST, "FAULTS": text})
            self.assertEqual(settings.pool_size, size)
        few = {**LEAST, "FAULTS": "held_transaction", "DATABASE_CONNECTIONS": "4"}
        self.assertEqual(Settings.from_environment(few).pool_size, 2)

    def test_the_readme_has_them_all(self) -> None:
        readme = Path(__file__).parent.parent.joinpath("README.md").read_text(encoding="utf-8")
        _, table = readme.split("## Faults", 1)
        names = re.findall(r"^\| `(\w+)` \|", table.split("\n## ")[0], re.MULTILINE)
        self.assertEqual(names, [fault.title for fault in Fault])


class Prompts(unittest.TestCase):
    def prompt(self, fault: Fault | None, seconds: int = 0, name: str = "Ana") -> list[Any]:
        history = [{"role": "user", "content": f"{n}".ljust(900, ".")} for n in range(40)]
        known = context(name=name, history=history)
        now = NOW + timedelta(seconds=seconds)
        return build_prompt(practice(), known, ["Hi"], now, frozenset({fault} - {None}))

    def test_uncacheable_prefix(self) -> None:
        fault = Fault.UNCACHEABLE_PREFIX
        for other in ({"seconds": 1}, {"name": "Bea"}):
            ours, theirs = self.prompt(fault)[0], self.prompt(fault, **other)[0]
            self.assertNotEqual(ours["content"][:100], theirs["content"][:100])
            self.assertEqual(self.prompt(None)[0], self.prompt(None, **other)[0])

    def test_growing_prompt(self) -> None:
        self.assertGreater(len(self.prompt(Fault.GROWING_PROMPT)), 40)
        self.assertLess(len(self.prompt(None)), 15)


class Clients(unittest.IsolatedAsyncioTestCase):
    async def test_which_one(self) -> None:
        cases: Mapping[frozenset[Fault], type] = {
            HEALTHY: httpx.AsyncClient,
            frozenset({Fault.SYNC_LLM}): BlockingClient,
            frozenset({Fault.NEW_CONNECTIONS}): ThrowawayClient,
            frozenset({Fault.SYNC_LLM, Fault.NEW_CONNECTIONS}): BlockingClient,
        }
        for switched, kind in cases.items():
            client = open_model_client(switched, base_url="http://llm.test")
            self.assertIsInstance(client, kind)
            await client.aclose()

    async def test_each_request_has_its_own_connections(self) -> None:
        real, transport = httpx.AsyncClient, httpx.MockTransport(lambda _: httpx.Response(200))
        client = ThrowawayClient({"base_url": "http://bot.test", "transport": transport})
        with mock.patch.object(httpx, "AsyncClient", side_effect=real) as made:
            for _ in range(3):
                self.assertEqual((await client.request("GET", "/")).status_code, 200)
        self.assertEqual(made.call_count, 3)

    async def test_nested_retries(self) -> None:
        cases = {(400, False): 1, (400, True): 3, (500, False): 3, (500, True): 9}
        for (status, stubborn), attempts in cases.items():
            answer = mock.Mock(return_value=httpx.Response(status))
            client = httpx.AsyncClient(transport=httpx.MockTransport(answer), base_url="http://x")
            send = retry.send_stubbornly if stubborn else retry.send
            with self.subTest(status, stubborn=stubborn), self.assertRaises(retry.CallFailed):
                with mock.patch.object(retry.asyncio, "sleep", mock.AsyncMock()):
                    await send(client, "POST", "/x", llm._POLICY, Span, json={})
            self.assertEqual(answer.call_count, attempts)
            await client.aclose()


class Store:
    """Redis as far as sessions need it, with a note of each command."""

    def __init__(self) -> None:
        self.commands: list[str] = []
        self.values: dict[str, Any] = {}

    async def get(self, key: str) -> Any:
        self.commands.append("GET")
        return self.values.get(key)

    async def set(self, key: str, value: str, ex: int) -> None:
        self.commands.append("SET")
        self.values[key] = value

    async def hget(self, key: str, field: str) -> Any:
        self.commands.append("HGET")
        return self.values.get(key, {}).get(field)

    async def hset(self, key: str, mapping: dict[str, Any]) -> None:
        self.commands.append("HSET")
        self.values[key] = {field: str(value) for field, value in mapping.items()}


class SessionsInRedis(unittest.IsolatedAsyncioTestCase):
    SESSION = '{"turns": 2, "offered": "massage"}'

    async def commands(self, *switched: Fault) -> tuple[list[str], str]:
        """The commands of a second turn, and the session it finds."""
        store = Store()
        sessions = Sessions(store, practice(), frozenset(switched))
        await sessions.write("1", self.SESSION)
        store.commands.clear()
        found = await sessions.read("1", self.SESSION)
        await sessions.write("1", found)
        return store.commands, found

    async def test_commands(self) -> None:
        cases = {
            (): [],
            (Fault.NO_PIPELINING,): ["HGET"] * 20 + ["HSET"],
            (Fault.BIG_SESSION,): ["GET", "SET"] * 3,
        }
        for switched, want in cases.items():
            with self.subTest(switched):
                self.assertEqual(await self.commands(*switched), (want, self.SESSION))

    async def test_without_dedupe_there_is_no_memory_of_messages(self) -> None:
        for switched, remembers in ((HEALTHY, True), (frozenset({Fault.DUPLICATE_REPLIES}), False)):
            redis = mock.Mock()
            Inbox(redis, SpanLog(None), switched)
            scripts = [call.args[0] for call in redis.register_script.call_args_list]
            self.assertEqual(any("'duplicate'" in script for script in scripts), remembers)


class Rest(unittest.IsolatedAsyncioTestCase):
    async def test_rows_are_made_for_what_is_switched_on(self) -> None:
        cases = {HEALTHY: 0, frozenset({Fault.NO_INDEX}): 1, frozenset(Fault): 5}
        for switched, scripts in cases.items():
            connection = mock.AsyncMock()
            await data.make_rows(connection, switched)
            self.assertEqual(connection.execute.await_count, scripts)

    async def test_one_report_at_a_time(self) -> None:
        begun: list[Any] = []
        reporter = chores.Reporter("postgres://nowhere", begun.append)
        reporter.remind()
        reporter.remind()
        self.assertEqual(len(begun), 1)
        begun[0].close()

    def test_unknown_faults_are_sorted(self) -> None:
        with self.assertRaisesRegex(ValueError, "^a, b unknown"):
            faults.parse("b,a")


if __name__ == "__main__":
    unittest.main()
