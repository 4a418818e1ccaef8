"""What a client wants, as it is told to Gemini: the client's half of TRANSLATION.md 2 and 12."""

from base64 import b64decode

import pytest

from gemini_frames import (
    AUDIO,
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
)
from realtime_switch.dialects.acts import (
    AudioCleared,
    Configured,
    ItemDeleted,
    ItemTaken,
    PastTold,
    Ready,
    Refused,
    ReplyAudio,
    ReplyBegun,
    ReplyDone,
    ReplyItem,
    ReplyItemDone,
    ReplyMade,
    ReplyTranscript,
    ReplyTruncated,
    SpeechStarted,
    SpeechStopped,
    StartOver,
    ToolAnswered,
    ToolCallsCancelled,
    Trouble,
    Usage,
    UserText,
    UserTranscript,
    UserTurn,
)
from realtime_switch.dialects.dialect import Manner
from realtime_switch.dialects.past import LEAD_IN
from realtime_switch.dialects.profile import Profile
from realtime_switch.dialects.sound import PCM_16K, PCM_24K, AudioFormat, silence
from realtime_switch.dialects.terms import Terms
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

MANUAL = Config(manual_turns=True)
SEED_ONLY = Profile(content="seed_only", context_update=False, tools="")
STRICT = Terms(strict=True)
ACTIVITY_START = {"realtimeInput": {"activityStart": {}}}
ACTIVITY_END = {"realtimeInput": {"activityEnd": {}}}
AUDIO_STREAM_END = {"realtimeInput": {"audioStreamEnd": True}}
GO_ON = {"clientContent": {"turnComplete": True}}
A_TENTH = "AAAA" * 1600  # 100 ms of 24 kHz


def mic(base64, rate_hz=24_000):
    return {"realtimeInput": {"audio": {"mimeType": f"audio/pcm;rate={rate_hz}", "data": base64}}}


def content(*turns, complete=True):
    return {
        "clientContent": {
            "turns": [{"role": role, "parts": [{"text": text}]} for role, text in turns],
            "turnComplete": complete,
        }
    }


def answered(*answers):
    return {"toolResponse": {"functionResponses": list(answers)}}


def system(*texts):
    return {"systemInstruction": {"parts": [{"text": text} for text in texts]}}


def refusal(said):
    (refused,) = said
    assert isinstance(refused, Refused)
    return refused.field, refused.code, refused.request_id


def test_it_is_told_first_and_answers():
    assert Talk().side.manner is Manner.ANSWERS


# -- Audio ---------------------------------------------------------------------------------------------------


def test_a05_audio_is_told_as_it_is_with_its_true_rate():
    talk = Talk().ready()

    assert talk.tell(UserAudio(AUDIO, PCM_24K), UserAudio("AAAA", PCM_16K)) == [
        mic(AUDIO),
        mic("AAAA", 16_000),
    ]


@pytest.mark.parametrize(
    ("coding", "base64", "pcm"), [("pcmu", "////", "AAAAAAAA"), ("pcma", "1dXV", "CAAIAAgA")]
)
def test_g711_becomes_pcm_of_the_same_rate(coding, base64, pcm):
    assert Talk().ready().tell(UserAudio(base64, AudioFormat(coding, 8_000))) == [mic(pcm, 8_000)]


def test_a_picture_and_a_pause():
    assert Talk().ready().tell(UserImage("AAAA", "image/jpeg"), AudioPauses()) == [
        {"realtimeInput": {"video": {"mimeType": "image/jpeg", "data": "AAAA"}}},
        AUDIO_STREAM_END,
    ]


def test_a07_a_committed_turn_is_sent_when_an_answer_is_asked_for():
    talk = Talk(MANUAL).ready()

    assert talk.tell(UserAudio(A_TENTH, PCM_24K), UserAudio(A_TENTH, PCM_24K)) == []
    assert talk.tell(CommitAudio("c7")) == [UserTurn("item_1")]
    assert talk.tell(UserAudio("BBBB", PCM_24K)) == []
    assert talk.tell(AskReply(request_id="c8")) == [
        ACTIVITY_START,
        mic(A_TENTH),
        mic(A_TENTH),
        ACTIVITY_END,
        ReplyBegun("resp_1"),
    ]
    assert talk.hear(activity("START", "0s"), heard("Hi."), spoken(), OVER) == [
        UserTranscript("item_1", "Hi."),
        ReplyItem("resp_1", "item_2"),
        ReplyAudio("item_2", AUDIO),
        UserTranscript("item_1", "Hi.", final=True, audio_ms=200),
        ReplyItemDone("item_2"),
        ReplyDone("resp_1"),
    ]


