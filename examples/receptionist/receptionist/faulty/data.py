"""Rows and keys without which some faults would not hurt. Only those asked for are made."""

from __future__ import annotations

import json

import asyncpg
from redis.asyncio import Redis

from ..faults import Fault, Faults

SESSIONS = 30_000
AUDIT_ENTRIES = 5_000
_KEYS_AT_ONCE = 5_000

# A customer comes with the 30 messages that the system before this one had of them.
_IMPORTED = """
CREATE OR REPLACE FUNCTION import_messages() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO messages (customer_id, role, content, created)
    SELECT NEW.id, CASE WHEN n % 2 = 1 THEN 'user' ELSE 'assistant' END,
           CASE WHEN n % 2 = 1 THEN 'Is there a time on the ' || n || 'th?'
                ELSE 'There is, at ' || 8 + n % 10 || ' o''clock.' END,
           now() - make_interval(days => 40 - n)
    FROM generate_series(1, 30) AS n;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER import_messages AFTER INSERT ON customers
    FOR EACH ROW EXECUTE FUNCTION import_messages();
"""

_UNINDEXED = """
DROP INDEX IF EXISTS messages_of_customer;
-- One check of all rows at the end is ten times faster than one for each.
ALTER TABLE messages DROP CONSTRAINT IF EXISTS messages_customer_id_fkey;
INSERT INTO customers (phone, name) SELECT 'old' || n, 'Customer ' || n
    FROM generate_series(1, 25000) AS n ON CONFLICT DO NOTHING;
INSERT INTO messages (customer_id, role, content, created)
    SELECT c.id, CASE WHEN n % 2 = 1 THEN 'user' ELSE 'assistant' END,
           'Message ' || n || repeat(' of a long time ago', 8), now() - make_interval(days => 400)
    FROM customers c, generate_series(1, 10) AS n
    WHERE c.phone LIKE 'old%' AND NOT EXISTS (SELECT FROM messages OFFSET 200000);
ALTER TABLE messages ADD FOREIGN KEY (customer_id) REFERENCES customers;
ANALYZE messages;
"""

# What the practice earned by when; its last year are 400,000 visits.
_VISITS = """
CREATE TABLE IF NOT EXISTS visits (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    staff_id int NOT NULL,
    began    timestamptz NOT NULL,
    minutes  int NOT NULL,
    paid     int NOT NULL
);
INSERT INTO visits (staff_id, began, minutes, paid)
    SELECT 1 + n % 12, now() - make_interval(mins => n), 30 + 30 * (n % 3), 35 + n % 145
    FROM generate_series(1, 400000) AS n WHERE NOT EXISTS (SELECT FROM visits);
ANALYZE visits;
"""

_COUNTER = """
CREATE TABLE IF NOT EXISTS practice (id int PRIMARY KEY, seen bigint NOT NULL);
INSERT INTO practice VALUES (1, 0) ON CONFLICT DO NOTHING;
"""

_ROWS = {
    Fault.NO_INDEX: _UNINDEXED,
    Fault.SMALL_POOL: _VISITS,
    Fault.DECOY_SLOW_REPORT: _VISITS,
    Fault.HOT_ROW: _COUNTER,
    Fault.N_PLUS_ONE: _IMPORTED,  # last: it concerns customers to come
}


async def make_rows(connection: asyncpg.Connection, faults: Faults) -> None:
    """Fill tables. May be run again."""
    for fault, script in _ROWS.items():
        if fault in faults:
            await connection.execute(script)


async def make_keys(url: str, faults: Faults) -> None:
    """Fill Redis. May be run again."""
    if not faults & {Fault.KEYS_SCAN, Fault.DECOY_CHATTY_CACHE}:
        return
    redis = Redis.from_url(url)
    try:
        if Fault.DECOY_CHATTY_CACHE in faults:
            await redis.mset({f"receptionist:cache:{n}": f"value {n}" for n in range(20)})
        if Fault.KEYS_SCAN in faults:
            await _make_sessions(redis)
    finally:
        await redis.close()
        await redis.connection_pool.disconnect()


async def _make_sessions(redis: Redis) -> None:
    session = json.dumps({"turns": 3, "offered": ""})
    for start in range(0, SESSIONS, _KEYS_AT_ONCE):
        numbers = range(start, start + _KEYS_AT_ONCE)
        await redis.mset({f"session:{n:08}": session for n in numbers})
    if not await redis.exists("receptionist:audit"):
        await redis.rpush("receptionist:audit", *(f"turn {n}" for n in range(AUDIT_ENTRIES)))
