"""What Gemini says, as acts: the reference sequences of GEMINI-LIVE.md 10, and what of TRANSLATION.md 12
comes from the backend."""

import pytest

from gemini_frames import (
    AUDIO,
    BLOB,
    INTERRUPTED,
    MADE,
    OVER,
    SETUP_COMPLETE,
    Talk,
    activity,
    called,
    heard,
    said,
    spoken,
    tight,
)
from realtime_switch.dialects.acts import (
    AudioPassed,
    Garbled,
    GoingAway,
    Handle,
    Ready,
    ReplyAudio,
    ReplyBegun,
    ReplyDone,
    ReplyItem,
    ReplyItemDone,
    ReplyMade,
    ReplyText,
    ReplyTranscript,
    ReplyTruncated,
    SpeechStarted,
    SpeechStopped,
    ToolCall,
    ToolCallsCancelled,
    Usage,
    UserTranscript,
    UserTurn,
)
from realtime_switch.dialects.gemini.patience import LATE_WORDS_US
from realtime_switch.dialects.profile import Profile
from realtime_switch.dialects.sound import AudioFormat
from realtime_switch.dialects.terms import Terms
from realtime_switch.dialects.wishes import Config, Truncate, UserAudio

BILL = {"promptTokenCount": 40, "responseTokenCount": 10, "totalTokenCount": 50}


def usage(reply_id):
    return Usage(input=40, output=10, input_text=40, output_text=10, reply_id=reply_id)


def words(item, text):
    return ReplyTranscript(item, 0, text)


def audio(item):
    return ReplyAudio(item, AUDIO)


def begun(reply="resp_1", item="item_1"):
    return [ReplyBegun(reply), ReplyItem(reply, item)]


def closed(reply="resp_1", item="item_1", *, bill=False, more=False):
    return [ReplyItemDone(item), *([usage(reply)] if bill else []), ReplyDone(reply, more=more)]


