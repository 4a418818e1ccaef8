"""What a Gemini client says in mid-call, as wishes (GEMINI-LIVE.md 3; TRANSLATION.md 9).

The client marks its turns itself or leaves that to the provider, tells the past before it begins, answers
tools in any order: what has to be known of that from one message to the next is kept here. A ValueError is a
mistake of the client's, and ends its call.
"""

from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import Struct

from ..dialect import ClientSaid, Hangup, NewId
from ..envelopes import Alike
from ..members import list_of
from ..shapes import Shapes, whole
from ..unambiguous import read_object
from ..wishes import (
    AnswerTool,
    AskReply,
    AudioPauses,
    Config,
    Configure,
    Say,
    SpeechBegins,
    SpeechEnds,
    StopReply,
    UserAudio,
)
from . import content, setup_in
from .endings import refused
from .pieces import Pieces
from .proofs import only_audio_from_client
from .setup_in import Setup
from .shape import INVALID, read_message
from .telling import Teller

_Members = dict[str, Any]


def read(payload: bytes) -> tuple[str, _Members] | Hangup:
    """A client's message by its name, canonically spelt."""
    whole = read_object(payload)
    if isinstance(whole, str):
        return refused(f"Invalid JSON payload received. {whole}")
    message = read_message(whole)
    return refused(message) if isinstance(message, str) else message


class _Blob(Struct, forbid_unknown_fields=True, gc=False):
    data: str
    mimeType: str = ""
    mime_type: str = ""


class _Audio(Struct, forbid_unknown_fields=True, gc=False):
    audio: _Blob


class _Microphone(Struct, forbid_unknown_fields=True, gc=False):
    """Nearly every message of a client, in either casing, read in one go."""

    realtimeInput: _Audio | None = None
    realtime_input: _Audio | None = None


_decode_microphone = msgspec.json.Decoder(_Microphone).decode
_NO_SETUP = Setup({}, "", "", "", False, False, Config())