def test_two_commits_are_one_activity():
    talk = Talk(MANUAL).ready()
    turn = [UserAudio(A_TENTH, PCM_24K), CommitAudio()]

    assert talk.tell(*turn, *turn, AskReply())[2:] == [
        ACTIVITY_START,
        mic(A_TENTH),
        mic(A_TENTH),
        ACTIVITY_END,
        ReplyBegun("resp_1"),
    ]


def test_activities_keep_their_distance():
    talk = Talk(MANUAL).ready()
    turn = [UserAudio(A_TENTH, PCM_24K), CommitAudio(), AskReply()]
    talk.tell(*turn)
    talk.hear(OVER)

    assert talk.tell(*turn) == [UserTurn("item_2"), ReplyBegun("resp_2")]
    assert talk.side.due_us == talk.now_us() + 500_000
    assert talk.wake(0.5) == [ACTIVITY_START, mic(A_TENTH), ACTIVITY_END]


def test_a_committed_turn_keeps_its_distance_from_one_that_was_marked_as_it_was_spoken():
    talk = Talk(MANUAL).ready()
    talk.tell(SpeechBegins(), UserAudio(A_TENTH, PCM_24K), SpeechEnds())

    assert talk.tell(UserAudio(A_TENTH, PCM_24K), CommitAudio(), AskReply())[-1] == ReplyBegun("resp_1")
    assert talk.side.due_us == talk.now_us() + 500_000


def test_what_was_cleared_is_not_committed_with_what_follows():
    talk = Talk().ready()
    talk.tell(
        UserAudio(silence(PCM_24K, 300), PCM_24K), ClearAudio(), UserAudio(silence(PCM_24K, 50), PCM_24K)
    )

    (refused,) = talk.tell(CommitAudio())
    assert "buffer only has 50.00ms" in refused.message


def aloud(ms, text="", audio_format=PCM_24K):
    sound = UserAudio(silence(audio_format, ms), audio_format)
    return Say(item_id="mine", role="user", text=text, spoken=(Spoken(sound, "item.content[0].type"),))


def test_sound_within_an_item_is_a_turn_of_its_own_name():
    talk = Talk(MANUAL).ready()
    assert talk.tell(aloud(200)) == [ItemTaken("mine"), UserTurn("mine")]
    start, sound, end, begun = talk.tell(AskReply())
    assert (start, end, begun) == (ACTIVITY_START, ACTIVITY_END, ReplyBegun("resp_1"))
    assert sound["realtimeInput"]["audio"]["data"] == silence(PCM_24K, 200)
    assert talk.hear(heard("Hi.")) == [UserTranscript("mine", "Hi.")]
    said = talk.hear(spoken(), OVER)
    assert UserTranscript("mine", "Hi.", final=True, audio_ms=200) in said


def test_sound_within_an_item_goes_before_what_is_not_committed_yet_and_behind_its_words():
    talk = Talk(MANUAL).ready()
    talk.tell(UserAudio(silence(PCM_24K, 300), PCM_24K), aloud(200, "Listen:"))
    content, start, sound, end, _ = talk.tell(AskReply())
    turn = {"role": "user", "parts": [{"text": "Listen:"}]}
    assert content["clientContent"] == {"turns": [turn], "turnComplete": False}
    assert (start, end) == (ACTIVITY_START, ACTIVITY_END)
    assert sound["realtimeInput"]["audio"]["data"] == silence(PCM_24K, 200)
    talk.now_us.go_on(1)  # one activity follows another in time
    talk.tell(CommitAudio())
    sound = talk.tell(AskReply(interrupts=True))[-3]
    assert sound["realtimeInput"]["audio"]["data"] == silence(PCM_24K, 300)


