"""Mistakes that can be switched on: `FAULTS=n_plus_one,no_timeout` in the environment.

The receptionist is healthy. Each of these makes it do one thing as bots in production do it
wrong, so that whatever claims to find the mistake can be tried on it. Where a fault has
an alternative in the code, both ways stand side by side behind `Fault.X in faults`; what it
does in addition is in the package `faulty`. Those whose names begin with `decoy_` are
suspicious to look at and cost the person who waits nothing.
"""

from __future__ import annotations

from enum import Enum

Faults = frozenset["Fault"]


class Fault(Enum):
    """What a fault does, and the mistake it stands for."""

    does: str
    mistake: str

    def __init__(self, does: str, mistake: str) -> None:
        self.does = does
        self.mistake = mistake

    N_PLUS_ONE = (
        "reads the ids of 30 messages, then each message with its author in a statement of its own",
        "an ORM's lazy relation in a loop, in place of one join",
    )
    NO_PIPELINING = (
        "reads the 20 fields of the session by 20 HGET, one after the other",
        "a helper `get(field)` called for each field, in place of one HGETALL or a pipeline",
    )
    SERIAL_LOOKUPS = (
        "asks for the customer, tomorrow's free/busy, the practice and an embedding of the "
        "question one after the other",
        "`await` after `await` of things that do not need each other, in place of a gather",
    )
    NEW_CONNECTIONS = (
        "connects to PostgreSQL anew each turn, and opens a new HTTP client for each request",
        "`connect()` and `async with AsyncClient()` inside the handler, in place of a pool",
    )
    HELD_TRANSACTION = (
        "keeps a transaction, and so one of 4 connections, open while the model is asked",
        "a session opened by a decorator around the whole handler",
    )
    SMALL_POOL = (
        "has a pool of 2 connections, each borrowed for as long as a statistic over 400,000 "
        "visits takes",
        "a pool left at a small default, and a report's query on the way of every answer",
    )
    SYNC_LLM = (
        "asks the model with a synchronous client inside `async def`",
        "`OpenAI()` in place of `AsyncOpenAI()`: one answer blocks all others of the worker",
    )
    ACK_AFTER_WORK = (
        "acknowledges a webhook when the answer has been sent",
        "the whole pipeline in the request handler, in place of a task of its own",
    )
    GROWING_PROMPT = (
        "puts the whole history into each prompt, every message with all its columns",
        "appending to a list of messages for ever, in place of the last few",
    )
    IDENTICAL_PROMPTS = (
        "asks the model the same constant question before each answer",
        "paying again and again for what could be asked once, or cached",
    )
    UNCACHEABLE_PREFIX = (
        "puts the time and the person's name before a constant prompt of more than 1,500 tokens",
        "a template that begins with what changes: no two prompts share a prefix",
    )
    NESTED_RETRIES = (
        "repeats a request up to three times around the client's own repetitions, refusals "
        "included",
        "a retry decorator on top of an SDK that retries, also of 4xx that cannot heal",
    )
    NO_TIMEOUT = (
        "waits for the calendar for ever",
        "`timeout=None`, or a library without a default",
    )
    TYPING_DELAY = (
        "marks as read, shows `composing` and has the gateway wait 1.5 to 2.5 s before it sends",
        "a delay that is to look human, spent while the person waits",
    )
    BIG_SESSION = (
        "keeps a session of some 300 kB as one value in Redis, read and written whole three "
        "times a turn",
        "caching everything in the session, and every layer loading and saving it",
    )
    KEYS_SCAN = (
        "looks for sessions with KEYS among 30,000, and reads an unbounded list whole",
        "KEYS and LRANGE 0 -1, harmless with the data of a developer's machine",
    )
    HOT_ROW = (
        "counts in one row, in a transaction that stays open while customer and free/busy are read",
        "a counter every turn updates, locked until something slow has answered",
    )
    WORK_AFTER_ANSWER = (
        "summarises the conversation by two calls to the model after the answer, under the "
        "user's lease",
        "housekeeping within the per-user lock: the next turn waits for it",
    )
    DUPLICATE_REPLIES = (
        "does not remember message ids, and acknowledges late",
        "no dedupe: a webhook that the gateway repeats is answered again",
    )
    CPU_HEAVY = (
        "copies, formats and masks the whole state for a debug line that nobody reads, in "
        "some 150 ms",
        "serialisation and logging in pure Python on the event loop",
    )
    NO_INDEX = (
        "has 250,000 messages and no index by customer",
        "a migration that forgot the index: every history is a sequential scan",
    )
    CONTEXT_THRICE = (
        "loads session and context three times a turn",
        "three layers, each of which loads what it needs by itself",
    )
    DECOY_SLOW_REPORT = (
        "runs a slow statement after an answer, in a task and on a connection of its own",
        "none: nobody waits for it",
    )
    DECOY_CHATTY_CACHE = (
        "reads 20 keys of Redis each turn, in one pipeline",
        "none: 20 commands, one round trip",
    )
    DECOY_BACKGROUND_DELAY = (
        "runs a job that sleeps and polls",
        "none: nobody waits for it",
    )

    @property
    def title(self) -> str:
        """The name as FAULTS has it."""
        return self.name.lower()


HEALTHY: Faults = frozenset()


def parse(text: str) -> Faults:
    """Read a list as in FAULTS; a `ValueError` names what is unknown, and what there is."""
    known = {fault.title: fault for fault in Fault}
    names = {name.strip() for name in text.split(",")} - {""}
    if unknown := sorted(names - known.keys()):
        raise ValueError(f"{', '.join(unknown)} unknown; there are {', '.join(sorted(known))}")
    return frozenset(known[name] for name in names)
