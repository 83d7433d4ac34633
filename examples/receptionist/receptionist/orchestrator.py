"""A turn from the first message to the answer.

accept: put the message into the user's inbox; if nobody serves the user, start to.
serve:  take what waits -> load context -> listen to voice notes -> model and tools -> store
        -> send -> done; again if more has come meanwhile.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Coroutine, Sequence
from typing import Any

import asyncpg
from redis.exceptions import RedisError

from . import appointments, context
from .appointments import Appointments
from .aside import about
from .db import Database
from .evolution import Gateway
from .faults import Fault
from .faulty import chores, prompts
from .faulty.connections import for_turn
from .faulty.lookups import Lookups
from .faulty.sessions import Sessions
from .inbox import LEASE_MS, Batch, Inbox
from .llm import LanguageModel
from .messages import Incoming, in_order
from .practice import Practice
from .retry import CallFailed
from .settings import Settings
from .spans import SpanLog
from .voice import Listener

_log = logging.getLogger("receptionist")

_ANSWER_SECONDS = 40.0
_TOOL_ROUNDS = 4
_SWEEP_SECONDS = LEASE_MS / 1000 / 4
_APOLOGY = (
    "I am sorry, something went wrong on our side. "
    "Please write again in a minute, or call us and we will help you at once."
)


class Orchestrator:
    """Runs the turns of one worker."""

    def __init__(
        self,
        settings: Settings,
        inbox: Inbox,
        db: Database,
        practice: Practice,
        tools: Appointments,
        model: LanguageModel,
        gateway: Gateway,
        spans: SpanLog,
        sessions: Sessions,
        lookups: Lookups,
    ) -> None:
        self._faults = settings.faults
        self._database_url = settings.database_url
        self._sessions = sessions
        self._lookups = lookups
        self._listener = Listener(gateway, model)
        self._debounce = settings.debounce
        self._inbox = inbox
        self._db = db
        self._practice = practice
        self._tools = tools
        self._schemas = appointments.schemas(practice)
        self._model = model
        self._gateway = gateway
        self._spans = spans
        self._slots = asyncio.Semaphore(settings.max_turns)
        self._tasks: set[asyncio.Task[None]] = set()
        self.stopping = asyncio.Event()
        self._reporter = chores.Reporter(settings.database_url, self.spawn)

    def start(self) -> None:
        """Begin to look for users whose worker died; needs a running loop."""
        self.spawn(self._sweep())

    async def accept(self, message: Incoming) -> None:
        """Take responsibility for a message; returns once it is stored, before it is answered."""
        lease = await self._inbox.put(message)
        if not lease:
            return
        serving = self.spawn(self._serve(message.user, lease))
        if self._faults & {Fault.ACK_AFTER_WORK, Fault.DUPLICATE_REPLIES}:
            await asyncio.wait({serving})

    async def drain(self, seconds: float) -> None:
        """Let turns under way finish. What does not stays in its inbox for another worker."""
        self.stopping.set()
        if not self._tasks:
            return
        _, late = await asyncio.wait(self._tasks, timeout=seconds)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Have work done in a task that `drain` waits for."""
        task = asyncio.create_task(work)
        self._tasks.add(task)  # the loop itself holds tasks only weakly
        task.add_done_callback(self._tasks.discard)
        return task

    async def _sweep(self) -> None:
        while not self.stopping.is_set():
            try:
                for user, lease in await self._inbox.adopt():
                    self.spawn(self._serve(user, lease))
            except RedisError as failure:
                _log.warning("looking for unanswered users: %s", type(failure).__name__)
            # Not cancelled but told to stop: a cancelled command would leave its answer
            # unread on a connection that goes back to the pool.
            try:
                await asyncio.wait_for(self.stopping.wait(), _SWEEP_SECONDS)
            except TimeoutError:
                continue

    async def _serve(self, user: str, lease: str) -> None:
        """Answer a user until nothing waits any more."""
        waiting_since = time.monotonic_ns()
        async with self._slots:
            await asyncio.sleep(self._debounce)
            try:
                more = True
                while more:
                    batch = await self._inbox.take(user, lease)
                    if batch is None:
                        return
                    lease = batch.lease
                    more = await self._turn(user, batch, waiting_since)
                    waiting_since = time.monotonic_ns()
            except RedisError as failure:
                _log.error("serving a user: %s; it is tried again", type(failure).__name__)

    async def _turn(self, user: str, batch: Batch, waiting_since: int) -> bool:
        """Answer what waits. Reports whether more has come meanwhile."""
        messages = in_order(batch.messages)
        if not messages:
            return await self._inbox.done(user, batch, batch.session)
        about(user, messages[-1].id)
        began = time.monotonic_ns()
        self._spans.add("queue", waiting_since, began)
        with self._spans.span("turn") as span:
            span.note(messages=[message.id for message in messages])
            session = await self._sessions.read(user, batch.session)
            session, outcome = await self._answer(messages, session)
            await self._sessions.write(user, session)
            more = await self._inbox.done(user, batch, session)
        _log.info(
            "turn: %s, %d message(s), %.0f ms",
            outcome, len(messages), (time.monotonic_ns() - began) / 1e6,
        )  # fmt: skip
        if outcome != "unsent" and Fault.TYPING_DELAY not in self._faults:
            await self._mark_read(messages)
        return more

    async def _answer(self, messages: Sequence[Incoming], session: str) -> tuple[str, str]:
        """Find the answer and send it; an apology if there is none. Returns the session to
        keep and what became of the turn."""
        outcome = "answered"
        said: list[str] = []
        try:
            # Without a fault this holds nothing: each statement borrows a connection for itself.
            async with for_turn(self._db, self._database_url, self._faults):
                known, said, answer = await self._find_answer(messages, session)
                known.session.turns += 1
                session = known.session.to_json()
                await context.store(self._db, known, said, answer)
        except Exception as failure:
            # Whatever it was, the person waits, and a message left in the inbox would fail
            # again and again.
            what = failure if isinstance(failure, CallFailed) else type(failure).__name__
            expected = isinstance(failure, (CallFailed, asyncpg.PostgresError, OSError))
            _log.error("answering: %s", what, exc_info=not expected)
            answer, outcome = _APOLOGY, "apologised"
        if Fault.CPU_HEAVY in self._faults:
            chores.trace(self._practice, messages[-1].user, answer)
        if Fault.TYPING_DELAY in self._faults:
            await self._mark_read(messages)
        try:
            await self._gateway.send_text(messages[-1].user, answer)
        except CallFailed as failure:
            _log.error("sending: %s", failure)
            outcome = "unsent"
        await self._follow_up(said, answer)
        return session, outcome

    async def _find_answer(
        self, messages: Sequence[Incoming], session: str
    ) -> tuple[context.Context, list[str], str]:
        known = await self._lookups.load(messages[-1], session)
        seconds = None if Fault.NO_TIMEOUT in self._faults else _ANSWER_SECONDS
        async with asyncio.timeout(seconds):
            said = await self._listener.words(messages)
            return known, said, await self._converse(known, said)

    async def _follow_up(self, said: list[str], answer: str) -> None:
        """What faults do after the answer; the person's lease is still held."""
        if Fault.DECOY_SLOW_REPORT in self._faults:
            self._reporter.remind()
        if Fault.WORK_AFTER_ANSWER in self._faults and said:
            # In a task of its own, after the lease, nobody would wait for it.
            try:
                for prompt in (prompts.summary_of(said, answer), prompts.wishes_of(said, answer)):
                    await self._model.chat(prompt, [], may_call=False)
            except CallFailed as failure:
                _log.warning("summarising: %s", failure)

    async def _converse(self, known: context.Context, said: Sequence[str]) -> str:
        """Let the model speak, calling what it wants called, until it has words."""
        with self._spans.span("own"):
            prompt = context.build_prompt(
                self._practice, known, said, self._practice.now(), self._faults
            )
        if Fault.IDENTICAL_PROMPTS in self._faults:
            await self._model.chat(prompts.CLASSIFIER, [], may_call=False)
        for remaining in range(_TOOL_ROUNDS, -1, -1):
            completion = await self._model.chat(prompt, self._schemas, may_call=remaining > 0)
            if not completion.tool_calls:
                break
            prompt.append(completion.message)
            # One after the other: a model that moves an appointment relies on the order.
            for call in completion.tool_calls:
                prompt.append(await self._call(call, known))
        if not completion.text:
            raise CallFailed("chat completion: no words")
        return completion.text

    async def _call(self, call: dict[str, Any], known: context.Context) -> dict[str, Any]:
        function = call["function"]
        with self._spans.span("tool") as span:
            span.note(tool=function["name"])
            result = await self._tools.call(function["name"], function["arguments"], known)
        return {"role": "tool", "tool_call_id": call["id"], "content": result}

    async def _mark_read(self, messages: Sequence[Incoming]) -> None:
        try:
            await self._gateway.mark_read(messages)
        except CallFailed as failure:
            _log.debug("marking as read: %s", failure)