class Listener:
    def __init__(self, teller: Teller, new_id: NewId) -> None:
        self.setup = _NO_SETUP
        self._teller = teller
        self._new_id = new_id
        self._seeds = False  # what the client puts in is the past, until it says that this is all of it
        self._speaks = False  # between its own marks
        self._spoke = False  # and there was audio between them
        self._alike: Alike | None = None
        self._pieces = Pieces()

    def take(self, setup: Setup) -> None:
        self.setup = setup
        self._teller.config = setup.config
        self._seeds = setup.seeds_history

    def change(self, update: _Members) -> None:
        """By a contextUpdate, canonically spelt."""
        members = setup_in.updated(self.setup.members, update)
        config = setup_in.config_of(members)
        self.setup = msgspec.structs.replace(self.setup, members=members, config=config)
        self._teller.config = config

    def hear_audio(self, payload: bytes) -> ClientSaid | None:
        wish = _only_audio(payload)
        return None if wish is None else self._hear_audio(wish)

    def alike(self, payload: bytes, wish: UserAudio) -> list[Alike]:
        """With the very same mime type, which names the rate."""
        cut = only_audio_from_client.cut(payload)
        if cut is None or (self.setup.config.manual_turns and not self._speaks):
            return []
        before, after = payload[: cut.start], payload[cut.stop :]
        if self._alike is None or self._alike.shapes.shapes[0].parts != (before, after):
            self._alike = Alike(Shapes(whole(before, after)), UserAudio("", wish.format))
        return [self._alike]

    def hear(self, payload: bytes) -> ClientSaid:
        if (said := self.hear_audio(payload)) is not None:
            return said
        message = read(payload)
        if isinstance(message, Hangup):
            return [message]
        name, members = message
        try:
            return _HEARERS[name](self, members)
        except ValueError as mistake:
            return [refused(str(mistake))]

    def _hear_setup(self, members: _Members) -> ClientSaid:
        raise ValueError(INVALID)  # exactly once

    def _hear_content(self, members: _Members) -> ClientSaid:
        turns = list_of(members.get("turns"))
        # Vertex: what the system says replaces the instructions; LiveKit changes them so.
        system = [turn for turn in turns if turn.get("role") == "system"]
        said: ClientSaid = []
        if system:
            said += self._hear_update({"systemInstruction": system[-1]})
        said += content.said([turn for turn in turns if turn not in system], lambda: self._new_id("call"))
        complete = members.get("turnComplete") is True
        if self._seeds:
            self._seeds = not complete
            return said
        # It interrupts whatever is being said, whether it asks for an answer or not.
        return [StopReply(), *said, *([AskReply(interrupts=True)] if complete else [])]

    def _hear_input(self, members: _Members) -> ClientSaid:
        said: ClientSaid = []
        for name, member in members.items():
            said += _INPUTS[name](self, member)
        return said

    def _hear_blob(self, blob: _Members) -> ClientSaid:
        if content.is_picture(blob):
            return [content.image(blob)]
        wish = content.audio(blob)
        if wish is None:
            raise ValueError(INVALID)
        return self._hear_audio(wish)

    def _hear_chunks(self, blobs: list[_Members]) -> ClientSaid:
        return self._hear_blob(blobs[0]) if blobs else []  # only the first is used (GEMINI-LIVE.md 3.3)

    def _hear_audio(self, wish: UserAudio) -> ClientSaid:
        if self.setup.config.manual_turns and not self._speaks:
            return []
        self._spoke = True
        return [wish]

    def _hear_text(self, text: str) -> ClientSaid:
        """A turn of its own. A blank one asks for an answer and says nothing (CLIENTS-GEMINI.md 5)."""
        said = [Say(item_id="", role="user", text=text)] if text.strip() else []
        return [StopReply(), *said, AskReply(interrupts=True)]

    def _hear_start(self, members: _Members) -> ClientSaid:
        if not self.setup.config.manual_turns:
            raise ValueError(INVALID)
        if self._speaks:
            return []
        self._speaks, self._spoke = True, False
        return [SpeechBegins()]

    def _hear_end(self, members: _Members) -> ClientSaid:
        if not self.setup.config.manual_turns:
            raise ValueError(INVALID)
        if not self._speaks:
            return []
        self._speaks = False
        if not self._spoke:
            raise ValueError("Precondition check failed.")
        return [SpeechEnds()]

    def _hear_pause(self, paused: bool) -> ClientSaid:
        return [AudioPauses()] if paused and not self.setup.config.manual_turns else []

    def _hear_answers(self, members: _Members) -> ClientSaid:
        said: ClientSaid = []
        for number, response in enumerate(list_of(members.get("functionResponses"))):
            said += self._hear_answer(response, f"tool_response.function_responses[{number}]")
        return said + self._settled([wish for wish in said if isinstance(wish, AnswerTool)])

    def _hear_answer(self, response: _Members, path: str) -> ClientSaid:
        if list_of(response.get("parts")):
            raise ValueError(f"{path}.parts is not supported by this backend.")
        answer = content.answer(response)
        awaited = self._teller.awaited
        call_id = answer.call_id or next((i for i, name in awaited.items() if name == answer.name), "")
        if call_id not in awaited:
            self._pieces.forget(call_id)
            return []  # called off meanwhile, or answered already
        answer = msgspec.structs.replace(answer, call_id=call_id, name=awaited[call_id])
        if answer.more:
            self._pieces.add(answer)
            return [answer]
        del awaited[call_id]
        return [self._pieces.whole(answer)]

    def _settled(self, answers: list[AnswerTool]) -> ClientSaid:
        """A turn whose calls are all answered for the model's ears only ends here: nothing more comes."""
        silent = answers and all(answer.scheduling == "silent" and not answer.more for answer in answers)
        if not silent or self._teller.awaited or self._teller.replying:
            return []
        return [*self._teller.finish()]

    def _hear_update(self, update: _Members) -> ClientSaid:
        before = self.setup.config
        self.change(update)
        changed = {"instructions"} if "systemInstruction" in update else set()
        if "tools" in update:
            changed |= {"tools", "extras"} if self.setup.config.extras != before.extras else {"tools"}
        return [Configure(config=self.setup.config, changed=frozenset(changed))] if changed else []


def _only_audio(payload: bytes) -> UserAudio | None:
    try:
        message = _decode_microphone(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if (message.realtimeInput is None) == (message.realtime_input is None):
        return None
    held = message.realtimeInput or message.realtime_input
    assert held is not None
    blob = held.audio
    audio_format = content.pcm_format((blob.mimeType or blob.mime_type)[:200])
    try:
        return None if audio_format is None else UserAudio(content.base64(blob.data), audio_format)
    except ValueError:
        return None


_HEARERS: dict[str, Callable[[Listener, Any], ClientSaid]] = {
    "setup": Listener._hear_setup,
    "clientContent": Listener._hear_content,
    "realtimeInput": Listener._hear_input,
    "toolResponse": Listener._hear_answers,
    "contextUpdate": Listener._hear_update,
}
_INPUTS: dict[str, Callable[[Listener, Any], ClientSaid]] = {
    "audio": Listener._hear_blob,
    "video": Listener._hear_blob,
    "mediaChunks": Listener._hear_chunks,
    "text": Listener._hear_text,
    "activityStart": Listener._hear_start,
    "activityEnd": Listener._hear_end,
    "audioStreamEnd": Listener._hear_pause,
}