def test_telephone_sound_within_an_item_is_converted_whole():
    talk = Talk(MANUAL).ready()
    talk.tell(aloud(200, audio_format=AudioFormat("pcmu", 8000)))
    _, *sounds, _, _ = talk.tell(AskReply())
    blobs = [one["realtimeInput"]["audio"] for one in sounds]
    assert {blob["mimeType"] for blob in blobs} == {"audio/pcm;rate=8000"}
    assert sum(len(b64decode(blob["data"])) for blob in blobs) == 200 * 8 * 2


@pytest.mark.parametrize(("config", "strict"), [(Config(), False), (MANUAL, True)])
def test_a21_sound_within_an_item_is_refused_where_it_cannot_be_a_turn(config, strict):
    talk = Talk(config, terms=Terms(strict=strict)).ready()
    why = "This backend takes audio only through input_audio_buffer.append."
    assert talk.tell(aloud(200)) == [Refused("item.content[0].type", why)]


def test_too_much_sound_within_items_is_refused():
    talk = Talk(MANUAL, terms=Terms(waiting_bytes_max=20_000)).ready()
    assert talk.tell(aloud(200)) == [ItemTaken("mine"), UserTurn("mine")]
    (refused,) = talk.tell(aloud(200))
    assert refused.field == "item"


@pytest.mark.parametrize(("ms", "words"), [(200, "long" * 5_000), (2_000, "Listen:")])
def test_of_an_item_that_is_refused_neither_sound_nor_words_are_told(ms, words):
    talk = Talk(MANUAL, terms=Terms(waiting_bytes_max=15_000)).ready()
    for _ in range(100):  # nor do they take room
        (refused,) = talk.tell(aloud(ms, words))
        assert refused.field == "item"
    talk.tell(Say(item_id="other", role="user", text="Hello."))
    content, _ = talk.tell(AskReply())
    turn = {"role": "user", "parts": [{"text": "Hello."}]}
    assert content["clientContent"] == {"turns": [turn], "turnComplete": True}


def test_a08_an_empty_commit():
    assert Talk(MANUAL).ready().tell(CommitAudio("c9")) == [
        Refused(
            "",
            "Error committing input audio buffer: buffer too small. Expected at least 100ms of audio, but "
            "buffer only has 0.00ms of audio.",
            "c9",
            "input_audio_buffer_commit_empty",
        )
    ]


def test_what_is_cleared_is_not_sent():
    talk = Talk(MANUAL).ready()
    talk.tell(UserAudio(A_TENTH, PCM_24K), CommitAudio(), UserAudio("BBBB", PCM_24K))

    assert talk.tell(ClearAudio()) == [AudioCleared()]
    assert talk.tell(AskReply())[:3] == [ACTIVITY_START, mic(A_TENTH), ACTIVITY_END]


def test_more_than_can_be_kept_is_refused_once():
    talk = Talk(MANUAL, terms=Terms(waiting_bytes_max=10)).ready()
    talk.tell(UserAudio("AAAAAAAA", PCM_24K))

    assert refusal(talk.tell(UserAudio("AAAA", PCM_24K))) == ("", "input_audio_buffer_full", "")
    assert talk.tell(UserAudio("AAAA", PCM_24K)) == []
    assert refusal(talk.tell(Say(item_id="i", role="user", text="x", request_id="r")))[2] == "r"


def test_a_commit_where_the_service_finds_the_turns():
    talk = Talk().ready()
    talk.tell(UserAudio(A_TENTH, PCM_24K))
    talk.hear(activity("START", "0.050s"))

    assert talk.tell(CommitAudio()) == [AUDIO_STREAM_END, SpeechStopped("item_1", 100), UserTurn("item_1")]
    assert refusal(talk.tell(CommitAudio("c"))) == ("", "input_audio_buffer_commit_empty", "c")
    talk.tell(UserAudio(A_TENTH, PCM_24K))
    assert talk.tell(CommitAudio()) == [AUDIO_STREAM_END, UserTurn("item_2")]
    assert talk.tell(ClearAudio()) == [AudioCleared()]
    assert refusal(Talk(terms=STRICT).ready().tell(CommitAudio("c"))) == (
        "manual_turns",
        "unsupported_by_backend",
        "c",
    )


