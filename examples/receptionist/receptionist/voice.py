"""What people say with their voice, in words."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from .evolution import Gateway
from .llm import LanguageModel
from .messages import Incoming
from .retry import CallFailed

_LONGEST_SECONDS = 5 * 60

_log = logging.getLogger("receptionist")


class Listener:
    """Fetches voice notes and has them transcribed."""

    def __init__(self, gateway: Gateway, model: LanguageModel) -> None:
        self._gateway = gateway
        self._model = model

    async def words(self, messages: Sequence[Incoming]) -> list[str]:
        """What each message says. One that cannot be understood says what it is, so that
        the model can ask for it in writing."""
        return await asyncio.gather(*(self._words(message) for message in messages))

    async def _words(self, message: Incoming) -> str:
        voice = message.voice
        if voice is None or voice.seconds > _LONGEST_SECONDS:
            return message.text
        try:
            audio, mimetype = await self._gateway.audio(message, voice)
            words = await self._model.transcribe(audio, mimetype, voice.seconds)
            return words or message.text
        except CallFailed as failure:
            _log.warning("listening: %s", failure)
            return message.text
