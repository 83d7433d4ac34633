"""The web application: takes webhooks in, acknowledges them, answers probes.

A webhook is acknowledged when its message is safe in Redis, one round trip after it
came in; the answer is found in a task of its own. If Redis is away the gateway gets 503
and repeats the webhook later, so that no acknowledged message is lost.
"""

from __future__ import annotations

import hmac
import json
import logging
import sys
import time
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI, Request, Response
from redis.asyncio import BlockingConnectionPool, Connection, Redis
from redis.exceptions import RedisError

from . import messages
from .appointments import Appointments
from .aside import about
from .calendar import Calendar, PostgresCalendar
from .db import Database
from .evolution import Gateway
from .faults import Fault
from .faulty import chores
from .faulty.crm import CustomerFiles
from .faulty.lookups import Lookups
from .faulty.sessions import Sessions
from .google import GoogleCalendar
from .inbox import Inbox
from .ledger import Ledger
from .llm import LanguageModel
from .orchestrator import Orchestrator
from .practice import Practice
from .settings import Settings
from .spans import SpanLog, innermost

_REDIS_CONNECTIONS = 32
_REDIS_SECONDS = 5.0

_log = logging.getLogger("receptionist")


@dataclass(frozen=True)
class Desk:
    """Everything one worker keeps open."""

    settings: Settings
    spans: SpanLog
    ledger: Ledger
    redis: Redis
    db: Database
    calendar: Calendar
    model: LanguageModel
    gateway: Gateway
    files: CustomerFiles
    orchestrator: Orchestrator

    @classmethod
    async def open(cls, settings: Settings) -> Desk:
        """Connect to everything and begin to work."""
        spans, ledger = SpanLog(settings.span_log), Ledger(settings.ledger)
        redis = _connect_redis(settings.redis_url, spans)
        db = await Database.open(settings.database_url, settings.pool_size, spans)
        practice = await Practice.load(db, settings.timezone)
        model = LanguageModel(
            settings.openai_base_url,
            settings.openai_api_key,
            settings.openai_model,
            settings.openai_transcription_model,
            spans,
            ledger,
            settings.faults,
        )
        gateway = Gateway(
            settings.evolution_api_url,
            settings.evolution_api_key,
            settings.evolution_instance,
            spans,
            ledger,
            settings.faults,
        )
        calendar = _open_calendar(settings, db, spans)
        tools = Appointments(practice, calendar, db, ledger)
        inbox = Inbox(redis, spans, settings.faults)
        sessions = Sessions(redis, practice, settings.faults)
        files = CustomerFiles(settings.crm_url, spans, settings.faults)
        lookups = Lookups(db, practice, calendar, model, sessions, files, settings.faults)
        orchestrator = Orchestrator(
            settings, inbox, db, practice, tools, model, gateway, spans, sessions, lookups
        )
        if Fault.DECOY_BACKGROUND_DELAY in settings.faults:
            orchestrator.spawn(chores.poll(redis, orchestrator.stopping))
        spans.start()
        ledger.start()
        orchestrator.start()
        return cls(
            settings, spans, ledger, redis, db, calendar, model, gateway, files, orchestrator
        )

    async def close(self) -> None:
        """Finish what is under way, then let go of everything."""
        await self.orchestrator.drain(self.settings.drain)
        await self.model.close()
        await self.gateway.close()
        await self.files.close()
        await self.calendar.close()
        await self.db.close()
        await self.redis.close()
        await self.redis.connection_pool.disconnect()
        await self.ledger.close()
        await self.spans.close()


app = FastAPI(title="receptionist", docs_url=None, redoc_url=None, openapi_url=None)


@app.on_event("startup")
async def start() -> None:
    """Open the desk before the first request is served."""
    settings = Settings.from_environment()
    logging.basicConfig(
        stream=sys.stderr, level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s"
    )
    _log.setLevel(settings.log_level)
    app.state.desk = await Desk.open(settings)


@app.on_event("shutdown")
async def stop() -> None:
    """Close the desk after the last request was served."""
    await app.state.desk.close()


@app.post("/webhook")
@app.post("/webhook/{event}")
async def webhook(request: Request, event: str | None = None) -> Response:
    """Take what the gateway reports; `event` is in the path if it calls one path per event."""
    desk: Desk = request.app.state.desk
    with desk.spans.span("webhook") as span:
        if request.client:
            span.note(port=request.client.port)
        if not _authentic(request, desk.settings.webhook_secret):
            return Response(status_code=401)
        try:
            payload = json.loads(await request.body())
        except ValueError:
            return Response(status_code=400)
        message = messages.parse(payload, event)
        if message is None:
            return Response(status_code=200)
        about(message.user, message.id)
        try:
            await desk.orchestrator.accept(message)
        except RedisError as failure:
            _log.error("accepting a message: %s", type(failure).__name__)
            return Response(status_code=503)
        return Response(status_code=200)


@app.get("/ping")
async def ping() -> Response:
    """Touches nothing: how long it takes is how long the event loop is busy."""
    return Response("pong", media_type="text/plain")


@app.get("/health")
async def health(request: Request) -> Response:
    """200 if this worker can serve: it reaches its database and Redis."""
    desk: Desk = request.app.state.desk
    try:
        await desk.redis.ping()
        await desk.db.fetch("SELECT 1")
    except Exception as failure:  # whatever the reason, the answer is the same
        _log.warning("health: %s", type(failure).__name__)
        return Response("unavailable", status_code=503, media_type="text/plain")
    return Response("ok", media_type="text/plain")


def _authentic(request: Request, secret: str | None) -> bool:
    """The gateway signs nothing; a secret header can be configured there and here."""
    if secret is None:
        return True
    given = request.headers.get("x-secret", "")
    return hmac.compare_digest(given.encode(), secret.encode())


def _open_calendar(settings: Settings, db: Database, spans: SpanLog) -> Calendar:
    if settings.calendar == "google" and settings.google_key_file:
        return GoogleCalendar(
            settings.google_calendar_url, settings.google_key_file, spans, settings.faults
        )
    return PostgresCalendar(db)


class _Noted(Connection):
    """A connection that tells the span of a command which one it is, and when it was used."""

    async def send_packed_command(self, *args: Any, **options: Any) -> None:
        innermost().note(sent=time.monotonic_ns())
        await super().send_packed_command(*args, **options)
        if self._writer:
            innermost().note(port=self._writer.get_extra_info("sockname")[1])

    async def read_response(self, *args: Any, **options: Any) -> Any:
        answer = await super().read_response(*args, **options)
        innermost().note(received=time.monotonic_ns())
        return answer


def _connect_redis(url: str, spans: SpanLog) -> Redis:
    pool = BlockingConnectionPool.from_url(
        url,
        connection_class=_Noted if spans.kept else Connection,
        max_connections=_REDIS_CONNECTIONS,
        timeout=_REDIS_SECONDS,
        socket_timeout=_REDIS_SECONDS,
        socket_connect_timeout=2.0,
        decode_responses=True,
    )
    return Redis(connection_pool=pool)
