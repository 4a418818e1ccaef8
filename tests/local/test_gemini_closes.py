"""Who is refused, and in which words (GEMINI-LIVE.md 9); and that every field the SDK knows has its place."""

import base64
from pathlib import Path
from typing import Any

import msgspec
import pytest
from google.genai import types

from local_gemini import MODEL, PLAIN, PureGemini
from local_talk import Event
from realtime_switch.local.gemini import closes
from realtime_switch.local.gemini.admission import Surface, admission, is_auth_tokens, surface
from realtime_switch.local.gemini.auth_tokens import AuthTokens, NotMade
from realtime_switch.local.gemini.habits import SHAPES, Habits, KnobMistake, named_habits
from realtime_switch.local.gemini.messages import client_reader
from realtime_switch.local.gemini.proto import Refused
from realtime_switch.local.orders import End

INVALID = closes.INVALID_ARGUMENT


def setup(**fields: Any) -> Event:
    return {"setup": {"model": MODEL, **fields}}


def generation(**fields: Any) -> Event:
    return setup(generationConfig=fields)


def function(**fields: Any) -> Event:
    return setup(tools=[{"functionDeclarations": [{"name": "f", **fields}]}])


def unknown(name: str, path: str) -> End:
    place = f" at '{path}'" if path else ""
    return End(1007, f'Invalid JSON payload received. Unknown name "{name}"{place}: Cannot find field.')


@pytest.mark.parametrize(
    ("message", "end"),
    [
        # What is not there yet, or not at all.
        ({"realtimeInput": {"text": "hi"}}, INVALID),
        ({}, INVALID),
        ({"setup": None}, INVALID),
        ({**setup(), "realtimeInput": {"text": "hi"}}, INVALID),
        ({"setup": {}}, INVALID),
        (setup(model=""), INVALID),
        # Unknown names, with their path as the service writes it.
        (setup(bogusField=1), unknown("bogusField", "setup")),
        ({"bogus": 1}, unknown("bogus", "")),
        (
            generation(speechConfig={"bogus_one": None}),
            unknown("bogus_one", "setup.generation_config.speech_config"),
        ),
        (function(bogus=1), unknown("bogus", "setup.tools[0].function_declarations[0]")),
        (setup(sessionResumption={"transparent": True}), unknown("transparent", "setup.session_resumption")),
        (setup(explicitVadSignal=True), unknown("explicitVadSignal", "setup")),
        # Values of the wrong kind.
        (
            setup(model=7),
            End(1007, "Invalid value at 'setup.model' (TYPE_STRING), 7"),
        ),
        (
            generation(temperature="hot"),
            End(1007, "Invalid value at 'setup.generation_config.temperature' (TYPE_FLOAT), \"hot\""),
        ),
        # Values that may not be.
        (generation(responseModalities=["TEXT"]), closes.TEXT_WITH_VOICES),
        (generation(responseModalities=["TEXT", "AUDIO"]), INVALID),
        (generation(responseModalities=["VIDEO"]), closes.NOT_SUPPORTED),
        (generation(temperature=2.5), INVALID),
        (generation(stopSequences=["x"]), INVALID),
        (generation(responseMimeType="text/plain"), INVALID),
        (generation(thinkingConfig={"thinkingLevel": "LOW"}), INVALID),
        (generation(enableAffectiveDialog=True), INVALID),
        (generation(translationConfig={"targetLanguageCode": "pl"}), closes.NOT_SUPPORTED),
        (generation(speechConfig={"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": "alloy"}}}), INVALID),
        (setup(avatarConfig={"avatarName": "Ann"}), closes.NOT_SUPPORTED),
        (setup(proactivity={"proactiveAudio": False}), INVALID),
        (
            setup(
                realtimeInputConfig={"automaticActivityDetection": {"disabled": True, "silenceDurationMs": 1}}
            ),
            INVALID,
        ),
        (function(name="2 words"), INVALID),
        (function(parameters={}, parametersJsonSchema={}), INVALID),
        (setup(tools=[{"functionDeclarations": [{"name": "f"}, {"name": "f"}]}]), INVALID),
        (setup(sessionResumption={"handle": "h"}), closes.NO_SUCH_SESSION),
        (
            setup(model="models/other"),
            End(
                1008,
                "models/other is not found for API version v1beta, or is not supported for "
                "bidiGenerateContent. Call ModelService.ListModels",
            ),
        ),
    ],
)
def test_a_first_message_is_refused_with_its_words(message: Event, end: End) -> None:
    call = PureGemini(models=("gemini-3.8-live",))
    assert call.send(**message) == []
    assert call.ended is not None
    assert (call.ended.code, call.ended.reason[: len(end.reason)]) == (end.code, end.reason)
    assert len(call.ended.reason.encode()) <= 123
    # And that is the end of it.
    assert call.send(setup={"model": MODEL}) == call.run() == []


