"""What a client asks for, as Gemini's setup; the setups of TRANSLATION.md 12."""

import pytest
from msgspec import structs

from gemini_frames import SETUP_COMPLETE, TARGET, Talk
from realtime_switch.dialects.acts import Ready, Refused
from realtime_switch.dialects.gemini.setup_out import setup as setup_of
from realtime_switch.dialects.gemini.setup_out import unsupported, voice
from realtime_switch.dialects.past import LEAD_IN
from realtime_switch.dialects.profile import Profile
from realtime_switch.dialects.terms import Target, Terms
from realtime_switch.dialects.wishes import Config, Extra, Tool, Transcription, Turns

FIND_TRAM = Tool(
    name="find_tram",
    description="Next tram from a stop.",
    parameters={
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "stop": {"type": "string"},
            "line": {"type": ["integer", "null"]},
            "type": {"const": "night"},
        },
        "required": ["stop"],
    },
)
FIND_TRAM_TOLD = {
    "name": "find_tram",
    "description": "Next tram from a stop.",
    "behavior": "BLOCKING",
    "parameters": {
        "type": "OBJECT",
        "properties": {
            "stop": {"type": "STRING"},
            "line": {"type": "INTEGER", "nullable": True},
            "type": {"type": "STRING", "enum": ["night"]},
        },
        "required": ["stop"],
    },
}


