"""The log of spans."""

from __future__ import annotations

import json
import os
import tempfile
import unittest
from pathlib import Path

from receptionist.aside import about
from receptionist.spans import SpanLog, innermost


class Spans(unittest.IsolatedAsyncioTestCase):
    async def test_written_at_the_latest_at_the_end(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            log = SpanLog(f"{folder}/spans")
            log.start()
            about("9991", "3EB0")
            with self.assertRaises(KeyError), log.span("turn") as span:
                span.note(port=7)
                raise KeyError
            await log.close()
            lines = Path(f"{folder}/spans.{os.getpid()}").read_text().splitlines()
        row = json.loads(lines[0])
        self.assertLessEqual(row.pop("start"), row.pop("end"))
        want = {"name": "turn", "pid": os.getpid(), "port": 7, "error": "KeyError"}
        self.assertEqual(row, {**want, "user": "9991", "message": "3EB0"})

    async def test_silent_without_a_path(self) -> None:
        log = SpanLog(None)
        log.start()
        self.assertIs(log.span("a"), log.span("b"))
        with log.span("turn") as span:
            span.note(port=7)
            self.assertEqual(span.extensions, {})
        await log.close()

    async def test_what_knows_of_no_span_finds_the_innermost(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            log = SpanLog(f"{folder}/spans")
            with log.span("turn") as outer:
                with log.span("redis.get") as inner:
                    self.assertIs(innermost(), inner)
                    innermost().note(port=7)
                self.assertIs(innermost(), outer)
            innermost().note(port=8)  # in none: said to nobody
            await log.close()
            lines = Path(f"{folder}/spans.{os.getpid()}").read_text().splitlines()
        self.assertEqual([json.loads(line).get("port") for line in lines], [7, None])


if __name__ == "__main__":
    unittest.main()
