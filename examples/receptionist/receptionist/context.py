"""What the bot knows when it answers, and how it tells the model.

A turn loads everything it needs in one statement and stores what was said in one.
The prompt starts with the part that never changes (who we are, services, hours,
rules), so that providers can cache it; then a bounded stretch of history; then what is
true only now, beside the question it belongs to.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from .db import Database
from .faults import HEALTHY, Fault, Faults
from .faulty import prompts
from .messages import Incoming
from .practice import Practice

HISTORY_MESSAGES = 12
HISTORY_CHARACTERS = 6_000
QUESTION_CHARACTERS = 2_000

ChatMessage = dict[str, Any]

_LOAD = """
WITH known AS (
    SELECT id, name FROM customers WHERE phone = $1
), new AS (
    INSERT INTO customers (phone, name) SELECT $1, $2 WHERE NOT EXISTS (SELECT FROM known)
    ON CONFLICT (phone) DO UPDATE SET phone = excluded.phone
    RETURNING id, name
), customer AS (
    SELECT id, name FROM known UNION ALL SELECT id, name FROM new
)
SELECT c.id, c.name,
    (SELECT coalesce(json_agg(json_build_object('role', role, 'content', content)
            ORDER BY m.id), '[]')
     FROM (SELECT id, role, content FROM messages
           WHERE customer_id = c.id ORDER BY id DESC LIMIT $3) m) AS history,
    (SELECT coalesce(json_agg(json_build_object('id', a.id, 'service', s.name,
                'staff', p.name, 'calendar', p.calendar, 'starts', a.starts_at)
            ORDER BY a.starts_at), '[]')
     FROM appointments a JOIN services s ON s.id = a.service_id JOIN staff p ON p.id = a.staff_id
     WHERE a.customer_id = c.id AND a.status = 'booked' AND a.starts_at > now()) AS upcoming
FROM customer c
"""

_STORE = """
INSERT INTO messages (customer_id, role, content)
SELECT $1, role, content FROM unnest($2::text[], $3::text[]) AS said(role, content)
"""


@dataclass
class Session:
    """What matters within one conversation and is forgotten an hour after it."""

    turns: int = 0
    offered: str = ""
    """The slots listed last: "the second one" refers to them."""

    @classmethod
    def from_json(cls, text: str) -> Session:
        """Read a stored session; an empty one if there is none."""
        return cls(**json.loads(text)) if text else cls()

    def to_json(self) -> str:
        return json.dumps(asdict(self))


@dataclass(frozen=True, slots=True)
class Appointment:
    """An appointment to come."""

    id: UUID
    service: str
    staff: str
    calendar: str
    starts: datetime


@dataclass
class Context:
    """Everything known about the person who waits. Tools keep it up to date."""

    phone: str
    customer_id: int
    name: str
    session: Session
    history: list[ChatMessage] = field(default_factory=list)
    upcoming: list[Appointment] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    """What else the model is told."""


async def load(db: Database, practice: Practice, message: Incoming, session: str) -> Context:
    """Gather the context of a turn; a person who writes for the first time is made a customer."""
    rows = await db.fetch(_LOAD, message.user, message.name, HISTORY_MESSAGES)
    row = rows[0]
    return Context(
        phone=message.user,
        customer_id=row["id"],
        name=row["name"],
        session=Session.from_json(session),
        history=json.loads(row["history"]),
        upcoming=[_appointment(practice, fields) for fields in json.loads(row["upcoming"])],
    )


async def store(db: Database, context: Context, said: Sequence[str], answer: str) -> None:
    """Keep what was said in a turn."""
    roles = ["user"] * len(said) + ["assistant"]
    await db.fetch(_STORE, context.customer_id, roles, [*said, answer])


def build_prompt(
    practice: Practice,
    context: Context,
    said: Sequence[str],
    now: datetime,
    faults: Faults = HEALTHY,
) -> list[ChatMessage]:
    """The messages for the model, from what never changes to what was said just now."""
    start = instructions(practice)
    if Fault.UNCACHEABLE_PREFIX in faults:
        changing = prompts.changing_head(context.name, context.phone, now)
        start = "\n".join([changing, start, prompts.rota(practice)])
    history = bounded(context.history, HISTORY_MESSAGES, HISTORY_CHARACTERS)
    if Fault.GROWING_PROMPT in faults:
        history = context.history
    return [
        {"role": "system", "content": start},
        *history,
        {"role": "system", "content": _situation(context, now)},
        {"role": "user", "content": "\n".join(said)[-QUESTION_CHARACTERS:]},
    ]


def bounded(history: list[ChatMessage], messages: int, characters: int) -> list[ChatMessage]:
    """The newest messages within both limits, starting with one of the user's."""
    kept: list[ChatMessage] = []
    for message in reversed(history[-messages:]):
        characters -= len(message["content"])
        if characters < 0:
            break
        kept.append(message)
    while kept and kept[-1]["role"] != "user":
        kept.pop()
    return kept[::-1]