CONVERSATIONS = {
    "2 an audio turn with signals, interrupted (3.8)": (
        [
            activity("START", "1.880s"),
            heard("Which tram goes to the zoo?"),
            activity("END", "5s"),
            {},
            {"serverContent": {}},
            spoken("Line four goes "),
            {},
            spoken(),
            activity("START", "7.200s"),
            INTERRUPTED,
            {**OVER, "usageMetadata": BILL},
            heard("Sorry, the museum."),
            activity("END", "8.900s"),
            spoken("Take line nine."),
            MADE,
            {**OVER, "usageMetadata": BILL},
        ],
        [
            SpeechStarted("item_1", 1880),
            UserTranscript("item_1", "Which tram goes to the zoo?"),
            SpeechStopped("item_1", 5000),
            UserTurn("item_1"),
            *begun("resp_1", "item_2"),
            audio("item_2"),
            words("item_2", "Line four goes "),
            audio("item_2"),
            UserTranscript("item_1", "Which tram goes to the zoo?", final=True, audio_ms=3120),
            SpeechStarted("item_3", 7200),
            usage("resp_1"),
            ReplyDone("resp_1", "cancelled", "turn_detected"),
            UserTranscript("item_3", "Sorry, the museum."),
            SpeechStopped("item_3", 8900),
            UserTurn("item_3"),
            *begun("resp_2", "item_4"),
            audio("item_4"),
            words("item_4", "Take line nine."),
            ReplyMade("resp_2"),
            UserTranscript("item_3", "Sorry, the museum.", final=True, audio_ms=1700),
            *closed("resp_2", "item_4", bill=True),
        ],
    ),
    "2b the same without signals, in fragments, with a thought (2.5)": (
        [
            heard(" Which"),
            heard(" tram?"),
            {"serverContent": {"modelTurn": {"parts": [{"text": "**Working it out**", "thought": True}]}}},
            said("Line four."),
            spoken(),
            MADE,
            INTERRUPTED,
            {**OVER, "usageMetadata": BILL},
            heard(" Wait."),
        ],
        [
            SpeechStarted("item_1"),
            UserTranscript("item_1", "Which"),
            UserTranscript("item_1", " tram?"),
            SpeechStopped("item_1"),
            UserTurn("item_1"),
            *begun("resp_1", "item_2"),
            words("item_2", "Line four."),
            audio("item_2"),
            ReplyMade("resp_1"),
            UserTranscript("item_1", "Which tram?", final=True),
            SpeechStarted("item_3"),
            *closed("resp_1", "item_2", bill=True),
            UserTranscript("item_3", "Wait."),
        ],
    ),
    "3 a typed turn": (
        [said("Yes, "), spoken(), said("every hour."), MADE, {**OVER, "usageMetadata": BILL}],
        [
            *begun(),
            words("item_1", "Yes, "),
            audio("item_1"),
            words("item_1", "every hour."),
            ReplyMade("resp_1"),
            *closed(bill=True),
        ],
    ),
    "4 a tool call": (
        [
            called({"id": "fc-11", "name": "find_tram", "args": {"stop": "Zoo"}}),
            spoken(),
            said("In four minutes."),
            MADE,
            {**OVER, "usageMetadata": BILL},
        ],
        [
            ReplyBegun("resp_1"),
            ReplyItem("resp_1", "item_1", 0, "function_call", "fc-11", "find_tram"),
            ToolCall("fc-11", "find_tram", '{"stop":"Zoo"}', "item_1", "resp_1"),
            ReplyItemDone("item_1"),
            ReplyDone("resp_1"),
            *begun("resp_2", "item_2"),
            audio("item_2"),
            words("item_2", "In four minutes."),
            ReplyMade("resp_2"),
            *closed("resp_2", "item_2", bill=True),
        ],
    ),
    "4b a tool call taken back": (
        [
            called({"id": "fc-12", "name": "f", "args": {}}),
            {"toolCallCancellation": {"ids": ["fc-12", 5]}},
        ],
        [
            ReplyBegun("resp_1"),
            ReplyItem("resp_1", "item_1", 0, "function_call", "fc-12", "f"),
            ToolCall("fc-12", "f", "{}", "item_1", "resp_1"),
            ReplyItemDone("item_1"),
            ReplyDone("resp_1"),
            ToolCallsCancelled(("fc-12",)),
        ],
    ),
    "5 going away": (
        [
            {"sessionResumptionUpdate": {"newHandle": "h-05", "resumable": True}},
            {"sessionResumptionUpdate": {}},
            {"goAway": {"timeLeft": "50s"}},
        ],
        [Handle("h-05"), Handle("", resumable=False), GoingAway(50_000)],
    ),
    "8 extended thinking: two utterances, one interaction": (
        [
            spoken(),
            {"serverContent": {"turnComplete": True, "interactionStatus": "IN_PROGRESS"}},
            called({"id": "fc-21", "name": "f"}),
            spoken(),
            MADE,
            {"serverContent": {"turnComplete": True, "interactionStatus": "IDLE"}, "usageMetadata": BILL},
        ],
        [
            *begun(),
            audio("item_1"),
            *closed(more=True),
            ReplyBegun("resp_2"),
            ReplyItem("resp_2", "item_2", 0, "function_call", "fc-21", "f"),
            ToolCall("fc-21", "f", "{}", "item_2", "resp_2"),
            ReplyItemDone("item_2"),
            ReplyDone("resp_2"),
            *begun("resp_3", "item_3"),
            audio("item_3"),
            ReplyMade("resp_3"),
            *closed("resp_3", "item_3", bill=True),
        ],
    ),
    "B04 speech, then two calls, then the bare turnComplete of some backends": (
        [
            spoken("One moment."),
            called({"id": "fc-1", "name": "find_tram", "args": {"stop": "Zoo"}}, {"name": "weather"}),
            {**OVER, "usageMetadata": {"promptTokenCount": 5, "totalTokenCount": 5}},
        ],
        [
            *begun(),
            audio("item_1"),
            words("item_1", "One moment."),
            ReplyItemDone("item_1"),
            ReplyItem("resp_1", "item_2", 1, "function_call", "fc-1", "find_tram"),
            ToolCall("fc-1", "find_tram", '{"stop":"Zoo"}', "item_2", "resp_1"),
            ReplyItemDone("item_2"),
            ReplyItem("resp_1", "item_3", 2, "function_call", "call_1", "weather"),
            ToolCall("call_1", "weather", "{}", "item_3", "resp_1"),
            ReplyItemDone("item_3"),
            ReplyDone("resp_1"),
            # Paid at once, because the call may end before there is another reply.
            Usage(input=5, input_text=5, reply_id="resp_1"),
        ],
    ),
    "B10 a safety stop": (
        [
            spoken("To do that"),
            {"serverContent": {"turnComplete": True, "turnCompleteReason": "GENERATED_CONTENT_SAFETY"}},
        ],
        [
            *begun(),
            audio("item_1"),
            words("item_1", "To do that"),
            ReplyDone("resp_1", "incomplete", "content_filter"),
        ],
    ),
    "a turn that is turned down before a word": (
        [
            activity("START", "1s"),
            activity("END", "2s"),
            {"serverContent": {"turnComplete": True, "turnCompleteReason": "PROHIBITED_INPUT_CONTENT"}},
        ],
        [
            SpeechStarted("item_1", 1000),
            SpeechStopped("item_1", 2000),
            UserTurn("item_1"),
            ReplyBegun("resp_1"),
            ReplyDone("resp_1", "incomplete", "content_filter"),
        ],
    ),
    "everything in one frame": (
        [
            {
                "voiceActivity": {"type": "ACTIVITY_END", "audioOffset": "2s"},
                "serverContent": {
                    "turnComplete": True,
                    "generationComplete": True,
                    "outputTranscription": {"text": "Yes."},
                    "modelTurn": {"parts": [{"inlineData": BLOB}, {"text": "hm", "thought": True}]},
                    "inputTranscription": {"text": "Now?"},
                },
                "usageMetadata": BILL,
                "goAway": {"timeLeft": "5s"},
            }
        ],
        [
            SpeechStarted("item_1"),
            UserTranscript("item_1", "Now?"),
            SpeechStopped("item_1"),
            UserTurn("item_1"),
            *begun("resp_1", "item_2"),
            audio("item_2"),
            words("item_2", "Yes."),
            ReplyMade("resp_1"),
            UserTranscript("item_1", "Now?", final=True),
            *closed("resp_1", "item_2", bill=True),
            GoingAway(5000),
        ],
    ),
    "several parts are several pieces of audio": (
        [
            {
                "serverContent": {
                    "modelTurn": {
                        "parts": [
                            {"inlineData": BLOB},
                            {"inlineData": {"mimeType": "audio/pcm;rate=16000", "data": "AAAA"}},
                            {"inlineData": {"mimeType": "image/png", "data": "AAAA"}},
                            {"executableCode": {"code": "1"}},
                            5,
                        ]
                    }
                }
            }
        ],
        [*begun(), audio("item_1"), ReplyAudio("item_1", "AAAA", AudioFormat("pcm", 16_000))],
    ),
    "a bare turnComplete means nothing": ([OVER, {"serverContent": {"turnComplete": False}}], []),
    "usage alone is paid at once": ([{"usageMetadata": BILL}], [usage("")]),
    "usage within a turn is paid with the turn": (
        [spoken(), {"usageMetadata": BILL}, OVER],
        [*begun(), audio("item_1"), *closed(bill=True)],
    ),
    "a premature end, and the rest of the sentence": (
        [spoken("I am "), OVER, spoken("here."), OVER],
        [
            *begun(),
            audio("item_1"),
            words("item_1", "I am "),
            *closed(),
            *begun("resp_2", "item_2"),
            audio("item_2"),
            words("item_2", "here."),
            *closed("resp_2", "item_2"),
        ],
    ),
    "an interruption before any output": (
        [heard("Hi."), INTERRUPTED, OVER],
        [SpeechStarted("item_1"), UserTranscript("item_1", "Hi.")],
    ),
    "an interruption whose end got lost": (
        [spoken(), INTERRUPTED, spoken(), OVER],
        [
            *begun(),
            audio("item_1"),
            SpeechStarted("item_2"),
            ReplyDone("resp_1", "cancelled", "turn_detected"),
            SpeechStopped("item_2"),
            UserTurn("item_2"),
            *begun("resp_2", "item_3"),
            audio("item_3"),
            *closed("resp_2", "item_3"),
        ],
    ),
    "late words of the agent belong to what was interrupted": (
        [spoken(), INTERRUPTED, said("late"), OVER],
        [
            *begun(),
            audio("item_1"),
            SpeechStarted("item_2"),
            words("item_1", "late"),
            ReplyDone("resp_1", "cancelled", "turn_detected"),
        ],
    ),
    "words that come late keep their turn, where speech is signalled": (
        [
            activity("START", "1s"),
            activity("END", "2s"),
            heard("Line"),
            spoken(),
            OVER,
            heard(" four?"),
            activity("START", "3s"),
        ],
        [
            SpeechStarted("item_1", 1000),
            SpeechStopped("item_1", 2000),
            UserTurn("item_1"),
            UserTranscript("item_1", "Line"),
            *begun("resp_1", "item_2"),
            audio("item_2"),
            UserTranscript("item_1", "Line", final=True, audio_ms=1000),
            *closed("resp_1", "item_2"),
            UserTranscript("item_1", " four?"),
            UserTranscript("item_1", "Line four?", final=True, audio_ms=1000),
            SpeechStarted("item_3", 3000),
        ],
    ),
    "words that are finished": (
        [heard("Line four?", finished=True), spoken()],
        [
            SpeechStarted("item_1"),
            UserTranscript("item_1", "Line four?"),
            SpeechStopped("item_1"),
            UserTurn("item_1"),
            UserTranscript("item_1", "Line four?", final=True),
            *begun("resp_1", "item_2"),
            audio("item_2"),
        ],
    ),
    "a whole transcript that is told again": (
        [
            heard(" When does line four leave?"),
            heard(" When does line four leave?"),
            heard(" No."),
            heard(" No."),
        ],
        [
            SpeechStarted("item_1"),
            UserTranscript("item_1", "When does line four leave?"),
            UserTranscript("item_1", " No."),
            UserTranscript("item_1", " No."),
        ],
    ),
    "an empty wait for input closes nothing that has begun": (
        [spoken(), {"serverContent": {"waitingForInput": True}}, OVER],
        [*begun(), audio("item_1"), *closed()],
    ),
    "snake_case all the way": (
        [
            {"voice_activity": {"type": "ACTIVITY_START", "audio_offset": "0.5s"}},
            {
                "server_content": {
                    "model_turn": {
                        "parts": [{"inline_data": {"mime_type": BLOB["mimeType"], "data": AUDIO}}]
                    },
                    "turn_complete": True,
                },
                "usage_metadata": {"prompt_token_count": 40, "candidates_token_count": 10},
            },
        ],
        [
            SpeechStarted("item_1", 500),
            SpeechStopped("item_1"),
            UserTurn("item_1"),
            *begun("resp_1", "item_2"),
            audio("item_2"),
            *closed("resp_1", "item_2", bill=True),
        ],
    ),
    "members of the wrong kind count as absent": (
        [
            {"serverContent": 5},
            {"serverContent": {"modelTurn": {"parts": [{"inlineData": {"data": 5}}, {"text": 5}]}}},
            {"serverContent": {"outputTranscription": "x", "inputTranscription": 5, "turnComplete": "yes"}},
            {"toolCall": {"functionCalls": 5}},
            {"toolCall": {"functionCalls": [5]}},
            {"toolCallCancellation": {"ids": 5}},
            {"voiceActivity": 5},
            {"usageMetadata": []},
        ],
        [],
    ),
}


