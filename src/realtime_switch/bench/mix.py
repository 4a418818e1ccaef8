"""What flows through a busy call, in the proportions of a real one.

One reply of four seconds: 92 audio deltas of 6.6 KB (23 a second), 13 transcript deltas (150 words a minute, 1.3
tokens a word, a token each), the dozen events of a reply's life, one response.done with a full bill. Before each
reply a turn of the user, of a second and a half, and the six events that OpenAI says of it. What a client says is
20 ms of audio, 1.3 KB; when it is not its turn, of silence. Real turns and replies follow each other; here sound
comes all the time, so a turn lies beside the end of the reply before it, and what is said of it comes with the
first sound after that: five events at once. Its words come when they are known (OPENAI-REALTIME.md 9.2).
Shapes and member order are OpenAI's (OPENAI-REALTIME.md 7.3, 9.2), tight as it prints them.
"""

from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterator
from itertools import cycle

import msgspec
from msgspec import Struct, structs

AUDIO_DELTA_BYTES_MIN = 6_000  # whatever a dialect puts around it
DELTAS_PER_S = 23
APPENDS_PER_S = 50
REPLY_BURSTS = 92  # each with one audio delta
SPEECH_BEGINS = 58  # the user speaks from this burst on, until the reply's end
TRANSCRIBED = 11  # behind this burst come the words of the turn, half a second later

Bursts = list[list[bytes]]

_HEARD = b64encode(bytes(range(240)) * 4)  # 960 bytes of PCM
_HEARD_URLSAFE = urlsafe_b64encode(bytes(range(240)) * 4)
_SILENCE = b64encode(bytes(960))

APPEND = b'{"type":"input_audio_buffer.append","audio":"%s"}' % _HEARD

# As the libraries print it; each has its witness in tests/dialects/openai/test_proofs.py.
APPENDS_AS_SPELT = (
    APPEND,  # openai-node, agents-realtime, browsers
    b'{"type": "input_audio_buffer.append", "audio": "%s"}' % _HEARD,  # openai-python
    b'{"audio": "%s", "type": "input_audio_buffer.append"}' % _HEARD,  # livekit
    b'{"audio":"%s","type":"input_audio_buffer.append"}' % _HEARD,  # openai-agents
    b'{"event_id": "a3bb189e-8bf9-4c3e-9a0e-2f1d5b7c6e10", "type": "input_audio_buffer.append", "audio": "%s"}'
    % _HEARD,  # pipecat
)

_IDS = '"response_id":"resp_0123456789abcdefghij","item_id":"item_0123456789abcdefghij","output_index":0,"content_index":0'
_TURN = '"item_id":"item_0123456789abcdefghiu"'
_SAID = '{"id":"item_0123456789abcdefghiu","type":"message","status":"completed","role":"user","content":[{"type":"input_audio","transcript":null}]}'
_ITEM = '{"id":"item_0123456789abcdefghij","type":"message","status":"%s","role":"assistant","content":[%s]}'

SESSION_CREATED = (
    b'{"type":"session.created","event_id":"event_0","session":{"type":"realtime","object":"realtime.session",'
    b'"id":"sess_bench","model":"bench","output_modalities":["audio"],"instructions":"","tools":[],'
    b'"tool_choice":"auto","max_output_tokens":"inf","tracing":null,"truncation":"auto","prompt":null,'
    b'"expires_at":1795233600,"audio":{"input":{"format":{"type":"audio/pcm","rate":24000},"transcription":null,'
    b'"noise_reduction":null,"turn_detection":{"type":"server_vad","threshold":0.5,"prefix_padding_ms":300,'
    b'"silence_duration_ms":200,"idle_timeout_ms":null,"create_response":true,"interrupt_response":true}},'
    b'"output":{"format":{"type":"audio/pcm","rate":24000},"voice":"marin","speed":1.0}},"include":null}}'
)
SESSION_UPDATED = SESSION_CREATED.replace(b'"session.created"', b'"session.updated"')


def _event(kind: str, rest: str) -> bytes:
    return f'{{"type":"{kind}","event_id":"event_0123456789abcdefghij",{rest}}}'.encode()


AUDIO_DELTA = _event("response.output_audio.delta", f'{_IDS},"delta":"{b64encode(bytes(4800)).decode()}"')


