"""What the gateway's webhooks say. Pure: bytes in, a message or nothing out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

_EVENT = "messages.upsert"
_PERSON = "@s.whatsapp.net"
_HIDDEN = "@lid"
_CAPTIONED = ("imageMessage", "videoMessage", "documentMessage")
_MOST_BASE64 = 1 << 20
"""Characters of audio kept in an inbox, some ten minutes. A longer voice note is asked for."""
_UNREADABLE = {
    "audioMessage": "(a voice message)",
    "imageMessage": "(a picture)",
    "videoMessage": "(a video)",
    "documentMessage": "(a document)",
    "stickerMessage": "(a sticker)",
    "locationMessage": "(a location)",
    "contactMessage": "(a contact)",
}


@dataclass(frozen=True, slots=True)
class Voice:
    """A voice note, and where its audio is: here, behind a link, or with the gateway."""

    mimetype: str
    seconds: int
    base64: str = field(default="", repr=False)
    url: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Incoming:
    """One message of one person."""

    id: str
    chat: str
    """The chat's full address, which marking as read wants."""
    user: str
    """Where an answer goes: the number's digits, or the whole address if WhatsApp hides it."""
    name: str
    text: str
    sent: int
    """Unix seconds, by the person's phone."""
    voice: Voice | None = None
    """Set if the words must still be listened to; `text` then says that it is a voice message."""

    def to_json(self) -> str:
        """The form kept in the inbox."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, entry: str) -> Incoming:
        """The inverse of `to_json`."""
        fields = json.loads(entry)
        voice = fields.pop("voice")
        return cls(**fields, voice=Voice(**voice) if voice else None)


def parse(payload: object, event: str | None = None) -> Incoming | None:
    """Read a webhook's JSON; None for all that is no message of a person to the practice.

    `event` is the last part of the path where the gateway calls a path per event. The
    gateway also reports the bot's own messages (`fromMe`): answering those is a loop.
    """
    if not isinstance(payload, Mapping):
        return None
    name = payload.get("event") or (event or "").replace("-", ".")
    data = payload.get("data")
    if name != _EVENT or not isinstance(data, Mapping):
        return None
    key, message = data.get("key"), data.get("message")
    if not isinstance(key, Mapping) or not isinstance(message, Mapping) or key.get("fromMe"):
        return None
    message_id, chat, text = key.get("id"), _chat(key), _text(message)
    if not isinstance(message_id, str) or not message_id or chat is None or not text:
        return None
    return Incoming(
        id=message_id,
        chat=chat,
        user=chat.removesuffix(_PERSON),
        name=str(data.get("pushName") or ""),
        text=text,
        sent=_whole(data.get("messageTimestamp")),
        voice=_voice(message) if text == _UNREADABLE["audioMessage"] else None,
    )


def in_order(messages: list[Incoming]) -> list[Incoming]:
    """Sort by the phones' clocks: a webhook that was repeated arrives after newer ones."""
    return sorted(messages, key=lambda message: message.sent)


def _chat(key: Mapping[str, Any]) -> str | None:
    """The address of a person's chat, by number where known; None for groups and broadcasts."""
    addresses = [a for a in (key.get("remoteJid"), key.get("remoteJidAlt")) if isinstance(a, str)]
    for suffix in (_PERSON, _HIDDEN):
        for address in addresses:
            if address.endswith(suffix) and len(address) > len(suffix):
                return address
    return None


def _text(message: Mapping[str, Any]) -> str:
    """The words of a message; for media the caption, a transcript or what kind it is."""
    extended = message.get("extendedTextMessage")
    candidates = [
        message.get("conversation"),
        extended.get("text") if isinstance(extended, Mapping) else None,
        message.get("speechToText"),
    ]
    for kind in _CAPTIONED:
        media = message.get(kind)
        candidates.append(media.get("caption") if isinstance(media, Mapping) else None)
    for candidate in candidates:
        if isinstance(candidate, str) and candidate.strip():
            return candidate.strip()
    return next((words for kind, words in _UNREADABLE.items() if kind in message), "")


def _voice(message: Mapping[str, Any]) -> Voice | None:
    """The voice note in a message. The address WhatsApp itself gives leads to encrypted
    bytes; what can be used is what the gateway adds beside it."""
    audio = message.get("audioMessage")
    if not isinstance(audio, Mapping):
        return None
    base64, url = message.get("base64"), message.get("mediaUrl")
    return Voice(
        mimetype=str(audio.get("mimetype") or "audio/ogg"),
        seconds=_whole(audio.get("seconds")),
        base64=base64 if isinstance(base64, str) and len(base64) <= _MOST_BASE64 else "",
        url=url if isinstance(url, str) and url.startswith(("http://", "https://")) else "",
    )


def _whole(number: object) -> int:
    """An integer; some gateways send it as text."""
    try:
        return int(number)  # type: ignore[call-overload]
    except (TypeError, ValueError, OverflowError):
        return 0
