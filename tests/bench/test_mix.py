"""What flows through a measured call is what flows through a real one."""

from collections import Counter

import msgspec
import pytest

import gemini_client_frames
import live_frames
import openai_frames
from realtime_switch.bench import mix
from realtime_switch.dialects import gemini, gpt_live, openai
from realtime_switch.dialects.loudness import is_loud_pcm

MIXES = {
    "openai": mix.OPENAI_AS_SPELT,
    "gemini": mix.GEMINI_AS_SPELT,
    "gpt-live": mix.GPT_LIVE_AS_SPELT,
}


def _messages(of: mix.Mix) -> list[bytes]:
    return [message for burst in of.reply for message in burst]


def test_a_reply_of_openai_has_the_events_of_a_real_one_and_of_the_turn_before_it_in_their_proportion():
    assert Counter(msgspec.json.decode(message)["type"] for message in _messages(mix.OPENAI)) == {
        "response.output_audio.delta": 92,
        "response.output_audio_transcript.delta": 13,
        "input_audio_buffer.speech_started": 1,
        "input_audio_buffer.speech_stopped": 1,
        "input_audio_buffer.committed": 1,
        "conversation.item.input_audio_transcription.completed": 1,
        "response.created": 1,
        "response.output_item.added": 1,
        "conversation.item.added": 2,
        "response.content_part.added": 1,
        "response.output_audio.done": 1,
        "response.output_audio_transcript.done": 1,
        "response.content_part.done": 1,
        "conversation.item.done": 2,
        "response.output_item.done": 1,
        "response.done": 1,
        "rate_limits.updated": 1,
    }


@pytest.mark.parametrize("dialect", MIXES)
def test_each_burst_has_one_sound_and_what_has_to_do_with_no_next_one_comes_behind_it(dialect: str):
    for number, burst in enumerate(MIXES[dialect].reply):
        (sound,) = [place for place, message in enumerate(burst) if _is_sound(message)]
        behind = dialect == "openai" and number in (mix.TRANSCRIBED, mix.REPLY_BURSTS - 1)
        assert (sound == len(burst) - 1) != behind


def _is_sound(message: bytes) -> bool:
    return len(message) > mix.AUDIO_DELTA_BYTES_MIN


def test_everything_a_client_hears_is_what_the_sdks_accept():
    openai_said = {*_messages(mix.OPENAI), mix.OPENAI.greeting, mix.OPENAI.answer}
    assert all(map(openai_frames.is_for_client, openai_said))
    assert all(map(gemini_client_frames.is_for_client, {*_messages(mix.GEMINI), mix.GEMINI.greeting}))
    assert all(map(live_frames.is_for_client, {*_messages(mix.GPT_LIVE), mix.GPT_LIVE.greeting}))


def test_a_turn_goes_before_its_reply_and_its_words_come_when_they_are_there():
    bursts = [[msgspec.json.decode(message)["type"] for message in burst] for burst in mix.OPENAI.reply]
    assert bursts[0][:6] == [
        "input_audio_buffer.speech_started",
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
        "response.created",
    ]
    assert bursts[mix.TRANSCRIBED][-1] == "conversation.item.input_audio_transcription.completed"
    assert bursts[-1][0] == "response.output_audio.delta"
    assert bursts[-1][-2] == "response.done"


@pytest.mark.parametrize("dialect", MIXES)
def test_who_does_not_speak_says_the_same_message_of_silence(dialect: str):
    for append in MIXES[dialect].appends:
        silence = mix.silent(append)
        assert (is_loud_pcm(append), is_loud_pcm(silence)) == (True, False)
        assert len(silence) == len(append)


def test_a_caller_speaks_to_the_end_of_the_reply():
    assert mix.said(b"speech", b"silence", 92) == [b"silence"] * 58 + [b"speech"] * 34
    assert mix.said(b"speech", b"silence", 200) == [b"silence"] * 126 + [b"speech"] * 74


def test_gemini_speaks_in_binary_and_openai_in_text():
    assert (mix.GEMINI.provider_is_binary, mix.OPENAI.provider_is_binary) == (True, False)


@pytest.mark.parametrize("dialect", MIXES)
def test_every_spelling_of_a_clients_sound_is_another_one_and_a_real_one(dialect: str):
    appends = MIXES[dialect].appends
    proven = {"openai": openai, "gemini": gemini, "gpt-live": gpt_live}[dialect].only_audio_from_client
    assert len(set(appends)) == len(appends) > 1
    assert all(proven(append) for append in appends)
