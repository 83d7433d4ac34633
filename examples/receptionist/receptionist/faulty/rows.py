"""Reading a context row by row, or whole; `context.load` does it in one statement."""

from __future__ import annotations

import json

from ..context import HISTORY_MESSAGES, Appointment, ChatMessage, Context, Session
from ..db import Database
from ..messages import Incoming
from ..practice import Practice

_ROWS = 30

_MESSAGE = """
SELECT m.role, m.content, c.name AS author
FROM messages m JOIN customers c ON c.id = m.customer_id WHERE m.id = $1
"""
_APPOINTMENT = """
SELECT a.id, s.name AS service, p.name AS staff, p.calendar, a.starts_at
FROM appointments a JOIN services s ON s.id = a.service_id JOIN staff p ON p.id = a.staff_id
WHERE a.id = $1
"""


async def load_one_by_one(
    db: Database, practice: Practice, message: Incoming, session: str
) -> Context:
    """What `context.load` returns, by a statement for each row."""
    customer_id, name = await _customer(db, message)
    return Context(
        phone=message.user,
        customer_id=customer_id,
        name=name,
        session=Session.from_json(session),
        history=await _history(db, customer_id),
        upcoming=await _upcoming(db, practice, customer_id),
    )


async def load_whole_history(db: Database, customer_id: int) -> list[ChatMessage]:
    """Every message there ever was, each with all that is known of it."""
    rows = await db.fetch(
        """
        SELECT m.id, m.customer_id, m.role, m.content, m.created, c.phone, c.name
        FROM messages m JOIN customers c ON c.id = m.customer_id
        WHERE m.customer_id = $1 ORDER BY m.id
        """,
        customer_id,
    )
    return [{"role": row["role"], "content": _verbose(dict(row))} for row in rows]


def _verbose(row: dict[str, object]) -> str:
    kept = {
        "message": {"id": row["id"], "created": str(row["created"]), "direction": row["role"]},
        "customer": {"id": row["customer_id"], "phone": row["phone"], "name": row["name"]},
        "channel": {"kind": "whatsapp", "provider": "evolution", "event": "messages.upsert"},
        "delivery": {"status": "delivered", "attempts": 1, "failed_at": None, "read_at": None},
        "content": {"type": "text", "language": None, "caption": None, "body": row["content"]},
    }
    return json.dumps(kept, indent=2)


async def _customer(db: Database, message: Incoming) -> tuple[int, str]:
    rows = await db.fetch("SELECT id, name FROM customers WHERE phone = $1", message.user)
    if not rows:
        rows = await db.fetch(
            """
            INSERT INTO customers (phone, name) VALUES ($1, $2)
            ON CONFLICT (phone) DO UPDATE SET phone = excluded.phone RETURNING id, name
            """,
            message.user,
            message.name,
        )
    return rows[0]["id"], rows[0]["name"]


async def _history(db: Database, customer_id: int) -> list[ChatMessage]:
    ids = await db.fetch(
        "SELECT id FROM messages WHERE customer_id = $1 ORDER BY id DESC LIMIT $2",
        customer_id,
        _ROWS,
    )
    history = []
    for row in reversed(ids):
        [found] = await db.fetch(_MESSAGE, row["id"])
        history.append({"role": found["role"], "content": found["content"]})
    return history[-HISTORY_MESSAGES:]


async def _upcoming(db: Database, practice: Practice, customer_id: int) -> list[Appointment]:
    ids = await db.fetch(
        """
        SELECT id FROM appointments
        WHERE customer_id = $1 AND status = 'booked' AND starts_at > now() ORDER BY starts_at
        """,
        customer_id,
    )
    upcoming = []
    for row in ids:
        [found] = await db.fetch(_APPOINTMENT, row["id"])
        starts = found["starts_at"].astimezone(practice.timezone)
        upcoming.append(
            Appointment(found["id"], found["service"], found["staff"], found["calendar"], starts)
        )
    return upcoming
