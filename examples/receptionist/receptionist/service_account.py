"""Google's service accounts: access tokens for a signed assertion (RFC 7523).

A token lasts an hour and serves all tasks of a worker. Whoever finds it about to
expire asks for the next one, while the others wait for that answer instead of asking, too.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncGenerator
from pathlib import Path

import httpx
import jwt

from . import retry
from .spans import SpanLog

_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_LIFETIME = 3600
_RENEW_BEFORE = 120.0
"""Seconds before its end at which a token is renewed; clocks differ, and requests take time."""
_POLICY = retry.Policy(
    retries=2,
    heals=lambda answer: answer.status_code == 429 or answer.status_code >= 500,
    errors=(httpx.TransportError,),
)


class ServiceAccount(httpx.Auth):
    """Signs the requests of a client in. `client` is the one that asks for tokens."""

    def __init__(
        self, key: dict[str, str], scope: str, client: httpx.AsyncClient, spans: SpanLog
    ) -> None:
        self._key = key
        self._scope = scope
        self._client = client
        self._spans = spans
        self._token = ""
        self._renew_at = 0.0
        self._renewal = asyncio.Lock()

    @staticmethod
    def read(path: str) -> dict[str, str]:
        """The key file as Google's console hands it out; `ValueError` if it is none."""
        key = json.loads(Path(path).read_text(encoding="utf-8"))
        for name in ("client_email", "private_key", "token_uri"):
            if not isinstance(key, dict) or not isinstance(key.get(name), str):
                raise ValueError(f"the service account's key file lacks {name}")
        return key

    async def async_auth_flow(
        self, request: httpx.Request
    ) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """Send the request with a token, and once more with a new one if that was refused."""
        token = await self.token()
        request.headers["authorization"] = f"Bearer {token}"
        response = yield request
        if response.status_code == 401:
            request.headers["authorization"] = f"Bearer {await self.token(refused=token)}"
            yield request

    async def token(self, refused: str = "") -> str:
        """A token that is good for a while yet, and not the refused one.
        Raises `retry.CallFailed`."""
        if not self._fresh(refused):
            async with self._renewal:
                if not self._fresh(refused):  # else somebody was faster
                    await self._renew()
        return self._token

    def _fresh(self, refused: str) -> bool:
        return self._token != refused and time.monotonic() < self._renew_at

    async def _renew(self) -> None:
        asked = time.monotonic()
        # Signing takes milliseconds of processor time, which the event loop has better use for.
        assertion = await asyncio.to_thread(self._assertion)
        response = await retry.send(
            self._client, "POST", self._key["token_uri"], _POLICY,
            lambda: self._spans.span("calendar.token"),
            data={"grant_type": _GRANT, "assertion": assertion},
        )  # fmt: skip
        try:
            answer = response.json()
            self._token, lifetime = str(answer["access_token"]), float(answer["expires_in"])
        except (ValueError, LookupError, TypeError):
            raise retry.CallFailed("access token: not the expected shape") from None
        self._renew_at = asked + lifetime - min(_RENEW_BEFORE, lifetime / 2)

    def _assertion(self) -> str:
        now = int(time.time())
        claims = {
            "iss": self._key["client_email"],
            "scope": self._scope,
            "aud": self._key["token_uri"],
            "iat": now,
            "exp": now + _LIFETIME,
        }
        headers = {"kid": self._key.get("private_key_id", "")}
        return jwt.encode(claims, self._key["private_key"], algorithm="RS256", headers=headers)
