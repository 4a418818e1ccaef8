"""Gemini's messages for tests, a provider side to hear and be told, and what Google's own types say of what
it writes."""

import json

from google.genai import types

from calls import Clock, ids_by_kind
from realtime_switch.dialects import gemini
from realtime_switch.dialects.acts import ReplyAudio
from realtime_switch.dialects.profile import Profile
from realtime_switch.dialects.terms import Target, Terms
from realtime_switch.dialects.wishes import Config

AUDIO = "AAAAAAAAAAAAAAAA"  # 6 samples
BLOB = {"mimeType": "audio/pcm;rate=24000", "data": AUDIO}
SETUP_COMPLETE = {"setupComplete": {}}
MADE = {"serverContent": {"generationComplete": True}}
OVER = {"serverContent": {"turnComplete": True}}
INTERRUPTED = {"serverContent": {"interrupted": True}}


def spoken(words=None, **more):
    content = {"modelTurn": {"role": "model", "parts": [{"inlineData": BLOB}]}}
    return {"serverContent": content | ({"outputTranscription": {"text": words}} if words else {}) | more}


def said(words):
    return {"serverContent": {"outputTranscription": {"text": words}}}


def heard(words, **more):
    return {"serverContent": {"inputTranscription": {"text": words, **more}}}


def activity(kind, offset):
    return {"voiceActivity": {"type": f"ACTIVITY_{kind}", "audioOffset": offset}}


def called(*calls):
    return {"toolCall": {"functionCalls": list(calls)}}


def tight(message):
    return json.dumps(message, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass")


TARGET = Target(provider="google", model="gemini-3.8-live")


class Talk:
    """A provider side in a translation, or (`config=None`) in a relay."""

    def __init__(self, config=Config(), *, terms=Terms(), profile=Profile(), history="", handle=""):  # noqa: B008
        self.now_us = Clock()
        target = Target(provider=TARGET.provider, model=TARGET.model, profile=profile)
        self.side = gemini.provider_side(target, terms, ids_by_kind(), self.now_us)
        self.opening = []
        if config is not None:
            self.opening = [self._read(frame) for frame in self.side.opening(config, history, handle)]

    def hear(self, *messages):
        """Acts as they are, frames as the messages in them."""
        said = []
        for message in messages:
            said += self.side.hear(tight(message))
        return [self._read(one) for one in said]

    def ready(self):
        """The call is set up; what that gives is of no interest."""
        self.hear(SETUP_COMPLETE)
        return self

    def tell(self, *wishes):
        said = []
        for wish in wishes:
            said += self.side.tell(wish)
        return [self._read(one) for one in said]

    def wake(self, after_s):
        self.now_us.go_on(after_s)
        return [self._read(one) for one in self.side.woke()]

    def _read(self, one):
        return sent(one) if isinstance(one, bytes) else one


def sent(frame):
    """What Google's own types say is a message of a client."""
    message = json.loads(frame)
    checked = json.loads(frame)
    # The SDK's type has no member for it, the wire has (GEMINI-LIVE.md 3.1).
    detection = checked.get("setup", {}).pop("realtimeInputConfig", None)
    if detection is not None:
        types.RealtimeInputConfig.model_validate(detection)
    types.LiveClientMessage.model_validate(checked)
    assert len(message) == 1
    return message


def without_audio(acts):
    return [act for act in acts if not isinstance(act, ReplyAudio)]
