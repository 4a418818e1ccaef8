import msgspec
import pytest

import gemini_client_frames as gemini
from realtime_switch.dialects.dialect import FirstWord, Hangup
from realtime_switch.dialects.gemini import ClientSide, read_config, write_config
from realtime_switch.dialects.sound import PCM_16K, PCM_24K
from realtime_switch.dialects.wishes import Config, Extra, Tool, Transcription, Turns

PLAIN = Config(input=PCM_16K, output=PCM_24K, agent_words=False)


def side() -> ClientSide:
    return ClientSide(lambda kind: f"{kind}_1")


def config(**members) -> Config:
    client_side = side()
    word = client_side.first_word(gemini.setup(**members))
    assert isinstance(word, FirstWord)
    return client_side.config


def asked(**fields) -> Config:
    return msgspec.structs.replace(PLAIN, **fields)


SCHEMA = {"type": "OBJECT", "properties": {"type": {"type": "STRING", "nullable": True}}}
VAD = "automaticActivityDetection"


@pytest.mark.parametrize(
    ("members", "fields"),
    [
        ({}, {}),
        ({"generationConfig": None}, {}),
        ({"generationConfig": {"responseModalities": ["AUDIO"]}}, {}),
        ({"generation_config": {"response_modalities": [3]}}, {}),
        ({"generationConfig": {"responseModalities": ["TEXT"]}}, {"text_only": True}),
        (
            {"generationConfig": {"maxOutputTokens": "900", "temperature": 0.5}},
            {"max_output_tokens": 900, "temperature": 0.5},
        ),
        ({"generationConfig": {"thinkingConfig": {"thinkingLevel": "LOW"}}}, {"thinking": "low"}),
        ({"generationConfig": {"thinkingConfig": {"thinkingLevel": "THINKING_LEVEL_UNSPECIFIED"}}}, {}),
        (
            {
                "generation_config": {
                    "speechConfig": {"voice_config": {"prebuiltVoiceConfig": {"voice_name": "Puck"}}}
                }
            },
            {"voice": "Puck"},
        ),
        (
            {"systemInstruction": {"role": "user", "parts": [{"text": "Be brief."}, {"text": "Be kind."}]}},
            {"instructions": "Be brief.\n\nBe kind."},
        ),
        (
            {
                "tools": [
                    {
                        "function_declarations": [
                            {"name": "f", "parameters": SCHEMA, "behavior": "NON_BLOCKING"}
                        ]
                    }
                ]
            },
            {
                "tools": (
                    Tool(
                        name="f",
                        parameters={"type": "object", "properties": {"type": {"type": ["string", "null"]}}},
                        waits="non_blocking",
                    ),
                )
            },
        ),
        (
            {"tools": [{"functionDeclarations": [{"name": "f", "parametersJsonSchema": {"my_key": 1}}]}]},
            {"tools": (Tool(name="f", parameters={"my_key": 1}),)},
        ),
        ({"generationConfig": {"speechConfig": {"languageCode": "de-DE"}}}, {"language": "de-DE"}),
        ({"realtimeInputConfig": {VAD: {"disabled": True}}}, {"manual_turns": True}),
        (
            {
                "realtimeInputConfig": {
                    VAD: {"startOfSpeechSensitivity": 1, "endOfSpeechSensitivity": "END_SENSITIVITY_LOW"}
                }
            },
            {"turns": Turns(threshold=0.4, silence_ms=1200)},
        ),
        (
            {"realtimeInputConfig": {VAD: {"silenceDurationMs": 0}, "activityHandling": "NO_INTERRUPTION"}},
            {"turns": Turns(silence_ms=0, interrupts=False)},
        ),
        (
            {"inputAudioTranscription": {}, "outputAudioTranscription": {}},
            {"transcription": Transcription(), "agent_words": True},
        ),
        (
            {"inputAudioTranscription": {"languageCodes": ["de-DE"], "customVocabulary": ["Mia"]}},
            {"transcription": Transcription(languages=("de-DE",), vocabulary=("Mia",))},
        ),
        ({"contextWindowCompression": {"slidingWindow": {}}}, {"context": "slide"}),
        (
            {"contextWindowCompression": {"triggerTokens": "1000", "slidingWindow": {"targetTokens": 500}}},
            {"context": "slide", "context_kept": 0.5, "context_tokens": 1000},
        ),
        (
            {"contextWindowCompression": {"triggerTokens": 1000, "slidingWindow": {}}},
            {"context": "slide", "context_tokens": 1000},
        ),
        (  # of the trigger that the service has by itself
            {"contextWindowCompression": {"slidingWindow": {"targetTokens": "52428"}}},
            {"context": "slide", "context_kept": 52_428 / 104_857},
        ),
        ({"sessionResumption": {}, "historyConfig": {"initialHistoryInClientContent": True}}, {}),
        ({"avatarConfig": {"avatarName": "Kira"}}, {"extras": (Extra("setup.avatarConfig"),)}),
        (
            {"generationConfig": {"responseModalities": ["AUDIO", "TEXT"], "topK": 40, "candidateCount": 1}},
            {
                "extras": (
                    Extra("setup.generationConfig.responseModalities"),
                    Extra("setup.generationConfig.topK", ignorable=True),
                )
            },
        ),
        ({"proactivity": {"proactiveAudio": False}}, {}),
        # What is done in any case.
        ({"explicitVadSignal": True}, {}),
        ({"realtimeInputConfig": {"turnCoverage": "TURN_INCLUDES_ONLY_ACTIVITY"}}, {}),
        (
            {"realtimeInputConfig": {"turnCoverage": "TURN_INCLUDES_ALL_INPUT"}},
            {"extras": (Extra("setup.realtimeInputConfig.turnCoverage", True),)},
        ),
        ({"proactivity": {"proactiveAudio": True}}, {"extras": (Extra("setup.proactivity"),)}),
        (
            {"tools": [{"googleSearch": {}}, {"functionDeclarations": [{"name": "f"}], "codeExecution": {}}]},
            {
                "tools": (Tool(name="f"),),
                "extras": (Extra("setup.tools[].googleSearch"), Extra("setup.tools[].codeExecution")),
            },
        ),
        (
            {"safetySettings": [{}], "labels": {"my_label": "x"}},
            {"extras": (Extra("setup.safetySettings", True), Extra("setup.labels", True))},
        ),
    ],
)
def test_what_a_setup_asks_for(members, fields):
    assert config(**members) == asked(**fields)