def test_speech_by_the_clients_own_judgement():
    talk = Talk(MANUAL).ready()

    assert talk.tell(SpeechBegins(), SpeechBegins(), UserAudio(AUDIO, PCM_24K), SpeechEnds()) == [
        ACTIVITY_START,
        mic(AUDIO),
        ACTIVITY_END,
        UserTurn("item_1"),
    ]
    assert talk.tell(SpeechEnds()) == []


def test_speech_without_a_sound_is_filled_because_the_service_would_hang_up():
    said = Talk(MANUAL).ready().tell(SpeechBegins(), SpeechEnds())

    assert said == [ACTIVITY_START, mic(A_TENTH), ACTIVITY_END, UserTurn("item_1")]


# -- The conversation ----------------------------------------------------------------------------------------


def test_a09_a11_what_was_typed_waits_for_the_wish_and_goes_out_as_one():
    talk = Talk().ready()

    assert talk.tell(Say(item_id="i1", role="user", text="I am Mia.")) == [
        UserText("i1", "I am Mia."),
        ItemTaken("i1"),
    ]
    assert talk.tell(Say(item_id="i2", role="agent", text="Hi Mia.")) == [PastTold("i2"), ItemTaken("i2")]
    assert talk.tell(Say(item_id="i3", role="user", text="My name?"))[1:] == [ItemTaken("i3")]
    assert talk.tell(AskReply(metadata={"a": 1})) == [
        content(("user", "I am Mia."), ("model", "Hi Mia."), ("user", "My name?")),
        ReplyBegun("resp_1", metadata={"a": 1}),
    ]


def test_pictures_are_part_of_a_turn():
    talk = Talk().ready()
    picture = Picture("AAAA", "image/png")

    assert talk.tell(Say(item_id="i1", role="user", pictures=(picture,))) == [ItemTaken("i1")]
    assert talk.tell(AskReply())[0] == {
        "clientContent": {
            "turns": [{"role": "user", "parts": [{"inlineData": {"mimeType": "image/png", "data": "AAAA"}}]}],
            "turnComplete": True,
        }
    }


def test_a_wish_with_nothing_to_say():
    assert Talk().ready().tell(AskReply()) == [GO_ON, ReplyBegun("resp_1")]
    assert Talk(profile=SEED_ONLY).ready().tell(AskReply()) == [GO_ON, ReplyBegun("resp_1")]


def test_words_first_then_the_activity():
    talk = Talk(MANUAL).ready()
    talk.tell(Say(item_id="i1", role="user", text="Listen:"), UserAudio(A_TENTH, PCM_24K), CommitAudio())

    assert talk.tell(AskReply()) == [
        content(("user", "Listen:"), complete=False),
        ACTIVITY_START,
        mic(A_TENTH),
        ACTIVITY_END,
        ReplyBegun("resp_1"),
    ]


def test_what_was_typed_is_known_when_the_user_speaks():
    """The service answers speech without being asked."""
    talk = Talk().ready()
    talk.tell(Say(item_id="i1", role="user", text="I am Mia."))

    assert talk.hear(activity("START", "1s")) == [
        SpeechStarted("item_1", 1000),
        content(("user", "I am Mia."), complete=False),
    ]
    assert talk.hear(activity("END", "2s"), activity("START", "3s"))[2:] == [SpeechStarted("item_2", 3000)]


def test_a_model_that_takes_no_content_once_it_has_spoken():
    talk = Talk(profile=SEED_ONLY).ready()
    talk.hear(spoken(), OVER)
    talk.tell(
        Say(item_id="i1", role="user", text="Now?", pictures=(Picture("AAAA", "image/jpeg"),)),
        Say(item_id="i2", role="user", text="Please."),
    )

    assert talk.tell(AskReply()) == [
        {"realtimeInput": {"video": {"mimeType": "image/jpeg", "data": "AAAA"}}},
        {"realtimeInput": {"text": "Now?\nPlease."}},
        ReplyBegun("resp_2"),
    ]
    talk.hear(spoken(), OVER)
    assert talk.tell(AskReply()) == [{"realtimeInput": {"text": " "}}, ReplyBegun("resp_3")]
    assert refusal(talk.tell(Say(item_id="i", role="agent", text="x", request_id="r"))) == (
        "item.role",
        "unsupported_by_backend",
        "r",
    )
    past = SayCall(item_id="i", call_id="c", name="f", arguments="{}", request_id="r")
    assert refusal(talk.tell(past))[0] == "item.type"
    talk.tell(Say(item_id="i4", role="user", text="kept"))
    assert talk.hear(heard("Hm?"))[0] == SpeechStarted("item_3")