def _reply() -> Bursts:
    """One reply as bursts, each with the audio delta that lets the client go on. Behind that come the end of the
    reply and, when they are known, the user's words; all else comes before it."""
    response = (
        '"response":{"object":"realtime.response","id":"resp_0123456789abcdefghij","status":"%s","status_details":null,'
        '"output":[%s],"conversation_id":"conv_1","output_modalities":["audio"],"max_output_tokens":"inf",'
        '"audio":{"output":{"format":{"type":"audio/pcm","rate":24000},"voice":"marin"}},"usage":%s,"metadata":null}'
    )
    usage = (
        '{"total_tokens":214,"input_tokens":171,"output_tokens":43,"input_token_details":{"text_tokens":151,'
        '"audio_tokens":20,"image_tokens":0,"cached_tokens":128,"cached_tokens_details":{"text_tokens":128,'
        '"audio_tokens":0,"image_tokens":0}},"output_token_details":{"text_tokens":11,"audio_tokens":32}}'
    )
    said = "The other rows are free until nine this evening, so take your time. " * 2
    whole = _ITEM % ("completed", f'{{"type":"output_audio","transcript":"{said}"}}')
    begun = _ITEM % ("in_progress", "")
    opening = [
        _event("response.created", response % ("in_progress", "", "null")),
        _event(
            "response.output_item.added",
            f'"response_id":"resp_0123456789abcdefghij","output_index":0,"item":{begun}',
        ),
        _event("conversation.item.added", f'"previous_item_id":"item_u","item":{begun}'),
        _event("response.content_part.added", f'{_IDS},"part":{{"type":"audio","transcript":""}}'),
    ]
    closing = [
        _event("response.output_audio.done", _IDS),
        _event("response.output_audio_transcript.done", f'{_IDS},"transcript":"{said}"'),
        _event("response.content_part.done", f'{_IDS},"part":{{"type":"audio","transcript":"{said}"}}'),
        _event("conversation.item.done", f'"previous_item_id":"item_u","item":{whole}'),
        _event(
            "response.output_item.done",
            f'"response_id":"resp_0123456789abcdefghij","output_index":0,"item":{whole}',
        ),
        _event("response.done", response % ("completed", whole, usage)),
        _event(
            "rate_limits.updated",
            '"rate_limits":[{"name":"tokens","limit":40000,"remaining":39786,"reset_seconds":0.3}]',
        ),
    ]
    words = [
        _event(
            "response.output_audio_transcript.delta", f'{_IDS},"delta":" word","obfuscation":"Zk81mQp0aTx"'
        )
        for _ in range(13)
    ]
    turn = [
        _event("input_audio_buffer.speech_started", f'"audio_start_ms":640,{_TURN}'),
        _event("input_audio_buffer.speech_stopped", f'"audio_end_ms":2144,{_TURN}'),
        _event("input_audio_buffer.committed", f'"previous_item_id":"item_u",{_TURN}'),
        _event("conversation.item.added", f'"previous_item_id":"item_u","item":{_SAID}'),
        _event("conversation.item.done", f'"previous_item_id":"item_u","item":{_SAID}'),
    ]
    bursts = [[AUDIO_DELTA] for _ in range(REPLY_BURSTS)]
    transcribed = _event("conversation.item.input_audio_transcription.completed", _heard_as())
    bursts[0] = [*turn, *opening, AUDIO_DELTA]
    bursts[TRANSCRIBED].append(transcribed)
    bursts[-1] += closing
    for number, word in enumerate(words):
        bursts[1 + number * 7].insert(0, word)
    return bursts


def _heard_as() -> str:
    words = "Good, and could you tell me as well until when they are open?"
    return (
        f'{_TURN},"content_index":0,"transcript":"{words}","usage":{{"type":"tokens","total_tokens":31,'
        '"input_tokens":16,"input_token_details":{"text_tokens":0,"audio_tokens":16},"output_tokens":15}'
    )


def silent(append: bytes) -> bytes:
    """The same message, of a user who does not speak."""
    return append.replace(_HEARD, _SILENCE).replace(_HEARD_URLSAFE, _SILENCE)


def said(spoken: bytes, silence: bytes, messages: int) -> list[bytes]:
    """What a caller says while the provider says one reply, in so many messages."""
    until = messages * SPEECH_BEGINS // REPLY_BURSTS
    return [silence] * until + [spoken] * (messages - until)


# -- The same call, at Gemini ---------------------------------------------------------------------------------
#
# Printed as the service prints it: indented, a newline at the end (GEMINI-LIVE.md 2). Without the empty frames
# that one model sends between all others, so that both calls are the same number of messages to the client.

GEMINI_SETUP = b'{"setup":{"model":"models/bench","generationConfig":{"responseModalities":["AUDIO"]},"outputAudioTranscription":{}}}'
GEMINI_SETUP_COMPLETE = b'{\n  "setupComplete": {}\n}\n'
GEMINI_APPEND = b'{"realtimeInput":{"audio":{"mimeType":"audio/pcm;rate=24000","data":"%s"}}}' % _HEARD
# tests/dialects/gemini/test_proofs.py
GEMINI_APPENDS_AS_SPELT = (
    GEMINI_APPEND,  # google-genai for JavaScript, browsers
    b'{"realtime_input": {"audio": {"data": "%s", "mime_type": "audio/pcm;rate=24000"}}}'
    % _HEARD_URLSAFE,  # google-genai for Python, and so livekit and pipecat
)