@pytest.mark.parametrize("relay", [False, True], ids=["translated", "relayed"])
@pytest.mark.parametrize(("messages", "acts"), CONVERSATIONS.values(), ids=CONVERSATIONS.keys())
def test_a_conversation(messages, acts, relay):
    talk = Talk(None if relay else Config()).ready()

    assert talk.hear(*messages) == acts


def test_the_greeting():
    assert Talk().hear(SETUP_COMPLETE, SETUP_COMPLETE) == [Ready(b"", 48)]
    assert Talk(None).hear(SETUP_COMPLETE) == [Ready(b'{"setupComplete":{}}', 48)]


def test_what_is_no_message():
    talk = Talk(None)
    assert talk.side.hear(b"nonsense") == [Garbled()]
    assert talk.side.hear(b"[]") == [Garbled()]
    assert talk.side.hear(b"{}") == []


# -- In a relay, where audio passes unread -------------------------------------------------------------------


def test_audio_that_passed_begins_a_reply():
    talk = Talk(None).ready()

    assert talk.side.passed(640) == [*begun(), AudioPassed(640)]
    assert talk.side.passed(16) == [AudioPassed(16)]
    assert talk.hear(said("Yes."), OVER) == [words("item_1", "Yes."), *closed()]


def test_audio_that_passed_ends_the_users_turn():
    talk = Talk(None).ready()
    talk.hear(heard("Hi."))

    assert talk.side.passed(640) == [
        SpeechStopped("item_1"),
        UserTurn("item_1"),
        *begun("resp_1", "item_2"),
        AudioPassed(640),
    ]