def test_words_of_the_system_are_added_to_the_instructions():
    talk = Talk(Config(instructions="Be kind."), history="user: Hi.\n").ready()
    past = f"{LEAD_IN}\nuser: Hi.\n"

    assert talk.tell(Say(item_id="i1", role="system", text="It rains.")) == [
        {"contextUpdate": system("Be kind.", past, "It rains.")},
        ItemTaken("i1"),
    ]
    assert talk.tell(Configure(config=Config(instructions="Be brief."))) == [
        {"contextUpdate": system("Be brief.", past, "It rains.")},
        Configured(b"", 48),
    ]
    refused = Talk(profile=SEED_ONLY).ready().tell(Say(item_id="i", role="system", text="x", request_id="r"))
    assert refusal(refused) == ("item.role", "unsupported_by_backend", "r")


def test_what_was_not_told_yet_can_be_taken_back():
    talk = Talk().ready()
    talk.tell(Say(item_id="i1", role="user", text="no"), Say(item_id="i2", role="user", text="yes"))

    assert talk.tell(Delete("i1", "r")) == [ItemDeleted("i1")]
    assert talk.tell(AskReply())[0] == content(("user", "yes"))
    assert refusal(talk.tell(Delete("i2", "r"))) == ("item_id", "unsupported_by_backend", "r")


# -- Tools ---------------------------------------------------------------------------------------------------

CALL = called({"id": "fc-1", "name": "find_tram", "args": {"stop": "Zoo"}})


def answer(call_id, output, **more):
    return AnswerTool(item_id="item_o1", call_id=call_id, output=output, **more)


def test_a13_a_tools_answer():
    talk = Talk().ready()
    talk.hear(CALL)

    assert talk.tell(answer("fc-1", '{"minutes":4}')) == [
        ToolAnswered("fc-1", '{"minutes":4}'),
        ItemTaken("item_o1"),
    ]
    assert talk.tell(AskReply()) == [
        answered({"id": "fc-1", "name": "find_tram", "response": {"minutes": 4}}),
        ReplyBegun("resp_2"),
    ]
    assert talk.hear(spoken()) == [ReplyItem("resp_2", "item_2"), ReplyAudio("item_2", AUDIO)]
    assert refusal(talk.tell(answer("fc-1", "{}", request_id="r")))[1:] == ("invalid_tool_call_id", "r")
    assert refusal(talk.tell(answer("x", "{}", request_id="r")))[1:] == ("invalid_tool_call_id", "r")


@pytest.mark.parametrize(
    ("output", "response"),
    [
        ('{"a_b":1}', {"a_b": 1}),
        ("[1]", {"output": [1]}),
        ("4", {"output": 4}),
        ("sunny", {"output": "sunny"}),
        ("", {"output": ""}),
        ("\ud83d", {"output": "\ufffd"}),
    ],
)
def test_an_answer_is_always_an_object(output, response):
    talk = Talk().ready()
    talk.hear(CALL)
    talk.tell(answer("fc-1", output))

    assert talk.tell(AskReply())[0] == answered({"id": "fc-1", "name": "find_tram", "response": response})


def test_several_answers_are_one_and_an_id_that_was_missing_stays_missing():
    talk = Talk().ready()
    talk.hear(called({"id": "fc-1", "name": "f"}, {"name": "g"}))
    talk.tell(answer("fc-1", "1"), answer("call_1", "2", scheduling="when_idle"))

    assert talk.tell(AskReply())[0] == answered(
        {"id": "fc-1", "name": "f", "response": {"output": 1}},
        {"name": "g", "response": {"output": 2}, "scheduling": "WHEN_IDLE"},
    )


