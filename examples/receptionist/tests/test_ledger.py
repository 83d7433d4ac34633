"""The books."""

from __future__ import annotations

import json
import os
import tempfile
import unittest
from pathlib import Path

from receptionist.aside import about
from receptionist.ledger import Ledger


class Books(unittest.IsolatedAsyncioTestCase):
    async def test_lines(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            ledger = Ledger(f"{folder}/ledger")
            ledger.start()
            about("9991", "3EB0")
            ledger.model("large", {"prompt_tokens": 9})
            ledger.model("ears", None, 3)
            ledger.booked("e1", "a@practice")
            ledger.cancelled("e1", "a@practice")
            ledger.sent("BAE5")
            await ledger.close()
            text = Path(f"{folder}/ledger.{os.getpid()}").read_text()
        rows = [json.loads(line) for line in text.splitlines()]
        stamps = [row.pop("at") for row in rows]
        self.assertEqual(stamps, sorted(stamps))
        of = {"user": "9991", "message": "3EB0"}
        self.assertEqual(
            rows,
            [
                {"kind": "model", "model": "large", "usage": {"prompt_tokens": 9},
                 "audio_seconds": 0, **of},
                {"kind": "model", "model": "ears", "usage": None, "audio_seconds": 3, **of},
                {"kind": "booked", "event": "e1", "calendar": "a@practice", **of},
                {"kind": "cancelled", "event": "e1", "calendar": "a@practice", **of},
                {"kind": "sent", "id": "BAE5", **of},
            ],
        )  # fmt: skip

    async def test_silent_without_a_path(self) -> None:
        ledger = Ledger(None)
        ledger.start()
        ledger.booked("e1", "a@practice")
        await ledger.close()


if __name__ == "__main__":
    unittest.main()
