"""Reading the environment."""

from __future__ import annotations

import unittest

from receptionist.settings import Settings, SettingsError

LEAST = {
    "DATABASE_URL": "postgres://bot:hunter2@127.0.0.1/bot",
    "REDIS_URL": "redis://127.0.0.1/0",
    "OPENAI_API_KEY": "sk-hunter2",
    "EVOLUTION_API_KEY": "hunter2",
}


class Environment(unittest.TestCase):
    def test_defaults(self) -> None:
        settings = Settings.from_environment(LEAST)
        self.assertEqual((settings.openai_model, settings.web_workers), ("gpt-4o-mini", 2))
        self.assertEqual((settings.pool_size, settings.span_log), (10, None))

    def test_values(self) -> None:
        settings = Settings.from_environment(
            {
                **LEAST,
                "WEB_WORKERS": "8",
                "DATABASE_CONNECTIONS": "4",
                "OPENAI_BASE_URL": "http://x/v1/",
            }
        )
        self.assertEqual((settings.pool_size, settings.openai_base_url), (1, "http://x/v1"))

    def test_mistakes_are_named(self) -> None:
        for name, value in (("PORT", "http"), ("WEB_WORKERS", "0"), ("DATABASE_URL", "")):
            with self.subTest(name), self.assertRaisesRegex(SettingsError, name):
                Settings.from_environment({**LEAST, name: value})

    def test_calendar(self) -> None:
        keys = {"GOOGLE_APPLICATION_CREDENTIALS": "/run/key.json"}
        cases: list[tuple[dict[str, str], str]] = [
            ({}, "postgres"),
            (keys, "google"),
            ({**keys, "CALENDAR": "postgres"}, "postgres"),
        ]
        for env, want in cases:
            with self.subTest(env):
                settings = Settings.from_environment({**LEAST, **env})
                self.assertEqual(settings.calendar, want)
        with self.assertRaisesRegex(SettingsError, "GOOGLE_APPLICATION_CREDENTIALS"):
            Settings.from_environment({**LEAST, "CALENDAR": "google"})
        with self.assertRaisesRegex(SettingsError, "CALENDAR"):
            Settings.from_environment({**LEAST, **keys, "CALENDAR": "outlook"})

    def test_secrets_are_not_shown(self) -> None:
        self.assertNotIn("hunter2", repr(Settings.from_environment(LEAST)))


if __name__ == "__main__":
    unittest.main()
