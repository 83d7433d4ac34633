"""Reading webhooks."""

from __future__ import annotations

import unittest
from typing import Any

from receptionist.messages import Incoming, in_order, parse


def payload(message: object = None, event: str = "messages.upsert", **key: Any) -> dict[str, Any]:
    key = {"remoteJid": "99912345678@s.whatsapp.net", "fromMe": False, "id": "3EB0", **key}
    message = {"conversation": " Oi "} if message is None else message
    data = {"key": key, "pushName": "Ana", "message": message, "messageTimestamp": 1737000000}
    return {"event": event, "instance": "receptionist", "data": data}


class Parse(unittest.TestCase):
    def test_text(self) -> None:
        want = Incoming(
            "3EB0", "99912345678@s.whatsapp.net", "99912345678", "Ana", "Oi", 1737000000
        )
        self.assertEqual(parse(payload()), want)
        self.assertEqual(Incoming.from_json(want.to_json()), want)

    def test_kinds_of_message(self) -> None:
        cases = {
            "Hello": {"extendedTextMessage": {"text": "Hello"}},
            "my hair": {"imageMessage": {"caption": "my hair", "url": "x"}},
            "(a picture)": {"imageMessage": {"url": "x"}},
            "(a voice message)": {"audioMessage": {"seconds": 3}},
            "I said so": {"audioMessage": {}, "speechToText": "I said so"},
        }
        for want, message in cases.items():
            with self.subTest(want):
                found = parse(payload(message))
                self.assertEqual(found.text if found else None, want)

    def test_event_in_the_path(self) -> None:
        self.assertIsNotNone(parse(payload(event=""), "messages-upsert"))
        self.assertIsNone(parse(payload(event=""), "messages-update"))

    def test_hidden_number(self) -> None:
        known = parse(payload(remoteJid="77@lid", remoteJidAlt="9991@s.whatsapp.net"))
        self.assertEqual(known.user if known else None, "9991")
        hidden = parse(payload(remoteJid="77@lid"))
        self.assertEqual(hidden.user if hidden else None, "77@lid")

    def test_ignored(self) -> None:
        cases: dict[str, object] = {
            "own message": payload(fromMe=True),
            "group": payload(remoteJid="123-456@g.us"),
            "broadcast": payload(remoteJid="status@broadcast"),
            "status": payload(event="messages.update"),
            "reaction": payload({"reactionMessage": {"text": "+"}}),
            "blank": payload({"conversation": "  "}),
            "no id": payload(id=None),
            "no message": {"event": "messages.upsert", "data": {"key": {"id": "1"}}},
            "no data": {"event": "messages.upsert"},
            "list": [1, 2],
            "text": "messages.upsert",
            "nothing": None,
        }
        for name, case in cases.items():
            with self.subTest(name):
                self.assertIsNone(parse(case))

    def test_unusable_time_stamps(self) -> None:
        for stamp in (None, "soon", {"low": 1}, float("inf")):
            case = payload()
            case["data"]["messageTimestamp"] = stamp
            found = parse(case)
            self.assertEqual(found.sent if found else None, 0)

    def test_order(self) -> None:
        def at(name: str, sent: int) -> Incoming:
            return Incoming(name, "c", "u", "n", "t", sent)

        ordered = in_order([at("late", 9), at("first", 3), at("second", 3)])
        self.assertEqual([m.id for m in ordered], ["first", "second", "late"])


if __name__ == "__main__":
    unittest.main()
