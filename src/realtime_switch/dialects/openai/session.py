"""How a translated call is held, as the client has asked for it and has been told."""

from typing import Any

from msgspec import Struct

from ..dialect import NewId
from ..mending import UNREADABLE, read_any, write_any
from ..wishes import Config, Configure
from .formats import written
from .session_config import DEFAULT_VOICE, audio_format, config_of, merged, session_of, sides
from .session_rules import mistake_in

_Members = dict[str, Any]


class Update(Struct):
    """A client's `session.update` that waits for its answer."""

    request_id: str
    asked: _Members  # what this one says
    after: _Members  # the whole with it


class Session:
    def __init__(self, new_id: NewId) -> None:
        self._new_id = new_id
        self._id = ""
        self.model = ""
        self.config = config_of({}, DEFAULT_VOICE)
        self._asked: _Members = {}
        self._agreed: _Members = {}  # of it, what was answered
        self._saved = ""
        self._waiting: list[Update] = []

    @property
    def id(self) -> str:
        self._id = self._id or self._new_id("sess")
        return self._id

    # -- What the client asks for --------------------------------------------------------------------------

    def ask(self, update: _Members, request_id: str) -> Configure:
        """Of an update without mistakes."""
        held = self.config
        self._hold(merged(self._asked, update))
        self._waiting.append(Update(request_id, update, self._asked))
        changed = frozenset(
            name for name in Config.__struct_fields__ if getattr(held, name) != getattr(self.config, name)
        )
        return Configure(config=self.config, changed=changed, request_id=request_id)

    def agree(self, to_all: bool) -> list[_Members]:
        """The provider has taken the oldest update, or all that wait. How the session stands by each."""
        agreed = self._waiting if to_all else self._waiting[:1]
        self._waiting = self._waiting[len(agreed) :]
        if agreed:
            self._agreed = agreed[-1].after
        return [self.told(update.after) for update in agreed]

    def take_back(self, request_id: str) -> None:
        """An update is refused, so all of it is void; those that came after it stand."""
        standing = [update for update in self._waiting if update.request_id != request_id]
        if len(standing) == len(self._waiting):
            return
        asked = self._agreed
        for update in standing:
            asked = update.after = merged(asked, update.asked)
        self._waiting = standing
        self._hold(asked)

    def _hold(self, asked: _Members) -> None:
        self._asked = asked
        self.config = config_of(asked, DEFAULT_VOICE)

    # -- What is kept for a later call (A8) ----------------------------------------------------------------

    def restore(self, saved: str) -> None:
        asked = _asked_in(saved)
        if asked is not None:
            self._agreed = asked
            self._saved = _update_text(asked)
            self._hold(asked)

    def to_save(self) -> str | None:
        """None: it is as it was saved last."""
        if not self._agreed:
            return None
        text = _update_text(self._agreed)
        if text == self._saved:
            return None
        self._saved = text
        return text

    # -- What the client is told ---------------------------------------------------------------------------

    def told(self, asked: _Members | None = None) -> _Members:
        """The whole effective session. What the provider chooses itself, or what has no effect, is not said
        to have one (TRANSLATION.md 12, A02)."""
        asked = self._asked if asked is None else asked
        came, went = sides(asked)
        hears: _Members = {
            "format": written(audio_format(came.get("format"))),
            "turn_detection": _turn_detection(came),
        }
        if came.get("transcription") is not None:
            hears["transcription"] = {
                name: value for name, value in came["transcription"].items() if name in _TRANSCRIPTION_TOLD
            }
        speaks = {
            "format": written(audio_format(went.get("format"))),
            "voice": went["voice"] if isinstance(went.get("voice"), str) else DEFAULT_VOICE,
        }
        return {
            "type": "realtime",
            "object": "realtime.session",
            "id": self.id,
            "model": self.model,
            **_DEFAULTS,
            **{name: value for name, value in asked.items() if name in _TOLD and value is not None},
            "audio": {"input": hears, "output": speaks},
        }

    def reply_manner(self) -> _Members:
        """How a reply is made, for its response objects."""
        told = self.told()
        return {
            "output_modalities": told["output_modalities"],
            "max_output_tokens": told["max_output_tokens"],
            "audio": {"output": told["audio"]["output"]},
        }


# What the live service reports (OPENAI-REALTIME.md 4.1, 4.4).
_DEFAULTS: _Members = {
    "output_modalities": ["audio"],
    "instructions": "",
    "tools": [],
    "tool_choice": "auto",
    "max_output_tokens": "inf",
    "truncation": "auto",
}
_TOLD = frozenset({*_DEFAULTS, "parallel_tool_calls", "reasoning", "temperature"})
_TRANSCRIPTION_TOLD = ("language", "languages", "keywords")
_TURN_ACTIONS = {"create_response": True, "interrupt_response": True}
_SERVER_VAD: _Members = {"threshold": 0.5, "prefix_padding_ms": 300, "silence_duration_ms": 200}


def _turn_detection(came: _Members) -> _Members | None:
    if "turn_detection" not in came:
        return {"type": "server_vad", **_SERVER_VAD, "idle_timeout_ms": None, **_TURN_ACTIONS}
    asked = came["turn_detection"]
    if asked is None:
        return None
    defaults = _SERVER_VAD if asked["type"] == "server_vad" else {"eagerness": "auto"}
    return {**defaults, **_TURN_ACTIONS, **{k: v for k, v in asked.items() if v is not None}}


# -- A configuration as text -------------------------------------------------------------------------------


def read_config(saved: str) -> Config | None:
    """None: it is no `session.update`."""
    asked = _asked_in(saved)
    return None if asked is None else config_of(asked)


def write_config(config: Config) -> str:
    return write_any({"type": "session.update", "session": session_of(config)}).decode()


def _asked_in(saved: str) -> _Members | None:
    try:
        message = read_any(saved.encode("utf-8", "replace"))
    except UNREADABLE:
        return None
    if not isinstance(message, dict) or message.get("type") != "session.update":
        return None
    return _readable(message.get("session"))


def _readable(session: Any) -> _Members | None:
    """What was saved may be a provider's own word, with members that are not OpenAI's: all but those."""
    while (mistake := mistake_in(session)) is not None:
        if not isinstance(session, dict) or not _drop(session, mistake.param):
            return None
    return merged({}, session)


def _drop(session: _Members, path: str) -> bool:
    """The field that a path leads into; of `audio`, that of one side."""
    _, *names = path.replace("[", ".").split(".")
    held: Any = session
    while names[:1] == ["audio"] or (
        held is not session and len(names) > 1 and names[0] in ("input", "output")
    ):
        if not isinstance(held.get(names[0]), dict) or len(names) == 1:
            break
        held = held[names.pop(0)]
    return bool(names) and names[0] != "type" and held.pop(names[0], None) is not None


def _update_text(asked: _Members) -> str:
    """As the client would have written it: nulls only where they say something, and nothing of a server's."""
    came, went = sides(asked)
    kept = {
        side: {k: v for k, v in members.items() if v is not None or k == "turn_detection"}
        for side, members in (("input", came), ("output", went))
    }
    session: _Members = {
        "type": "realtime",
        **{k: v for k, v in asked.items() if k != "audio" and v is not None},
    }
    if audio := {side: members for side, members in kept.items() if members}:
        session["audio"] = audio
    return write_any({"type": "session.update", "session": session}).decode()
