"""Configuration. The environment is the only source, read once at the start."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import tzinfo
from zoneinfo import ZoneInfo

from . import faults
from .faults import HEALTHY, Fault, Faults


@dataclass(frozen=True)
class Settings:
    """Everything that differs between installations. Secrets stay out of `repr`."""

    database_url: str = field(repr=False)
    redis_url: str = field(repr=False)
    openai_api_key: str = field(repr=False)
    evolution_api_key: str = field(repr=False)
    port: int = 8000
    web_workers: int = 2
    openai_base_url: str = "https://api.openai.com/v1"
    openai_model: str = "gpt-4o-mini"
    openai_transcription_model: str = "gpt-4o-mini-transcribe"
    evolution_api_url: str = "http://127.0.0.1:8080"
    evolution_instance: str = "receptionist"
    webhook_secret: str | None = field(default=None, repr=False)
    calendar: str = "postgres"
    """Where the practitioners' calendars are: google or postgres."""
    google_calendar_url: str = "https://www.googleapis.com/calendar/v3"
    google_key_file: str | None = None
    database_connections: int = 20
    """Connections to PostgreSQL, all workers together."""
    max_turns: int = 200
    """Turns under way in one worker; what comes beyond waits in Redis."""
    debounce: float = 0.0
    """Seconds to wait for more messages before a turn starts."""
    drain: float = 25.0
    """Seconds that turns under way get to finish when a worker stops."""
    timezone: tzinfo = ZoneInfo("America/Sao_Paulo")
    span_log: str | None = None
    ledger: str | None = None
    log_level: str = "INFO"
    faults: Faults = HEALTHY
    """Mistakes that are switched on; none in earnest."""
    crm_url: str | None = None
    """Customer files kept elsewhere; only `serial_lookups` asks for them."""

    @property
    def pool_size(self) -> int:
        """Connections to PostgreSQL of one worker."""
        size = max(1, self.database_connections // self.web_workers)
        if Fault.HELD_TRANSACTION in self.faults:
            size = min(size, 4)
        if Fault.SMALL_POOL in self.faults:
            size = min(size, 2)
        return size

    @classmethod
    def from_environment(cls, env: Mapping[str, str] = os.environ) -> Settings:
        """Read the settings; a missing or malformed one is a `SettingsError` that names it."""

        def text(name: str, default: str) -> str:
            return env.get(name) or default

        def number(name: str, default: float, least: float) -> float:
            try:
                value = float(text(name, str(default)))
            except ValueError:
                raise SettingsError(f"{name} is not a number") from None
            if value < least:
                raise SettingsError(f"{name} must be at least {least:g}")
            return value

        def secret(name: str) -> str:
            if not env.get(name):
                raise SettingsError(f"{name} is not set")
            return env[name]

        def mistakes() -> Faults:
            try:
                return faults.parse(text("FAULTS", ""))
            except ValueError as unknown:
                raise SettingsError(f"FAULTS: {unknown}") from None

        def calendar() -> str:
            keys = env.get("GOOGLE_APPLICATION_CREDENTIALS")
            where = text("CALENDAR", "google" if keys else "postgres")
            if where not in ("google", "postgres"):
                raise SettingsError("CALENDAR must be google or postgres")
            if where == "google" and not keys:
                raise SettingsError("GOOGLE_APPLICATION_CREDENTIALS is not set")
            return where

        return cls(
            database_url=secret("DATABASE_URL"),
            redis_url=secret("REDIS_URL"),
            openai_api_key=secret("OPENAI_API_KEY"),
            evolution_api_key=secret("EVOLUTION_API_KEY"),
            port=int(number("PORT", cls.port, 1)),
            web_workers=int(number("WEB_WORKERS", cls.web_workers, 1)),
            openai_base_url=text("OPENAI_BASE_URL", cls.openai_base_url).rstrip("/"),
            openai_model=text("OPENAI_MODEL", cls.openai_model),
            openai_transcription_model=text(
                "OPENAI_TRANSCRIPTION_MODEL", cls.openai_transcription_model
            ),
            evolution_api_url=text("EVOLUTION_API_URL", cls.evolution_api_url).rstrip("/"),
            evolution_instance=text("EVOLUTION_INSTANCE", cls.evolution_instance),
            webhook_secret=env.get("WEBHOOK_SECRET") or None,
            calendar=calendar(),
            google_calendar_url=text("GOOGLE_CALENDAR_URL", cls.google_calendar_url).rstrip("/"),
            google_key_file=env.get("GOOGLE_APPLICATION_CREDENTIALS") or None,
            database_connections=int(number("DATABASE_CONNECTIONS", cls.database_connections, 1)),
            max_turns=int(number("MAX_TURNS", cls.max_turns, 1)),
            debounce=number("DEBOUNCE_SECONDS", cls.debounce, 0),
            drain=number("DRAIN_SECONDS", cls.drain, 0),
            timezone=ZoneInfo(text("TIMEZONE", "America/Sao_Paulo")),
            span_log=env.get("SPAN_LOG") or None,
            ledger=env.get("LEDGER") or None,
            log_level=text("LOG_LEVEL", cls.log_level).upper(),
            faults=mistakes(),
            crm_url=env.get("CRM_URL") or None,
        )


class SettingsError(ValueError):
    """The environment lacks something or holds something unusable."""