def _printed(message: object) -> bytes:
    return msgspec.json.format(msgspec.json.encode(message), indent=2) + b"\n"


GEMINI_AUDIO = _printed(
    {
        "serverContent": {
            "modelTurn": {
                "parts": [
                    {
                        "inlineData": {
                            "mimeType": "audio/pcm;rate=24000",
                            "data": b64encode(bytes(4800)).decode(),
                        }
                    }
                ]
            }
        }
    }
)


def _gemini_reply() -> Bursts:
    usage = {
        "promptTokenCount": 171,
        "responseTokenCount": 43,
        "totalTokenCount": 214,
        "promptTokensDetails": [
            {"modality": "TEXT", "tokenCount": 151},
            {"modality": "AUDIO", "tokenCount": 20},
        ],
        "responseTokensDetails": [{"modality": "AUDIO", "tokenCount": 43}],
    }
    closing = [
        _printed({"serverContent": {"generationComplete": True}}),
        _printed({"serverContent": {"turnComplete": True}, "usageMetadata": usage}),
    ]
    bursts = [[GEMINI_AUDIO] for _ in range(REPLY_BURSTS)]
    for number in range(13):
        words = _printed({"serverContent": {"outputTranscription": {"text": " word"}}})
        bursts[1 + number * 7].insert(0, words)
    return [[*closing, *bursts[0]], *bursts[1:]]


# -- The same call, at GPT-Live -------------------------------------------------------------------------------
#
# Sound comes in pieces of 100 ms all the time, and words on a grid of 200 ms (GPT-LIVE.md 6); here it is as fast
# as in the other calls, so that all are the same number of messages.

LIVE_START = b'{"type":"session.start","session":{"model":"bench"}}'
LIVE_STARTED = (
    b'{"type":"session.started","event_id":"event_0","session":{"id":"live_u1_bench","expires_at":1795260000,'
    b'"model":"bench","status":"active","instructions":"","audio":{"output":{"voice":"marin"}},'
    b'"delegation":{"type":"client"},"input":[]}}'
)
LIVE_APPEND = b'{"type":"session.input_audio.append","audio":"%s"}' % _HEARD
# tests/dialects/gpt_live/test_proofs.py
LIVE_APPENDS_AS_SPELT = (
    LIVE_APPEND,  # openai-node, browsers
    b'{"type": "session.input_audio.append", "audio": "%s"}' % _HEARD,  # openai-python, LiveKit, Pipecat
)
LIVE_AUDIO = b'{"type":"session.output_audio.delta","delta":"%s"}' % b64encode(bytes(4800))


def _live_reply() -> Bursts:
    bursts = [[LIVE_AUDIO] for _ in range(REPLY_BURSTS)]
    for number in range(13):
        times = f'"start_ms":{number * 700},"end_ms":{number * 700 + 200}'
        words = _event("session.output_transcript.delta", f'"delta":" word",{times}')
        bursts[1 + number * 7].insert(0, words)
    usage = _event("session.usage.updated", '"usage":{"seconds":15.0},"context_window":{"usage_ratio":0.03}')
    return [[usage, *bursts[0]], *bursts[1:]]


class Mix(Struct, frozen=True):
    """One dialect's side of the load: what its provider sends, and what its client says."""

    greeting: bytes  # the provider's first message
    reply: Bursts  # each with one audio delta
    provider_is_binary: bool
    setup: bytes  # what the client says first; empty: it waits for the greeting
    answer: bytes  # what the provider says to a change of the configuration
    appends: tuple[bytes, ...]

    def bursts(self) -> Iterator[list[bytes]]:
        """What the provider sends, one burst after another, for ever."""
        return cycle(self.reply)


OPENAI = Mix(SESSION_CREATED, _reply(), False, b"", SESSION_UPDATED, (APPEND,))
GEMINI = Mix(GEMINI_SETUP_COMPLETE, _gemini_reply(), True, GEMINI_SETUP, b"", (GEMINI_APPEND,))
GPT_LIVE = Mix(LIVE_STARTED, _live_reply(), False, LIVE_START, b"", (LIVE_APPEND,))
OPENAI_AS_SPELT = structs.replace(OPENAI, appends=APPENDS_AS_SPELT)
GEMINI_AS_SPELT = structs.replace(GEMINI, appends=GEMINI_APPENDS_AS_SPELT)
GPT_LIVE_AS_SPELT = structs.replace(GPT_LIVE, appends=LIVE_APPENDS_AS_SPELT)