def test_b05_an_answer_whose_call_was_taken_back_goes_nowhere():
    talk = Talk().ready()
    talk.hear(CALL)

    assert talk.hear({"toolCallCancellation": {"ids": ["fc-1"]}}) == [ToolCallsCancelled(("fc-1",))]
    assert talk.tell(answer("fc-1", "{}")) == [ToolAnswered("fc-1", "{}"), ItemTaken("item_o1")]
    assert talk.tell(AskReply()) == [GO_ON, ReplyBegun("resp_2")]


def test_answers_go_on_by_themselves_when_all_are_there():
    talk = Talk().ready()
    talk.hear(called({"id": "fc-1", "name": "f"}, {"id": "fc-2", "name": "g"}))
    talk.tell(answer("fc-1", "1"))
    assert talk.side.due_us is None

    talk.tell(answer("fc-2", "2"))
    assert talk.wake(2.9) == []
    assert [list(message) for message in talk.wake(0.2)] == [["toolResponse"]]
    assert talk.side.due_us is None
    assert talk.hear(spoken())[0] == ReplyBegun("resp_2")


def test_the_bare_end_after_a_call_does_not_end_the_answer_to_it():
    talk = Talk().ready()
    talk.hear(CALL)
    talk.tell(answer("fc-1", "{}"), AskReply())

    assert talk.hear({**OVER, "usageMetadata": {"promptTokenCount": 5}}) == []
    assert talk.hear(spoken(), OVER)[2:] == [
        ReplyItemDone("item_2"),
        Usage(input=5, input_text=5, reply_id="resp_2"),
        ReplyDone("resp_2"),
    ]


def test_answers_with_a_new_question():
    """The question interrupts what the answers have begun; that is no barge-in and no end."""
    talk = Talk().ready()
    talk.hear(CALL)
    talk.tell(answer("fc-1", "{}"), Say(item_id="i1", role="user", text="And then?"))

    assert [next(iter(message)) for message in talk.tell(AskReply())[:2]] == ["toolResponse", "clientContent"]
    assert talk.hear(INTERRUPTED, OVER) == []
    assert talk.hear(spoken(), OVER)[-1] == ReplyDone("resp_2")


def test_a_call_of_the_past():
    talk = Talk().ready()
    past = SayCall(item_id="i1", call_id="c1", name="f", arguments='{"a_b":1}')

    assert talk.tell(past) == [PastTold("i1"), ItemTaken("i1")]
    assert talk.tell(answer("c1", "4")) == [ToolAnswered("c1", "4"), ItemTaken("item_o1")]
    assert talk.tell(AskReply())[0] == {
        "clientContent": {
            "turns": [
                {
                    "role": "model",
                    "parts": [{"functionCall": {"id": "c1", "name": "f", "args": {"a_b": 1}}}],
                },
                {
                    "role": "user",
                    "parts": [{"functionResponse": {"id": "c1", "name": "f", "response": {"output": 4}}}],
                },
            ],
            "turnComplete": True,
        }
    }


# -- Replies -------------------------------------------------------------------------------------------------


def test_one_reply_at_a_time():
    talk = Talk().ready()
    talk.tell(AskReply())

    assert talk.tell(AskReply(request_id="r")) == [
        Refused(
            "",
            "Conversation already has an active response in progress: resp_1. Wait until the response is "
            "finished before creating a new one.",
            "r",
            "conversation_already_has_active_response",
        )
    ]


def test_a_reply_asked_for_while_the_last_is_still_being_heard():
    """The old turn's interrupted and turnComplete, and its late words, are not of the new one."""
    talk = Talk().ready()
    talk.hear(spoken(), MADE)

    assert talk.tell(AskReply()) == [
        ReplyItemDone("item_1"),
        ReplyDone("resp_1"),
        GO_ON,
        ReplyBegun("resp_2"),
    ]
    assert talk.hear(said("late"), INTERRUPTED, {**OVER, "usageMetadata": {"promptTokenCount": 5}}) == [
        Usage(input=5, input_text=5, reply_id="resp_1")
    ]
    assert talk.hear(spoken(), OVER) == [
        ReplyItem("resp_2", "item_2"),
        ReplyAudio("item_2", AUDIO),
        ReplyItemDone("item_2"),
        ReplyDone("resp_2"),
    ]


