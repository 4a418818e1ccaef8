"""Anything that a client may want of a provider: wishes for laws."""

from hypothesis import strategies as st

from gemini_frames import AUDIO
from realtime_switch.dialects.sound import PCM_24K, AudioFormat
from realtime_switch.dialects.wishes import (
    AnswerTool,
    AskReply,
    AudioPauses,
    ClearAudio,
    CommitAudio,
    Config,
    Configure,
    Delete,
    Extra,
    Picture,
    Say,
    SayCall,
    SpeechBegins,
    SpeechEnds,
    Spoken,
    StopReply,
    Tool,
    Transcription,
    Truncate,
    Turns,
    UserAudio,
    UserImage,
)

texts = st.sampled_from(["", "Hi.", "\ud83d", '"quoted"'])
ids = st.sampled_from(["item_1", "item_2", "resp_1", "fc-1", "call_1", "c1", "i1", "", "x"])
formats = st.sampled_from([PCM_24K, AudioFormat("pcm", 16_000), AudioFormat("pcmu", 8_000)])
turns = st.builds(
    Turns,
    threshold=st.sampled_from([None, 0.0, 0.5, 1.0]),
    silence_ms=st.sampled_from([None, 0, 500]),
    eagerness=st.sampled_from(["", "low", "medium", "high", "auto"]),
    replies=st.booleans(),
    interrupts=st.booleans(),
)
configs = st.builds(
    Config,
    instructions=texts,
    text_only=st.booleans(),
    voice=st.sampled_from(["", "alloy", "Puck", "x"]),
    language=st.sampled_from(["", "de-DE"]),
    tools=st.sampled_from([(), (Tool(name="f", parameters={"type": "object"}),), (Tool(name="é"),)]),
    tool_choice=st.sampled_from(["auto", "none", "required"]),
    manual_turns=st.booleans(),
    turns=turns,
    transcription=st.sampled_from([None, Transcription(languages=("de",))]),
    max_output_tokens=st.sampled_from([None, 10]),
    thinking=st.sampled_from(["", "low"]),
    context=st.sampled_from(["", "slide", "off"]),
    context_kept=st.sampled_from([None, 0.3, 7.0]),
    extras=st.sampled_from([(), (Extra("session.prompt"),)]),
)
audio = st.builds(UserAudio, base64=st.sampled_from([AUDIO, "AAAA" * 3000, "", 'no "audio"']), format=formats)
wishes = st.one_of(
    audio,
    st.builds(Configure, config=configs),
    st.builds(UserImage, base64=st.just("AAAA"), mime_type=st.just("image/jpeg")),
    st.sampled_from([SpeechBegins(), SpeechEnds(), AudioPauses(), CommitAudio(), ClearAudio()]),
    st.builds(
        Say,
        item_id=ids,
        role=st.sampled_from(["user", "agent", "system"]),
        text=texts,
        pictures=st.sampled_from([(), (Picture("AAAA", "image/png"),)]),
        spoken=st.lists(st.builds(Spoken, audio=audio, path=st.just("item")), max_size=1).map(tuple),
    ),
    st.builds(SayCall, item_id=ids, call_id=st.just("c1"), name=st.just("f"), arguments=texts),
    st.builds(
        AnswerTool, item_id=ids, call_id=ids, output=texts | st.sampled_from(['{"a":1}', "[1e999]", "4"])
    ),
    st.builds(AskReply, instructions=texts, interrupts=st.booleans()),
    st.builds(StopReply, reply_id=st.sampled_from(["", "resp_1"])),
    st.builds(Truncate, item_id=ids, heard_ms=st.integers(0, 100)),
    st.builds(Delete, item_id=ids),
)