@pytest.mark.parametrize(
    ("message", "end"),
    [
        ({"setup": {"model": MODEL}}, INVALID),
        ({"realtimeInput": {"text": "a", "audioStreamEnd": True}}, INVALID),
        ({"realtimeInput": {"audio": {"mimeType": "audio/opus", "data": ""}}}, INVALID),
        ({"realtimeInput": {"audio": {"mimeType": "audio/pcm;rate=1", "data": ""}}}, INVALID),
        ({"realtimeInput": {"video": {"mimeType": "text/plain", "data": ""}}}, INVALID),
        ({"realtimeInput": {"activityStart": {}}}, INVALID),
        ({"clientContent": {"turns": [{"role": "system", "parts": []}]}}, INVALID),
        ({"toolResponse": {"functionResponses": [{"id": "fc_9", "response": {}}]}}, INVALID),
        ({"toolResponse": {"functionResponses": [{"name": "f", "response": {}}]}}, INVALID),
        (
            {"toolResponse": {"functionResponses": [{"id": "1", "bogus": 1}]}},
            unknown("bogus", "tool_response.function_responses[0]"),
        ),
        (
            {"toolResponse": {"functionResponses": [{"id": "1", "response": [1]}]}},
            End(1007, "Invalid value at 'tool_response.function_responses[0].response' (MESSAGE), "),
        ),
        (
            {"realtimeInput": {"audio": {"mimeType": "audio/pcm", "data": "!"}}},
            End(1007, "Invalid value at 'realtime_input.audio.data' (TYPE_BYTES), Base64 decoding failed"),
        ),
    ],
)
def test_a_later_message_is_refused_with_its_words(message: Event, end: End) -> None:
    call = PureGemini(setup={})
    assert call.send(**message) == []
    assert call.ended is not None
    assert (call.ended.code, call.ended.reason[: len(end.reason)]) == (end.code, end.reason)


def test_2_5_knows_no_context_update() -> None:
    call = PureGemini(SHAPES["2.5"], setup={})
    call.send(contextUpdate={"tools": {"tools": []}})
    assert call.ended == unknown("contextUpdate", "")


@pytest.mark.parametrize("message", [b"", b"{", b"[]", b'"setup"', b"\xff", b"[" * 100_000])
def test_what_is_no_message_ends_the_call(message: bytes) -> None:
    call = PureGemini()
    call.send_raw(message)
    assert call.ended is not None
    assert call.ended.code == 1007


@pytest.mark.parametrize("shape", ["3.8", "2.5", "vertex"])
def test_every_field_of_the_sdk_is_known_here(shape: Any) -> None:
    """Null is absent, and still its name must be one."""
    names = {name: field.alias or name for name, field in types.LiveClientSetup.model_fields.items()}
    vertex_only, developer_only = {"explicitVadSignal", "labels"}, {"historyConfig"}
    missing = developer_only if shape == "vertex" else vertex_only
    for name in set(names.values()) - missing:
        client_reader(SHAPES[shape])({"setup": {name: None}}, "")
    for name in missing:
        with pytest.raises(Refused):
            client_reader(SHAPES[shape])({"setup": {name: None}}, "")
    read = client_reader(Habits())
    for path, kind in {
        "generationConfig": types.GenerationConfig,
        "tools": types.Tool,
        "realtimeInputConfig": types.RealtimeInputConfig,
        "inputAudioTranscription": types.AudioTranscriptionConfig,
    }.items():
        fields = {field.alias or name: None for name, field in kind.model_fields.items()}
        read({"setup": {path: fields}}, "")
    schema = {field.alias or name: None for name, field in types.Schema.model_fields.items()}
    function = {field.alias or name: None for name, field in types.FunctionDeclaration.model_fields.items()}
    read({"setup": {"tools": {"functionDeclarations": {**function, "parameters": schema}}}}, "")


# The door.


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent", Surface("v1beta")),
        ("//ws/google.ai.generativelanguage.v1.GenerativeService.BidiGenerateContent", Surface("v1")),
        (
            "/pfx//ws/google.ai.generativelanguage.v1alpha.GenerativeService.BidiGenerateContentConstrained",
            Surface("v1alpha", constrained=True),
        ),
        (
            "/ws/google.cloud.aiplatform.v1beta1.LlmBidiService/BidiGenerateContent",
            Surface("v1beta1", vertex=True),
        ),
        ("/ws/google.ai.generativelanguage.v2.GenerativeService.BidiGenerateContent", None),
        ("/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateMusic", None),
        ("/v1/realtime", None),
    ],
)
def test_1_a_path_is_known_by_its_end(path: str, found: Surface | None) -> None:
    assert surface(path) == found


def test_the_path_of_tokens() -> None:
    assert is_auth_tokens("/v1alpha/auth_tokens")
    assert is_auth_tokens("/pfx//v1beta/auth_tokens")
    assert not is_auth_tokens("/v1/auth_tokens")


@pytest.mark.parametrize(
    ("query", "headers", "refusal"),
    [
        ({"key": "k"}, {}, None),
        ({}, {"x-goog-api-key": "k"}, None),
        ({}, {"authorization": "Bearer k"}, None),
        ({}, {}, closes.NO_KEY),
        ({"key": "other"}, {}, closes.KEY_IS_WRONG),
    ],
)
def test_a_key_comes_in_many_forms(query: Event, headers: Event, refusal: End | None) -> None:
    tokens = AuthTokens(lambda: 0, lambda: "t")
    assert admission(Surface("v1"), query, headers, "k", tokens) == refusal
    assert admission(Surface("v1"), query, headers, None, tokens) is None