def test_an_old_turn_whose_end_got_lost_does_not_hide_the_new_one():
    talk = Talk().ready()
    talk.hear(spoken(), MADE)
    talk.tell(AskReply())

    assert talk.hear(spoken(), OVER)[-1] == ReplyDone("resp_2")


def test_a_reply_that_interrupts():
    talk = Talk().ready()
    talk.hear(spoken("Long ago"))

    assert talk.tell(AskReply(interrupts=True)) == [
        ReplyDone("resp_1", "cancelled", "client_cancelled"),
        GO_ON,
        ReplyBegun("resp_2"),
    ]
    assert talk.hear(spoken(), INTERRUPTED, OVER) == []
    assert talk.hear(spoken())[0] == ReplyItem("resp_2", "item_2")


def test_a_reply_that_is_stopped_is_not_heard_any_more():
    talk = Talk().ready()
    talk.hear(spoken("Long ago"))

    assert talk.tell(StopReply("resp_1")) == [ReplyDone("resp_1", "cancelled", "client_cancelled")]
    assert talk.hear(spoken(), said("there"), CALL, MADE) == []
    assert talk.hear({**OVER, "usageMetadata": {"promptTokenCount": 5}}) == [
        Usage(input=5, input_text=5, reply_id="resp_1")
    ]
    assert talk.hear(spoken())[0] == ReplyBegun("resp_2")


def test_a_barge_in_after_a_stop_is_still_told():
    talk = Talk().ready()
    talk.hear(spoken())
    talk.tell(StopReply())

    assert talk.hear(INTERRUPTED, OVER) == [SpeechStarted("item_2")]
    assert talk.hear(spoken())[2] == ReplyBegun("resp_2")


def test_a_stopped_turn_that_says_nothing_more_is_over():
    talk = Talk().ready()
    talk.hear(spoken())
    talk.tell(StopReply())

    assert talk.wake(10) == []
    assert talk.hear(spoken())[0] == ReplyBegun("resp_2")


@pytest.mark.parametrize("reply_id", ["", "resp_1"])
def test_nothing_to_stop(reply_id):
    talk = Talk().ready()
    assert refusal(talk.tell(StopReply(reply_id, "r"))) == ("response_id", "response_cancel_not_active", "r")
    talk.hear(spoken())
    assert refusal(talk.tell(StopReply("other", "r")))[1] == "response_cancel_not_active"


def test_a_reply_that_never_comes():
    talk = Talk().ready()
    talk.tell(AskReply())

    assert talk.side.due_us == talk.now_us() + 30_000_000
    assert talk.wake(30) == [ReplyDone("resp_1", "failed", "backend_timeout")]


def test_a_wait_for_input_ends_a_reply_with_nothing_in_it():
    talk = Talk().ready()
    talk.tell(AskReply())

    assert talk.hear({"serverContent": {"waitingForInput": True}}) == [ReplyDone("resp_1")]


def test_instructions_for_one_reply():
    assert Talk().ready().tell(AskReply(instructions="Greet.")) == [
        content(("user", "Greet.")),
        ReplyBegun("resp_1"),
    ]
    strict = Talk(terms=STRICT).ready()
    assert refusal(strict.tell(AskReply(instructions="Greet.", request_id="r"))) == (
        "response.instructions",
        "unsupported_by_backend",
        "r",
    )


def test_a20_a_reply_aside():
    asked = AskReply(extras=(Extra("response.conversation"),), request_id="c7")

    assert Talk().ready().tell(asked) == [
        Refused("response.conversation", "response.conversation is not available on this backend.", "c7")
    ]
    ignored = AskReply(extras=(Extra("response.audio", ignorable=True),))
    assert Talk().ready().tell(ignored) == [GO_ON, ReplyBegun("resp_1")]
    assert refusal(Talk(terms=STRICT).ready().tell(ignored))[0] == "response.audio"


def test_a18_what_the_user_has_interrupted_can_be_truncated():
    talk = Talk(terms=STRICT).ready()
    talk.hear(spoken(), INTERRUPTED)

    assert talk.tell(Truncate("item_1", 1480)) == [ReplyTruncated("item_1", 1480)]
    talk.hear(OVER, spoken(), MADE)
    assert refusal(talk.tell(Truncate("item_3", 5, "r"))) == ("item_id", "unsupported_by_backend", "r")


