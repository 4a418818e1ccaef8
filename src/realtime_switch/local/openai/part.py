"""The one item of a reply that is being said."""

from realtime_switch.local.openai.items import Item, Json
from realtime_switch.local.thought import Tokens

# Live audio deltas carry about 250 ms (2.5); every frame stays far below 1 MiB.
PORTION_MS = 200
WORDS_PER_PORTION = 4
ARGUMENT_PIECE = 16

_DELTAS = {
    "audio": "response.output_audio_transcript.delta",
    "text": "response.output_text.delta",
    "call": "response.function_call_arguments.delta",
}


class Part:
    """The item that is being made, and how much of it has left."""

    def __init__(self, item: Item, kind: str, text: str) -> None:
        self.item = item
        self.kind = kind
        self.text = text
        self.previous_item_id: str | None = None
        self.said = ""
        self.sound = bytearray()
        self.written: Tokens | None = None

    @property
    def delta_event(self) -> str:
        return _DELTAS[self.kind]

    def content(self, said: str) -> Json:
        # 7.3: a part is of type audio or text, without output_, and without keys that are not its own.
        return (
            {"type": "text", "text": said} if self.kind == "text" else {"type": "audio", "transcript": said}
        )