def instructions(practice: Practice) -> str:
    """The constant part of the prompt. It must not vary between people or turns."""
    services = "\n".join(
        f"- {s.name}: {s.minutes} minutes, {_price(s.price)}; {s.about}." for s in practice.services
    )
    hours = "\n".join(
        f"- {_WEEKDAYS[day]}: {opens:%H:%M} to {closes:%H:%M}"
        for day, (opens, closes) in sorted(practice.hours.items())
    )
    return _INSTRUCTIONS.format(services=services, hours=hours)


def _situation(context: Context, now: datetime) -> str:
    lines = [f"It is {now:%A, %Y-%m-%d, %H:%M}."]
    lines.append(f"You are writing with {context.name or 'someone'}, number {context.phone}.")
    if not context.session.turns:
        lines.append("They write for the first time today: greet them.")
    lines += [
        f"They have an appointment: {a.service} with {a.staff}, {a.starts:%A, %Y-%m-%d, %H:%M}."
        for a in context.upcoming
    ]
    if context.session.offered:
        lines.append(f"You last offered {context.session.offered}.")
    lines += context.remarks
    return "\n".join(lines)


def _appointment(practice: Practice, fields: dict[str, Any]) -> Appointment:
    starts = datetime.fromisoformat(fields.pop("starts")).astimezone(practice.timezone)
    return Appointment(id=UUID(fields.pop("id")), starts=starts, **fields)


def _price(units: int) -> str:
    return f"{units} reais" if units else "free of charge"


_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

_INSTRUCTIONS = """\
You are the receptionist of a beauty and skin practice and answer people on WhatsApp.

Services:
{services}

Opening hours:
{hours}
On other days and on public holidays the practice is closed.

How you write:
- In the language of the person, friendly and brief: one to three sentences, no headings, no tables.
- One question at a time. Offer at most three times to choose from.
- Repeat service, day and time when you confirm a booking, so that mistakes are noticed at once.
- Emojis sparingly, one in a message at most.

How you book:
- To name free times, call list_free_slots. Never invent a time, and never promise one from memory.
- When service, day and time are known and the person agrees, call book_appointment.
- If the time has been taken meanwhile, apologise and offer the alternatives the call returned.
- To move an appointment, book the new time first and cancel the old one only when that worked.
- To cancel, call cancel_appointment. Cancelling is free until 24 hours before; after that half of
  the price is due. Say so before you cancel an appointment that is less than 24 hours away.
- Nobody needs to pay in advance. Card, cash and instant transfer are accepted on the spot.

What you know besides:
- New customers should come ten minutes early to fill in a form.
- Children under 14 come with an adult. A companion may wait in the lounge.
- Colouring needs a patch test 48 hours before, which takes five minutes and needs no appointment.
- The entrance is free of steps; there is parking behind the building, the first hour is free.
- Vouchers are sold at the desk, are valid for two years and can be used for every service.
- Who comes more than fifteen minutes late may have to take a shorter treatment or another day.
- Freshly coloured hair should not be washed for two days; nails need an hour until they are hard.
- During pregnancy massages are possible from the fourth month on, colouring after a talk with us.
- After a facial, stay out of the sun for a day; the skin may be a little red until the evening.
- People choose their practitioner if they like; without a wish they get whoever is free first.
- Gift wrapping is free. Products used in a treatment can be bought at the desk.
- Personal data are used for appointments only and deleted on request.

What you leave to people:
- Medical advice, complaints about a treatment and invoices: say that a colleague will call back
  today, and ask when it suits.
- An emergency: tell the person to call the emergency number at once.
- Anything that has nothing to do with the practice: decline kindly and come back to the matter.
"""