# Tokens.


class Desk:
    """Where tokens are made, and calls opened with them."""

    def __init__(self) -> None:
        self.now_us = 1_795_230_000_000_000
        self.count = 0
        self.tokens = AuthTokens(lambda: self.now_us, self._name)

    def _name(self) -> str:
        self.count += 1
        return f"t{self.count}"

    def make(self, **body: Any) -> str:
        return str(self.tokens.make(msgspec.json.encode(body))["name"])

    def open(self, name: str, query: bool = True, **fields: Any) -> PureGemini | End:
        given = ({"access_token": name}, {}) if query else ({}, {"authorization": f"Token {name}"})
        grant = admission(Surface("v1alpha", constrained=True), *given, None, self.tokens)
        if grant is None or isinstance(grant, End):
            assert grant is not None
            return grant
        return PureGemini(admitted=grant, setup=fields)


def voice(name: str) -> Event:
    return {"speechConfig": {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": name}}}}


def test_a_token_opens_as_many_sessions_as_it_has_uses() -> None:
    desk = Desk()
    assert desk.make(uses=2) == "auth_tokens/t1"
    first, second, third = (desk.open("auth_tokens/t1", query=number == 1) for number in range(3))
    assert isinstance(first, PureGemini)
    assert isinstance(second, PureGemini)
    assert isinstance(third, PureGemini)
    assert (first.ended, second.ended, third.ended) == (None, None, closes.KEY_IS_EXPIRED)
    assert desk.open("auth_tokens/t9") == closes.KEY_IS_WRONG


def test_a_token_has_two_ends() -> None:
    desk = Desk()
    name = desk.make(uses=0)
    desk.now_us += 61_000_000
    late = desk.open(name)
    assert isinstance(late, PureGemini)
    assert late.ended == closes.KEY_IS_EXPIRED
    desk.now_us += 30 * 60_000_000
    assert desk.open(name) == closes.KEY_IS_EXPIRED


@pytest.mark.parametrize(
    ("mask", "told"),
    [
        (None, ("Kore", "of the token")),
        ("generationConfig.speechConfig", ("Kore", "of the client")),
        ("system_instruction,outputAudioTranscription", ("Puck", "of the token")),
    ],
)
def test_a_token_may_hold_the_setup_or_parts_of_it(mask: str | None, told: tuple[str, str]) -> None:
    desk = Desk()
    own = {
        "generationConfig": voice("Kore"),
        "systemInstruction": {"parts": [{"text": "Say: of the token"}]},
        "outputAudioTranscription": {},
    }
    name = desk.make(bidiGenerateContentSetup=own, fieldMask=mask)
    instruction = {"parts": [{"text": "Say: of the client"}]}
    call = desk.open(name, generationConfig=voice("Puck"), systemInstruction=instruction)
    assert isinstance(call, PureGemini)
    talk = call.conversation._talk  # type: ignore[attr-defined]
    assert (talk._setup.voice, talk._setup.offer.instructions.removeprefix("Say: ")) == told


@pytest.mark.parametrize(
    "body",
    [
        {"expireTime": "soon"},
        {"expireTime": "2020-01-01T00:00:00Z"},
        {"expireTime": "2099-01-01T00:00:00Z"},
        {"uses": -1},
        {"bogus": 1},
        {"bidiGenerateContentSetup": {"setup": {"model": "m"}}},
    ],
)
def test_a_token_that_cannot_be_is_not_made(body: Event) -> None:
    with pytest.raises(NotMade):
        Desk().make(**body)


def test_a_shape_and_its_knobs_are_named() -> None:
    assert named_habits(None, ()) is None
    assert named_habits("2.5", ("role=yes",)) == msgspec.structs.replace(SHAPES["2.5"], role=True)
    assert named_habits(None, ("heartbeats=no",)) == Habits(heartbeats=False)
    with pytest.raises(KnobMistake, match="'color=red' is not a knob"):
        named_habits(None, ("color=red",))


def test_base64_of_both_alphabets_padded_or_not() -> None:
    read = client_reader(PLAIN)
    raw = bytes(range(256))
    for encoded in (base64.b64encode(raw), base64.urlsafe_b64encode(raw), base64.b64encode(raw).rstrip(b"=")):
        message = {"realtime_input": {"audio": {"data": encoded.decode()}}}
        assert read(message, "") == {"realtimeInput": {"audio": {"data": raw}}}


def test_the_page_has_every_knob_as_the_shapes_turn_it() -> None:
    page = Path(__file__, "../../../docs/local-provider.md").resolve().read_text()
    rows = [[cell.strip(" `") for cell in line.split("|")[1:5]] for line in page.splitlines() if "|" in line]
    told = {row[0]: row[1:] for row in rows if row[0] in Habits.__struct_fields__}
    assert told == {
        knob: ["yes" if getattr(SHAPES[shape], knob) else "no" for shape in ("3.8", "2.5", "vertex")]
        for knob in Habits.__struct_fields__
    }