def test_text_in_a_relay_is_what_was_written_only_where_nothing_is_spoken():
    text = {"serverContent": {"modelTurn": {"parts": [{"text": "Line "}, {"text": "four."}]}}}

    assert Talk(None).ready().hear(text, OVER) == [
        *begun(),
        ReplyText("item_1", 0, "Line four.", final=True),
        *closed(),
    ]
    assert Talk(None).ready().hear(text, spoken(), OVER) == [*begun(), audio("item_1"), *closed()]
    assert Talk(None).ready().hear(text, called({"id": "1", "name": "f"}))[:4] == [
        *begun(),
        ReplyText("item_1", 0, "Line four.", final=True),
        ReplyItemDone("item_1"),
    ]


# -- In a translation ----------------------------------------------------------------------------------------


def test_b11_text_is_wanted_of_a_model_that_only_speaks():
    talk = Talk(Config(text_only=True)).ready()

    assert talk.hear(spoken(), said("Hello."), MADE, OVER) == [
        *begun(),
        ReplyText("item_1", 0, "Hello."),
        ReplyMade("resp_1"),
        *closed(),
    ]


def test_text_is_wanted_of_a_model_that_writes():
    talk = Talk(Config(text_only=True), profile=Profile(text=True)).ready()
    text = {"serverContent": {"modelTurn": {"parts": [{"text": "Hello."}, {"text": "hm", "thought": True}]}}}

    assert talk.opening[0]["setup"]["generationConfig"] == {"responseModalities": ["TEXT"]}
    assert talk.hear(text, OVER) == [*begun(), ReplyText("item_1", 0, "Hello."), *closed()]


