"""Per-user inboxes in Redis: every message once, in order, one turn at a time per user.

A message is put into its user's list before the webhook is acknowledged, and leaves
it when it has been answered, so that a worker that dies loses nothing. Who answers is
decided by a *lease*: the user's score in one sorted set is the moment the lease ends,
and holding exactly that score is the proof of holding the lease. A message that finds
the user leased just waits in the list: nobody polls for a lock, and what has queued up
is answered together. Each step is one script, hence one round trip and atomic.
"""

from __future__ import annotations

from dataclasses import dataclass

from redis.asyncio import Redis

from .faults import HEALTHY, Fault, Faults
from .messages import Incoming
from .spans import SpanLog

SEEN_SECONDS = 2 * 60 * 60
"""How long a message id is remembered. The gateway repeats a webhook for about half an hour."""
SESSION_SECONDS = 60 * 60
LEASE_MS = 120_000
"""Longer than the slowest turn; a turn that started is never disturbed by a second one."""
_MOST_AT_ONCE = 20

_NOW = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
"""

_ONCE = """
if not redis.call('SET', KEYS[1], '1', 'NX', 'EX', ARGV[3]) then return 'duplicate' end
"""

_QUEUE = """
-- KEYS: seen, inbox, leases.  ARGV: entry, user, seconds to remember, lease ms.
redis.call('RPUSH', KEYS[2], ARGV[1])
local lease = redis.call('ZSCORE', KEYS[3], ARGV[2])
if lease and tonumber(lease) > now then return 'queued' end
lease = string.format('%.0f', now + ARGV[4])
redis.call('ZADD', KEYS[3], lease, ARGV[2])
return lease
"""

_TAKE = _NOW + """
-- KEYS: inbox, leases, session.  ARGV: user, lease, lease ms, most entries.
if redis.call('ZSCORE', KEYS[2], ARGV[1]) ~= ARGV[2] then return {} end
local lease = string.format('%.0f', now + ARGV[3])
redis.call('ZADD', KEYS[2], lease, ARGV[1])
local session = redis.call('GET', KEYS[3]) or ''
return {lease, session, unpack(redis.call('LRANGE', KEYS[1], 0, ARGV[4] - 1))}
"""

_DONE = """
-- KEYS: inbox, leases, session.  ARGV: user, lease, entries answered, session, its seconds.
if redis.call('ZSCORE', KEYS[2], ARGV[1]) ~= ARGV[2] then return 0 end
redis.call('LTRIM', KEYS[1], ARGV[3], -1)
redis.call('SET', KEYS[3], ARGV[4], 'EX', ARGV[5])
if redis.call('EXISTS', KEYS[1]) == 1 then return 1 end
redis.call('ZREM', KEYS[2], ARGV[1])
return 0
"""

_ADOPT = _NOW + """
-- KEYS: leases.  ARGV: lease ms, most users.
local adopted = {}
for _, user in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, ARGV[2])) do
  local lease = string.format('%.0f', now + ARGV[1])
  redis.call('ZADD', KEYS[1], lease, user)
  adopted[#adopted + 1] = user
  adopted[#adopted + 1] = lease
end
return adopted
"""

_LEASES = "receptionist:leases"


@dataclass(frozen=True, slots=True)
class Batch:
    """What one turn answers, the lease it is answered under, and the user's stored session."""

    lease: str
    session: str
    messages: list[Incoming]


class Inbox:
    """The inboxes of all users."""

    def __init__(self, redis: Redis, spans: SpanLog, faults: Faults = HEALTHY) -> None:
        self._spans = spans
        once = "" if Fault.DUPLICATE_REPLIES in faults else _ONCE
        self._arrive = redis.register_script(_NOW + once + _QUEUE)
        self._take = redis.register_script(_TAKE)
        self._done = redis.register_script(_DONE)
        self._adopt = redis.register_script(_ADOPT)

    async def put(self, message: Incoming) -> str | None:
        """Store a message. A lease is returned if the caller is to answer the user now,
        None if the message is a repetition or a turn of the user is under way."""
        with self._spans.span("redis.put"):
            outcome = await self._arrive(
                keys=[f"receptionist:seen:{message.id}", _inbox(message.user), _LEASES],
                args=[message.to_json(), message.user, SEEN_SECONDS, LEASE_MS],
            )
        return None if outcome in ("duplicate", "queued") else outcome

    async def take(self, user: str, lease: str) -> Batch | None:
        """What waits for an answer, without removing it; None if the lease has been lost."""
        with self._spans.span("redis.get"):
            found = await self._take(
                keys=[_inbox(user), _LEASES, _session(user)],
                args=[user, lease, LEASE_MS, _MOST_AT_ONCE],
            )
        if not found:
            return None
        lease, session, *entries = found
        return Batch(lease, session, [Incoming.from_json(entry) for entry in entries])

    async def done(self, user: str, batch: Batch, session: str) -> bool:
        """Remove what was answered and keep the session. True: more has come and the
        lease is still held; otherwise it has been given back (or was lost)."""
        with self._spans.span("redis.set"):
            more = await self._done(
                keys=[_inbox(user), _LEASES, _session(user)],
                args=[user, batch.lease, len(batch.messages), session, SESSION_SECONDS],
            )
        return bool(more)

    async def adopt(self, most: int = 100) -> list[tuple[str, str]]:
        """Take over users whose worker died: pairs of user and lease."""
        found = await self._adopt(keys=[_LEASES], args=[LEASE_MS, most])
        return list(zip(found[::2], found[1::2], strict=True))


def _inbox(user: str) -> str:
    return f"receptionist:inbox:{user}"


def _session(user: str) -> str:
    return f"receptionist:session:{user}"
