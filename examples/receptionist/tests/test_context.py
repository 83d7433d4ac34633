"""Building prompts."""

from __future__ import annotations

import unittest
from datetime import timedelta
from uuid import uuid4

from receptionist.context import (
    HISTORY_CHARACTERS,
    HISTORY_MESSAGES,
    QUESTION_CHARACTERS,
    Appointment,
    Session,
    bounded,
    build_prompt,
)

from .fixtures import NOW, context, practice


def exchange(count: int, length: int = 5) -> list[dict[str, str]]:
    roles = ("user", "assistant")
    return [{"role": roles[i % 2], "content": f"{i}".ljust(length, ".")} for i in range(count)]


class Prompt(unittest.TestCase):
    def test_prefix_is_the_same_for_everyone_and_always(self) -> None:
        one = build_prompt(practice(), context(), ["Hi"], NOW)
        other = build_prompt(
            practice(),
            context(name="Bea", phone="2", session=Session(turns=3), history=exchange(6)),
            ["How much?"],
            NOW + timedelta(days=3),
        )
        self.assertEqual(one[0], other[0])
        for word in ("haircut", "110 reais", "Monday: 09:00 to 12:00"):
            self.assertIn(word, one[0]["content"])

    def test_what_changes_comes_after_history_and_before_the_question(self) -> None:
        starts = NOW + timedelta(days=1)
        held = Appointment(uuid4(), "massage", "Alice", "alice@practice", starts)
        session = Session(turns=1, offered="haircut on Friday: 09:00")
        known = context(session=session, history=exchange(4), upcoming=[held])
        prompt = build_prompt(practice(), known, ["Can I", "move it?"], NOW)
        roles = [message["role"] for message in prompt]
        self.assertEqual(
            roles, ["system", "user", "assistant", "user", "assistant", "system", "user"]
        )
        self.assertEqual(prompt[-1]["content"], "Can I\nmove it?")
        for word in ("Monday, 2026-03-02, 09:10", "Ana", "massage with Alice", "Friday: 09:00"):
            self.assertIn(word, prompt[-2]["content"])
        self.assertNotIn("greet", prompt[-2]["content"])

    def test_prompt_does_not_grow_without_bound(self) -> None:
        known = context(history=exchange(500, 3_000))
        prompt = build_prompt(practice(), known, ["x" * 50_000], NOW)
        size = sum(len(message["content"]) for message in prompt[1:])
        self.assertLess(size, HISTORY_CHARACTERS + QUESTION_CHARACTERS + 500)

    def test_bounded_history(self) -> None:
        cases = {
            "short": (exchange(4), 4),
            "many": (exchange(40), HISTORY_MESSAGES),
            "starts with the user": (exchange(41), HISTORY_MESSAGES - 1),
            "long": (exchange(8, 2_500), 2),
            "too long": (exchange(2, 9_000), 0),
            "empty": ([], 0),
        }
        for name, (history, kept) in cases.items():
            with self.subTest(name):
                got = bounded(history, HISTORY_MESSAGES, HISTORY_CHARACTERS)
                self.assertEqual(got, history[len(history) - kept :])

    def test_session_survives_storage(self) -> None:
        session = Session(turns=2, offered="massage on Monday: 09:00")
        self.assertEqual(Session.from_json(session.to_json()), session)
        self.assertEqual(Session.from_json(""), Session())


if __name__ == "__main__":
    unittest.main()
