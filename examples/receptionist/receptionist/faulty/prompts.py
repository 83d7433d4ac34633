"""Prompts that cost more than they need to."""

from __future__ import annotations

from datetime import datetime

from ..practice import Practice

# The same for everybody and always: its answer could be kept.
CLASSIFIER = [
    {
        "role": "system",
        "content": (
            "You sort messages that people send to a beauty and skin practice. The kinds are: "
            "opening hours, prices, booking, moving, cancelling, complaint, medical, other. "
            "Say in one sentence by what a message of each kind can be told from the others."
        ),
    },
    {"role": "user", "content": "By what can the kinds be told from each other?"},
]


def changing_head(name: str, phone: str, now: datetime) -> str:
    """What differs from prompt to prompt, to stand where nothing should that does."""
    return f"It is {now:%A, %Y-%m-%d, %H:%M:%S}. You are writing with {name or 'someone'}, {phone}."


def rota(practice: Practice) -> str:
    """Who works when: constant, long, and at the end of the instructions."""
    lines = [
        f"- {staff.name}, {_WEEKDAYS[day]}: {opens:%H:%M} to {closes:%H:%M}, "
        "half an hour off at noon."
        for staff in practice.staff
        for day, (opens, closes) in sorted(practice.hours.items())
    ]
    return "\n".join(["Who works when:", *lines])


def summary_of(said: list[str], answer: str) -> list[dict[str, str]]:
    """Asks for what stands in the customer's file afterwards."""
    return _asked("Summarise this exchange for the customer's file in two sentences.", said, answer)


def wishes_of(said: list[str], answer: str) -> list[dict[str, str]]:
    """Asks for what the marketing might use."""
    return _asked("List what this customer seems to wish for, in one line each.", said, answer)


def _asked(task: str, said: list[str], answer: str) -> list[dict[str, str]]:
    exchange = "\n".join([*(f"Customer: {words}" for words in said), f"Practice: {answer}"])
    return [{"role": "system", "content": task}, {"role": "user", "content": exchange}]


_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