def generation(voice="Kore", **more):
    speech = {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": voice}}}
    return {"responseModalities": ["AUDIO"], "speechConfig": speech, **more}


def setup(**members):
    return {
        "model": "models/gemini-3.8-live",
        "generationConfig": generation(),
        "outputAudioTranscription": {},
        "sessionResumption": {},
        "contextWindowCompression": {"slidingWindow": {}},
    } | members


def detection(**members):
    return {"realtimeInputConfig": {"automaticActivityDetection": members}}


SETUPS = {
    "nothing is asked for": (Config(), setup()),
    "A02": (
        Config(
            instructions="Answer briefly.",
            max_output_tokens=900,
            turns=Turns(threshold=0.5, padding_ms=300, silence_ms=600),
            transcription=Transcription(model="gpt-4o-mini-transcribe", languages=("de",)),
            voice="marin",
            tools=(FIND_TRAM,),
        ),
        setup(
            generationConfig=generation("Aoede", maxOutputTokens=900),
            systemInstruction={"parts": [{"text": "Answer briefly."}]},
            tools=[{"functionDeclarations": [FIND_TRAM_TOLD]}],
            **detection(disabled=False, silenceDurationMs=600),
            inputAudioTranscription={"languageCodes": ["de"]},
        ),
    ),
    "A03": (
        Config(
            instructions="Be kind.",
            voice="alloy",
            temperature=0.7,
            turns=Turns(silence_ms=400, threshold=0.8),
            transcription=Transcription(model="whisper-1"),
        ),
        setup(
            generationConfig=generation(temperature=0.7),
            systemInstruction={"parts": [{"text": "Be kind."}]},
            **detection(
                disabled=False, silenceDurationMs=400, startOfSpeechSensitivity="START_SENSITIVITY_LOW"
            ),
            inputAudioTranscription={},
        ),
    ),
    "A04: nothing may stand beside disabled": (
        Config(manual_turns=True, turns=Turns(silence_ms=400)),
        setup(**detection(disabled=True)),
    ),
    "a soft voice, words that are expected": (
        Config(turns=Turns(threshold=0.2), transcription=Transcription(vocabulary=("Zoo",))),
        setup(
            **detection(disabled=False, startOfSpeechSensitivity="START_SENSITIVITY_HIGH"),
            inputAudioTranscription={"customVocabulary": ["Zoo"]},
        ),
    ),
    "patience": (
        Config(turns=Turns(eagerness="low")),
        setup(
            **detection(disabled=False, silenceDurationMs=1200, endOfSpeechSensitivity="END_SENSITIVITY_LOW")
        ),
    ),
    "eagerness": (
        Config(turns=Turns(eagerness="high")),
        setup(
            **detection(disabled=False, silenceDurationMs=300, endOfSpeechSensitivity="END_SENSITIVITY_HIGH")
        ),
    ),
    "nobody interrupts": (
        Config(turns=Turns(interrupts=False)),
        setup(
            realtimeInputConfig={
                "automaticActivityDetection": {"disabled": False},
                "activityHandling": "NO_INTERRUPTION",
            }
        ),
    ),
    "text of a model that only speaks": (Config(text_only=True), setup()),
    "no tool is to be chosen": (Config(tools=(FIND_TRAM,), tool_choice="none"), setup()),
    "a tool of a bad name": (Config(tools=(Tool(name="é"),)), setup()),
    "a voice that nobody has": (Config(voice="x"), setup()),
    "a share of the conversation is kept": (
        Config(context_kept=0.5),
        setup(contextWindowCompression={"triggerTokens": 104_857, "slidingWindow": {"targetTokens": 52_428}}),
    ),
}


@pytest.mark.parametrize(("config", "told"), SETUPS.values(), ids=SETUPS.keys())
def test_a_setup(config, told):
    assert Talk(config).opening == [{"setup": told}]


def test_a_conversation_that_may_not_slide():
    (opening,) = Talk(Config(context="off")).opening
    assert "contextWindowCompression" not in opening["setup"]


def test_b07_with_a_handle_the_service_remembers_by_itself():
    talk = Talk(Config(voice="x"), history="user: Hi.\n", handle="h-77")

    assert talk.opening == [{"setup": setup(sessionResumption={"handle": "h-77"})}]
    assert talk.hear(SETUP_COMPLETE) == [Ready(b"", 48)]


def test_a_model_that_gives_no_handles_is_asked_for_none():
    (opening,) = Talk(profile=Profile(resumes=False)).opening
    assert "sessionResumption" not in opening["setup"]


def test_a_model_that_can_be_told_how_hard_to_think():
    (opening,) = Talk(Config(thinking="low"), profile=Profile(thinking_level=True)).opening
    assert opening["setup"]["generationConfig"] == generation(thinkingConfig={"thinkingLevel": "LOW"})
    assert Talk(Config(thinking="low")).opening == [{"setup": setup()}]


def test_a_model_that_can_be_told_in_which_language_to_speak():
    asked = Config(language="de-DE")
    (opening,) = Talk(asked, profile=Profile(language=True)).opening
    assert opening["setup"]["generationConfig"]["speechConfig"]["languageCode"] == "de-DE"
    assert Talk(asked).opening == [{"setup": setup()}]  # others refuse it or take no notice
    able = structs.replace(TARGET, profile=Profile(language=True))
    assert unsupported(asked, able, Terms(strict=True)) == []


def test_the_users_words_are_wanted_for_memorys_sake():
    assert Talk(terms=Terms(transcribe_with="x")).opening == [{"setup": setup(inputAudioTranscription={})}]


def test_a_model_of_vertex_keeps_its_whole_name():
    model = "publishers/google/models/gemini-3.8-live"
    assert setup_of(Config(), Target(provider="vertex", model=model), Terms())["model"] == model


def test_what_was_said_before_is_in_the_instructions():
    talk = Talk(Config(instructions="Be kind."), history="user: Hi.\n")

    parts = [{"text": "Be kind."}, {"text": f"{LEAD_IN}\nuser: Hi.\n"}]
    assert talk.opening == [{"setup": setup(systemInstruction={"parts": parts})}]


def test_7_what_was_said_before_as_turns_goes_out_once_the_setup_is_confirmed():
    talk = Talk(
        Config(instructions="Be kind."),
        profile=Profile(seeds_history=True),
        history="A summary.\nuser: I am Mia.\nagent: Hi Mia.\n",
    )
    assert talk.opening == [
        {
            "setup": setup(
                systemInstruction={"parts": [{"text": "Be kind."}, {"text": "A summary."}]},
                historyConfig={"initialHistoryInClientContent": True},
            )
        }
    ]
    assert talk.hear(SETUP_COMPLETE) == [
        {
            "clientContent": {
                "turns": [
                    {"role": "user", "parts": [{"text": "I am Mia."}]},
                    {"role": "model", "parts": [{"text": "Hi Mia."}]},
                ],
                "turnComplete": True,
            }
        },
        Ready(b"", 48),
    ]
    assert talk.hear(SETUP_COMPLETE) == []


@pytest.mark.parametrize(
    ("name", "gemini"),
    [("", "Kore"), ("cedar", "Charon"), ("Puck", "Puck"), ("puck", "Puck"), ("mine", "Leda"), ("x", None)],
)
def test_a_voice(name, gemini):
    assert voice(name, Terms(voices={"mine": "Leda"})) == gemini


UNSUPPORTED = [
    (Config(voice="x"), "voice", False),
    (Config(tools=(Tool(name="a b"),)), "tools", False),
    (Config(tool_choice="required"), "tool_choice", False),
    (Config(tool_choice="find_tram"), "tool_choice", False),
    (Config(parallel_tools=False), "parallel_tools", False),
    (Config(turns=Turns(replies=False)), "replies", False),
    (Config(turns=Turns(idle_ms=5000)), "idle_ms", False),
    (Config(extras=(Extra("session.prompt"),)), "session.prompt", False),
    (Config(extras=(Extra("session.tracing", ignorable=True),)), "session.tracing", True),
    (Config(turns=Turns(eagerness="low")), "eagerness", True),
    (Config(thinking="low"), "thinking", True),
    (Config(language="de-DE"), "language", True),
]


@pytest.mark.parametrize(("config", "field", "only_strict"), UNSUPPORTED)
def test_what_cannot_be_is_named(config, field, only_strict):
    strict = [name for name, _ in unsupported(config, TARGET, Terms(strict=True))]
    lenient = [name for name, _ in unsupported(config, TARGET, Terms())]

    assert strict == [field]
    assert lenient == ([] if only_strict else [field])


@pytest.mark.parametrize("strict", [False, True])
def test_what_is_merely_a_default_is_never_refused(strict):
    config = Config(turns=Turns(threshold=0.5, padding_ms=300, silence_ms=200, eagerness="auto"))
    assert unsupported(config, TARGET, Terms(strict=strict)) == []


def test_what_cannot_be_is_refused_once_the_call_stands():
    talk = Talk(Config(voice="x", tool_choice="required"))

    assert talk.hear(SETUP_COMPLETE) == [
        Ready(b"", 48),
        Refused("voice", "This backend has no voice 'x'."),
        Refused("tool_choice", "On this backend the model chooses its tools by itself."),
    ]