def test_text_beside_speech_is_not_the_spoken_words():
    text = {"serverContent": {"modelTurn": {"parts": [{"text": "I will greet."}]}}}

    assert Talk().ready().hear(text, OVER) == []


def test_b14_a_barge_in_while_the_rest_is_being_heard():
    talk = Talk().ready()
    talk.hear(spoken("In four minutes."), MADE)
    talk.tell(UserAudio("AAAA" * 118_400, AudioFormat("pcm", 24_000)))  # 7400 ms

    assert talk.hear(
        INTERRUPTED, {**OVER, "usageMetadata": BILL}, heard(" Wait,"), heard(" stop."), spoken()
    ) == [
        SpeechStarted("item_2", 7400),
        *closed(bill=True),
        UserTranscript("item_2", "Wait,"),
        UserTranscript("item_2", " stop."),
        SpeechStopped("item_2", 7400),
        UserTurn("item_2"),
        *begun("resp_2", "item_3"),
        audio("item_3"),
    ]


def test_speech_that_only_its_words_tell_of_began_a_little_earlier():
    talk = Talk().ready()
    talk.tell(UserAudio("AAAA" * 16_000, AudioFormat("pcm", 24_000)))  # 1000 ms

    assert talk.hear(heard("Hi."), spoken())[:4] == [
        SpeechStarted("item_1", 700),
        UserTranscript("item_1", "Hi."),
        SpeechStopped("item_1", 1000),
        UserTurn("item_1"),
    ]