def test_what_an_earlier_provider_said_is_cut_whatever_this_one_remembers():
    talk = Talk(terms=STRICT).ready()
    assert talk.tell(Truncate("x", 5, "r")) == [ReplyTruncated("x", 5)]


def test_a_lenient_route_takes_the_clients_word_for_what_was_heard():
    talk = Talk().ready()
    talk.hear(spoken(), OVER)

    assert talk.tell(Truncate("item_1", 5)) == [ReplyTruncated("item_1", 5)]


# -- How the call is to be held ------------------------------------------------------------------------------


def test_a15_instructions_and_tools_change_in_mid_call():
    talk = Talk(Config(instructions="Hi.", tools=(Tool(name="f"),))).ready()

    assert talk.tell(Configure(config=Config(instructions="Now speak French."))) == [
        {"contextUpdate": {**system("Now speak French."), "tools": {"tools": []}}},
        Configured(b"", 48),
    ]
    assert talk.tell(Configure(config=Config())) == [
        {"contextUpdate": {"systemInstruction": {"parts": []}}},
        Configured(b"", 48),
    ]


def test_what_does_not_concern_the_service_is_simply_so():
    talk = Talk(Config(transcription=Transcription())).ready()
    later = Config(text_only=True, voice="alloy", output=PCM_16K, input=PCM_16K, agent_words=False)

    assert talk.tell(Configure(config=later)) == [Configured(b"", 48)]
    assert ReplyTranscript("item_1", 0, "x") not in talk.hear(said("x"))


def test_a16_what_the_setup_has_fixed():
    later = Configure(config=Config(turns=Turns(eagerness="low")), request_id="c4")

    assert Talk(terms=STRICT).ready().tell(later) == [
        Refused(
            "turns",
            "This backend fixes it when the session starts; it cannot be changed now.",
            "c4",
        )
    ]
    assert Talk().ready().tell(later) == [StartOver()]


def test_a_new_connection_waits_for_the_end_of_the_reply():
    talk = Talk().ready()
    talk.hear(spoken())

    assert talk.tell(Configure(config=Config(temperature=0.5))) == []
    assert talk.hear(MADE, OVER)[-2:] == [ReplyDone("resp_1"), StartOver()]


def test_a_model_that_takes_no_news_begins_anew():
    talk = Talk(profile=SEED_ONLY).ready()

    assert talk.tell(Configure(config=Config(instructions="x"))) == [StartOver()]


def test_a_bad_field_refuses_the_whole():
    talk = Talk().ready()

    assert refusal(talk.tell(Configure(config=Config(instructions="x", voice="y"), request_id="r"))) == (
        "voice",
        "unsupported_by_backend",
        "r",
    )
    assert talk.tell(Configure(config=Config())) == [Configured(b"", 48)]


def test_a_voice_that_has_spoken_stays():
    talk = Talk().ready()
    assert talk.tell(Configure(config=Config(voice="ash"))) == [StartOver()]

    talk.hear(spoken(), OVER)
    assert refusal(talk.tell(Configure(config=Config(voice="ash"), request_id="r"))) == (
        "voice",
        "cannot_update_voice",
        "r",
    )


# -- The end -------------------------------------------------------------------------------------------------


def test_b08_a_close_says_why():
    talk = Talk()
    reason = "API key not valid. Please pass a valid API key."

    assert talk.side.closed(1007, reason) == (Trouble("invalid_api_key", reason),)
    assert talk.side.closed(1007, "Request contains an invalid argument.")[0].code == "backend_rejected_setup"
    assert talk.hear(SETUP_COMPLETE) == [Ready(b"", 48)]
    assert (
        talk.side.closed(1007, "Request contains an invalid argument.")[0].code == "backend_rejected_message"
    )
    assert talk.side.closed(1000, "") == ()


def test_replies_are_made_before_they_are_over():
    assert Talk().ready().hear(spoken(), MADE, MADE)[-1] == ReplyMade("resp_1")
