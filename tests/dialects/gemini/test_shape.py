"""That every field a client of the SDK can send is known, by the SDK's own types."""

from typing import Any

import pytest
from google.genai import types
from hypothesis import given
from hypothesis import strategies as st

from realtime_switch.dialects.gemini.shape import (
    ANYTHING,
    MESSAGES,
    Enum,
    read_message,
    snake,
)

SETUP = MESSAGES["setup"]
GENERATION = SETUP["generationConfig"]
TOOL = SETUP["tools"][0]
CONTENT = SETUP["systemInstruction"]
PART = CONTENT["parts"][0]
INPUT = SETUP["realtimeInputConfig"]


@pytest.mark.parametrize(
    ("kind", "shape"),
    [
        (types.LiveClientMessage, MESSAGES),
        (types.LiveClientSetup, SETUP),
        (types.GenerationConfig, GENERATION),
        (types.SpeechConfig, GENERATION["speechConfig"]),
        (types.VoiceConfig, GENERATION["speechConfig"]["voiceConfig"]),
        (types.PrebuiltVoiceConfig, GENERATION["speechConfig"]["voiceConfig"]["prebuiltVoiceConfig"]),
        (types.ThinkingConfig, GENERATION["thinkingConfig"]),
        (types.Tool, TOOL),
        (types.FunctionDeclaration, TOOL["functionDeclarations"][0]),
        (types.RealtimeInputConfig, INPUT),
        (types.AutomaticActivityDetection, INPUT["automaticActivityDetection"]),
        (types.AudioTranscriptionConfig, SETUP["inputAudioTranscription"]),
        (types.AudioTranscriptionConfig, SETUP["outputAudioTranscription"]),
        (types.SessionResumptionConfig, SETUP["sessionResumption"]),
        (types.ContextWindowCompressionConfig, SETUP["contextWindowCompression"]),
        (types.SlidingWindow, SETUP["contextWindowCompression"]["slidingWindow"]),
        (types.ProactivityConfig, SETUP["proactivity"]),
        (types.HistoryConfig, SETUP["historyConfig"]),
        (types.Content, CONTENT),
        (types.Part, PART),
        (types.Blob, PART["inlineData"]),
        (types.FunctionCall, PART["functionCall"]),
        (types.FunctionResponse, PART["functionResponse"]),
        (types.LiveClientContent, MESSAGES["clientContent"]),
        (types.LiveClientRealtimeInput, MESSAGES["realtimeInput"]),
        (types.LiveClientToolResponse, MESSAGES["toolResponse"]),
        (types.LiveClientContextUpdate, MESSAGES["contextUpdate"]),
    ],
)
def test_every_field_of_the_sdk_is_known(kind: Any, shape: dict[str, Any]):
    assert set(kind.model_fields) <= {snake(name) for name in shape}


@pytest.mark.parametrize(
    ("kind", "enum"),
    [
        (types.Modality, GENERATION["responseModalities"][0]),
        (types.Behavior, TOOL["functionDeclarations"][0]["behavior"]),
        (types.FunctionResponseScheduling, PART["functionResponse"]["scheduling"]),
        (types.StartSensitivity, INPUT["automaticActivityDetection"]["startOfSpeechSensitivity"]),
        (types.EndSensitivity, INPUT["automaticActivityDetection"]["endOfSpeechSensitivity"]),
        (types.ActivityHandling, INPUT["activityHandling"]),
        (types.TurnCoverage, INPUT["turnCoverage"]),
    ],
)
def test_every_name_of_an_enum_is_known(kind: Any, enum: Enum):
    assert set(enum.names) == {member.name for member in kind}


def _spellings(shape: Any) -> st.SearchStrategy[Any]:
    """Messages as they may be, in either casing."""
    if isinstance(shape, dict):
        members = {name: _spellings(kind) for name, kind in shape.items()}
        return st.fixed_dictionaries({}, optional=members).flatmap(
            lambda made: st.sets(st.sampled_from(sorted(made) or [""])).map(
                lambda snaked: {snake(n) if n in snaked else n: value for n, value in made.items()}
            )
        )
    if isinstance(shape, list):
        return st.lists(_spellings(shape[0]), max_size=1)
    if isinstance(shape, Enum):
        return st.sampled_from([*shape.names, "NEWER"])
    return {
        ANYTHING: st.just({"my_key": 1}),
        "text": st.just("x"),
        "number": st.sampled_from([0.5, 1, "2"]),
        "whole": st.sampled_from([1, 1.0, "7"]),
        "yes_no": st.booleans(),
    }[shape]


@given(st.sampled_from(sorted(MESSAGES)).flatmap(lambda name: _spellings({name: MESSAGES[name]})))
def test_every_message_is_read_in_either_casing(message: dict[str, Any]):
    read = read_message(message)
    if message:
        assert isinstance(read, tuple), read
        # Read again it is the same: that is the canonical spelling.
        assert read_message({read[0]: read[1]}) == read