# -- Patience ------------------------------------------------------------------------------------------------


def test_a_reply_whose_end_is_not_told_is_ended_when_it_must_have_been_heard():
    talk = Talk().ready()
    talk.hear(*[spoken()] * 4000, MADE)  # 12 bytes each: 1 s

    assert talk.side.due_us == talk.now_us() + 6_000_000
    assert talk.wake(5.9) == []
    assert talk.wake(0.2) == closed()
    assert talk.side.due_us is None
    assert talk.hear(OVER) == []


def test_an_interruption_whose_end_is_not_told():
    talk = Talk().ready()
    talk.hear(spoken(), INTERRUPTED)

    assert talk.wake(4.9) == []
    assert talk.wake(0.2) == [ReplyDone("resp_1", "cancelled", "turn_detected")]
    assert talk.hear(spoken(), OVER) == []  # still the old turn
    assert talk.hear(spoken())[2:] == [*begun("resp_2", "item_3"), audio("item_3")]


def test_a_reply_that_falls_silent_has_failed():
    talk = Talk().ready()
    talk.hear(spoken())

    talk.now_us.go_on(20)
    talk.hear(spoken())
    assert talk.wake(11) == []
    assert talk.wake(31) == [ReplyDone("resp_1", "failed", "backend_timeout")]
    assert talk.hear(spoken()) == [*begun("resp_2", "item_2"), audio("item_2")]


def test_audio_that_is_printed_with_escapes_is_read_all_the_same():
    printed = tight(spoken()).replace(AUDIO.encode(), b"AA\\/A\\u003d\\u003d")

    assert Talk().ready().side.hear(printed)[-1] == ReplyAudio("item_1", "AA/A==")


# -- A reply that ends when it is made ---------------------------------------------------------------------

MADE_ENDS = Terms(reply_ends="made")


def made_talk():
    talk = Talk(terms=MADE_ENDS).ready()
    talk.hear(spoken("In four "), MADE)
    return talk


def test_where_a_reply_ends_when_it_is_made_late_words_are_waited_for_and_nothing_else():
    talk = made_talk()
    assert talk.hear(said("minutes.")) == [words("item_1", "minutes.")]
    assert talk.wake(LATE_WORDS_US / 1e6 - 0.01) == []
    assert talk.wake(0.01) == [ReplyItemDone("item_1"), ReplyDone("resp_1")]
    assert talk.side.due_us is None
    assert talk.hear({**OVER, "usageMetadata": BILL}) == [usage("resp_1")]  # told with the next
    assert talk.hear(spoken()) == [*begun("resp_2", "item_2"), audio("item_2")]


def test_a_turn_that_ends_at_once_does_not_wait():
    talk = made_talk()
    assert talk.hear({**OVER, "usageMetadata": BILL}) == closed(bill=True)


def test_who_is_interrupted_after_the_reply_has_ended_may_still_be_truncated():
    talk = Talk(terms=Terms(reply_ends="made", strict=True)).ready()
    talk.hear(spoken(), MADE)
    talk.wake(1)
    assert talk.hear(INTERRUPTED, OVER) == [SpeechStarted("item_2")]
    assert talk.tell(Truncate("item_1", 10)) == [ReplyTruncated("item_1", 10)]
    assert talk.hear(heard("Stop.")) == [UserTranscript("item_2", "Stop.")]
    assert talk.hear(spoken())[:4] == [
        SpeechStopped("item_2"),
        UserTurn("item_2"),
        *begun("resp_2", "item_3"),
    ]


def test_a_reply_that_is_made_and_interrupted_before_it_ends_is_whole():
    talk = made_talk()
    assert talk.hear(INTERRUPTED) == [SpeechStarted("item_2")]
    assert talk.hear(OVER) == closed()