@pytest.mark.parametrize(
    ("named", "model"),
    [
        ("models/gpt-realtime", "gpt-realtime"),
        ("gpt-realtime", "gpt-realtime"),
        ("publishers/google/models/gemini-3.8-live", "gemini-3.8-live"),
        ("projects/p/locations/l/publishers/google/models/x", "x"),
        ("projects/p/locations/l/endpoints/7", "projects/p/locations/l/endpoints/7"),
        ("", ""),
    ],
)
def test_a_model_is_known_by_its_bare_name(named, model):
    word = side().first_word(gemini.frame(setup={"model": named}))
    assert isinstance(word, FirstWord)
    assert word.model == model


@pytest.mark.parametrize(
    ("resumption", "session_id", "kept"),
    [
        ({}, "", {}),
        ({"handle": "rs.s-7"}, "s-7", {}),
        ({"handle": "h-77"}, "", {"handle": "h-77"}),
        ({"handle": None}, "", {}),
    ],
)
def test_a_handle_of_ours_leads_to_a_session_and_another_to_the_provider(resumption, session_id, kept):
    word = side().first_word(gemini.setup(sessionResumption=resumption))
    assert word == FirstWord(
        model="gpt-realtime",
        session_id=session_id,
        config=gemini.setup(sessionResumption=kept).decode(),
    )


INVALID = "Request contains an invalid argument."


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", "Invalid JSON payload received. The message is not valid JSON."),
        (b"\xff\x00", "Invalid JSON payload received. The message is not valid JSON."),
        (b"[]", "Invalid JSON payload received. The message is not a JSON object."),
        (
            b'{"setup":{},"setup":{}}',
            "Invalid JSON payload received. The message has two members of the same name in one object.",
        ),
        (b"{}", INVALID),
        (b'{"setup":{},"clientContent":{}}', INVALID),
        (b'{"setup":{"tools":[],"generationConfig":{},"generation_config":{}}}', INVALID),
        (gemini.frame(realtimeInput={"text": "hi"}), INVALID),
        (gemini.frame(client_content={}), INVALID),
        (gemini.frame(bogus={}), 'Invalid JSON payload received. Unknown name "bogus": Cannot find field.'),
        (
            gemini.setup(bogusField=1),
            "Invalid JSON payload received. Unknown name \"bogusField\" at 'setup': Cannot find field.",
        ),
        (
            gemini.setup(generationConfig={"speechConfig": {"pitch": 1}}),
            'Invalid JSON payload received. Unknown name "pitch" at '
            "'setup.generation_config.speech_config': Cannot find field.",
        ),
        (
            gemini.setup(tools=[{}, {"functionDeclarations": [{"x": 1}]}]),
            'Invalid JSON payload received. Unknown name "x" at '
            "'setup.tools[1].function_declarations[0]': Cannot find field.",
        ),
        (
            gemini.setup(generationConfig={"temperature": "hot"}),
            "Invalid value at 'setup.generation_config.temperature'.",
        ),
        (gemini.setup(tools={}), "Invalid value at 'setup.tools'."),
        (gemini.frame(setup="x"), "Invalid value at 'setup'."),
    ],
)
def test_what_is_no_setup_is_answered_in_the_services_words(payload, reason):
    assert side().first_word(payload) == Hangup(1007, reason.encode()[:123].decode())


@pytest.mark.parametrize(
    "whole",
    [
        PLAIN,
        asked(
            instructions="Be brief.",
            text_only=True,
            voice="Kore",
            language="de-DE",
            tools=(
                Tool(
                    name="f",
                    description="d",
                    parameters={"type": "object", "properties": {}},
                    waits="blocking",
                ),
            ),
            turns=Turns(threshold=0.7, silence_ms=600, interrupts=False),
            transcription=Transcription(languages=("de",), vocabulary=("Mia",)),
            agent_words=True,
            max_output_tokens=500,
            temperature=0.5,
            thinking="low",
            context="slide",
            context_kept=0.25,
            context_tokens=20_000,
        ),
        asked(context="slide", context_tokens=20_000),
        asked(manual_turns=True, context="slide", turns=Turns(threshold=0.4)),
    ],
)
def test_a_configuration_that_is_kept_comes_back(whole):
    if whole.manual_turns:
        whole = msgspec.structs.replace(whole, turns=Turns())  # nothing may stand beside `disabled`
    assert read_config(write_config(whole)) == whole


@pytest.mark.parametrize(
    "saved", ["", "x", '{"type":"session.update","session":{}}', '{"clientContent":{}}', "\ud800"]
)
def test_what_another_dialect_kept_is_not_read(saved):
    assert read_config(saved) is None
