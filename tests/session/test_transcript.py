from itertools import count

import pytest

from calls import Clock
from realtime_switch.accounts.records import Passage
from realtime_switch.dialects.acts import (
    AudioPassed,
    Configured,
    PastTold,
    ReplyAudio,
    ReplyBegun,
    ReplyDone,
    ReplyItem,
    ReplyItemDone,
    ReplyText,
    ReplyTranscript,
    ReplyTruncated,
    ToolAnswered,
    ToolCall,
    UserText,
    UserTranscript,
    UserTranscriptFailed,
    UserTurn,
)
from realtime_switch.session import limits
from realtime_switch.session.transcript import Transcript

SECOND_OF_AUDIO = AudioPassed(64_000)  # 48,000 bytes


class Talk:
    """A transcript and what it has handed out."""

    def __init__(self, continues=False):
        self.clock = Clock()
        numbers = count(1)
        self.transcript = Transcript(("a1", "s1"), lambda: f"run-{next(numbers)}", self.clock, continues)
        self.passages = []

    def hear(self, *acts):
        for act in acts:
            self.transcript.hear(act)
            self.passages += self.transcript.due()
        return self

    def wait(self, seconds):
        self.clock.go_on(seconds)
        self.passages += self.transcript.due()
        return self

    def end(self):
        """Everything that was kept, as the business side puts it together."""
        self.passages += self.transcript.flush()
        return "".join(passage.text for passage in self.passages)


def spoken(item, text, seconds=1, reply="r1"):
    return [
        ReplyBegun(reply, "conv"),
        ReplyItem(reply, item),
        ReplyTranscript(item, 0, text),
        *[SECOND_OF_AUDIO] * seconds,
        ReplyTranscript(item, 0, text, final=True),
        ReplyItemDone(item),
        ReplyDone(reply),
    ]


def asked(item, text):
    return [UserTurn(item), UserTranscript(item, text, final=True)]


def test_each_speaker_begins_a_line():
    talk = Talk().hear(*asked("u1", "Is row four free?"), *spoken("a1", "It is."), *asked("u2", "Thanks."))
    assert talk.end() == "user: Is row four free?\nagent: It is.\nuser: Thanks."


def test_one_speaker_goes_on_in_the_same_line():
    talk = Talk().hear(*spoken("a1", "It is."), *spoken("a2", "Shall I?", reply="r2"))
    assert talk.end() == "agent: It is. Shall I?"


def test_a_conversation_that_goes_on_begins_with_a_line_break():
    assert Talk(continues=True).hear(*asked("u1", "Hello again.")).end() == "\nuser: Hello again."


def test_a_passage_is_a_whole_record():
    talk = Talk().hear(*asked("u1", "Hi."))
    talk.end()
    assert talk.passages == [
        Passage(id="run-1", account_id="a1", session_id="s1", text="user: Hi.", born_us=1_000_000)
    ]


def test_passages_are_of_about_two_hundred_characters_and_lose_nothing():
    words = " ".join(f"word{number}" for number in range(200))
    talk = Talk().hear(*asked("u1", words))
    assert all(200 <= len(passage.text) <= 210 for passage in talk.passages)
    assert talk.end() == f"user: {words}"


def test_words_without_any_space_are_kept_too():
    assert Talk().hear(*asked("u1", "あ" * 500)).end() == "user: " + "あ" * 500


def test_whatever_is_said_is_kept_as_it_is():
    said = 'quotes " and \\ and \n lines and 😀 and العربية'
    assert Talk().hear(*asked("u1", said)).end() == f"user: {said}"


# -- Order -------------------------------------------------------------------------------------------------


def test_a_user_whose_words_come_late_is_still_written_before_the_answer():
    talk = Talk().hear(UserTurn("u1"), *spoken("a1", "It is."))
    assert talk.hear(UserTranscript("u1", "Is it", final=False)).passages == []
    talk.hear(UserTranscript("u1", "Is it free?", final=True))
    assert talk.end() == "user: Is it free?\nagent: It is."


def test_deltas_that_are_never_finished_are_kept_as_far_as_they_came():
    talk = Talk().hear(UserTurn("u1"), UserTranscript("u1", "row "), UserTranscript("u1", "five"))
    assert talk.end() == "user: row five"


@pytest.mark.parametrize("act", [UserTranscriptFailed("u1"), None])
def test_words_that_never_come_hold_nobody_up(act):
    long = "It is free. " * 20
    talk = Talk().hear(UserTurn("u1"), *spoken("a1", long))
    if act is not None:
        talk.hear(act).wait(limits.PLAYBACK_SLACK_S + 1)
    else:
        assert talk.wait(limits.TRANSCRIPT_AWAITED_S - 1).passages == []
        talk.wait(1)
    assert talk.passages != []
    assert talk.end().startswith("agent: It is free.")


def test_words_that_come_when_their_place_is_gone_are_written_where_we_are():
    talk = Talk().hear(UserTurn("u1"), *spoken("a1", "It is free. " * 20)).wait(60)
    talk.hear(UserTranscript("u1", "Is it?", final=True))
    assert talk.end().endswith("\nuser: Is it?")


def test_a_provider_that_tells_no_turns_is_written_as_it_comes():
    assert Talk().hear(UserTranscript("u1", "Hi.", final=True), *spoken("a1", "Yes?")).end() == (
        "user: Hi.\nagent: Yes?"
    )


# -- What was not heard was not said ---------------------------------------------------------------------


def test_an_answer_waits_until_it_must_have_been_heard():
    talk = Talk().hear(*spoken("a1", "word " * 50, seconds=10))
    assert talk.wait(11.9).passages == []
    assert talk.wait(0.1).passages != []


def test_an_interrupted_answer_is_remembered_as_far_as_it_was_heard():
    talk = Talk().hear(*spoken("a1", "One two three four five six seven eight.", seconds=4))
    talk.hear(ReplyTruncated("a1", 2_000))
    assert talk.end() == "agent: One two three four"


def test_the_cut_falls_between_words():
    talk = Talk().hear(*spoken("a1", "Extraordinarily long", seconds=2))
    assert talk.hear(ReplyTruncated("a1", 1_900)).end() == "agent: Extraordinarily"


@pytest.mark.parametrize("heard_ms", [0, 1])
def test_an_answer_that_nobody_heard_is_not_remembered(heard_ms):
    talk = Talk().hear(*asked("u1", "Stop."), *spoken("a1", "Well then"))
    assert talk.hear(ReplyTruncated("a1", heard_ms)).end() == "user: Stop."


def test_an_answer_that_was_heard_to_its_end_stays_whole():
    assert Talk().hear(*spoken("a1", "It is."), ReplyTruncated("a1", 1_000)).end() == "agent: It is."


def test_an_answer_that_is_cut_while_it_is_made_does_not_grow_again():
    begun = [ReplyBegun("r1"), ReplyItem("r1", "a1"), ReplyTranscript("a1", 0, "One two"), SECOND_OF_AUDIO]
    talk = Talk().hear(*begun, ReplyTruncated("a1", 600), ReplyTranscript("a1", 0, " three"), ReplyDone("r1"))
    assert talk.end() == "agent: One"


def test_audio_that_was_read_counts_like_audio_that_passed():
    begun = [ReplyBegun("r1"), ReplyItem("r1", "a1"), ReplyTranscript("a1", 0, "One two")]
    talk = Talk().hear(*begun, ReplyAudio("a1", "A" * 64_000), ReplyTruncated("a1", 600))
    assert talk.end() == "agent: One"


def test_how_long_audio_is_depends_on_its_format():
    ulaw = Configured(b"", 8)
    talk = Talk().hear(ulaw, *spoken("a1", "One two three four", seconds=1), ReplyTruncated("a1", 3_000))
    assert talk.end() == "agent: One two"


def test_nothing_that_waits_is_lost_when_the_call_ends():
    talk = Talk().hear(UserText("u1", "typed"), UserTurn("u2"), ReplyBegun("r"), ReplyItem("r", "a"))
    assert talk.hear(ReplyTranscript("a", 0, "half a rep")).end() == "user: typed\nagent: half a rep"


def test_an_answer_whose_item_is_never_closed_is_over_with_its_reply():
    begun = [act for act in spoken("a1", "It is.") if not isinstance(act, ReplyItemDone)]
    talk = Talk().hear(*begun).wait(1 + limits.PLAYBACK_SLACK_S)
    assert [passage.text for passage in talk.passages] == ["agent: It is."]


def test_what_a_provider_began_and_will_not_finish_holds_nobody_up():
    talk = Talk().hear(UserTurn("u1"), UserTranscript("u1", "Is it", final=False), UserText("u2", "free?"))
    talk.hear(ReplyBegun("r"), ReplyItem("r", "a"), ReplyTranscript("a", 0, "It is " * 50))
    talk.transcript.cut_off()
    assert talk.wait(0).passages != []
    assert talk.end().startswith("user: Is it free?\nagent: It is It is")


# -- Text and tools ------------------------------------------------------------------------------------------


def test_typed_text_and_text_answers_are_said_too():
    talk = Talk().hear(UserText("u1", "2+2?"), ReplyBegun("r1"), ReplyItem("r1", "a1"))
    talk.hear(ReplyText("a1", 0, "Fo"), ReplyText("a1", 0, "ur."), ReplyText("a1", 0, "Four.", final=True))
    assert talk.hear(ReplyItemDone("a1")).end() == "user: 2+2?\nagent: Four."


def test_what_is_thought_aside_is_not_said():
    aside = [
        ReplyBegun("r1", aside=True),
        ReplyItem("r1", "a1"),
        ReplyText("a1", 0, "Polite."),
        ReplyDone("r1"),
    ]
    assert Talk().hear(*asked("u1", "Hi."), *aside, *spoken("a2", "Yes?", reply="r2")).end() == (
        "user: Hi.\nagent: Yes?"
    )


def test_what_is_told_twice_is_written_once():
    """The order of the closing events differs between providers (OPENAI-REALTIME.md 16)."""
    late = ReplyText("a1", 0, "Four.", final=True)
    talk = Talk().hear(
        UserText("u1", "2+2?"), UserText("u1", "2+2?"), ReplyBegun("r1"), ReplyItem("r1", "a1")
    )
    talk.hear(ReplyText("a1", 0, "Four."), ReplyItemDone("a1"), late, UserText("u1", "2+2?"))
    assert talk.end() == "user: 2+2?\nagent: Four."


def test_an_answer_in_parts_is_one_line():
    talk = Talk().hear(ReplyBegun("r1"), ReplyItem("r1", "a1"))
    talk.hear(ReplyText("a1", 1, "two"), ReplyText("a1", 0, "One"))
    assert talk.end() == "agent: One two"


def test_what_a_client_tells_of_the_past_is_not_said_again():
    """livekit tells the whole conversation anew whenever it reconnects (CLIENTS-OPENAI.md 6)."""
    talk = Talk().hear(UserText("u1", "I am Bo."), PastTold("a1"), UserText("u2", "Nice."), PastTold("a2"))
    talk.hear(ToolAnswered("c", "x"), UserText("u3", "Who am I?"), *spoken("a3", "Bo."))
    assert talk.end() == "user: Who am I?\nagent: Bo."


def test_the_past_does_not_swallow_what_was_answered():
    talk = Talk().hear(UserText("u1", "Hi."), *spoken("a1", "Yes?"), PastTold("a9"))
    assert talk.end() == "user: Hi.\nagent: Yes?"


def test_a_tool_call_and_its_result_leave_a_short_line_each():
    talk = Talk().hear(*asked("u1", "Row 4?"), ToolCall("c1", "seat", '{"row":\n4}'))
    talk.hear(ToolAnswered("c1", '{"free":1}'), *spoken("a1", "It is."))
    assert talk.end() == 'user: Row 4?\ntool: seat({"row": 4})\ntool: seat -> {"free":1}\nagent: It is.'


def test_a_tools_book_is_cut():
    talk = Talk().hear(ToolCall("c1", "read", "{}"), ToolAnswered("c1", "x" * 5_000))
    assert len(talk.end()) < 250


# -- What a new provider is told -------------------------------------------------------------------------


def test_what_was_said_is_told_with_the_lines_that_still_wait():
    talk = Talk(continues=True).hear(*asked("u1", "Hi."), UserTurn("u2"), *spoken("a1", "Yes?"))
    assert talk.transcript.said == "\nuser: Hi.\nagent: Yes?"


def test_a_provider_that_closes_nothing_does_not_hold_back_for_ever():
    talk = Talk()
    for number in range(limits.HELD_LINES_MAX + 50):
        talk.hear(ReplyItem("r", f"a{number}"), ReplyTranscript(f"a{number}", 0, "xxxxx"))
    assert talk.passages != []
    assert talk.end().count("xxxxx") == limits.HELD_LINES_MAX + 50


def test_a_turn_that_is_over_is_handed_out_whatever_its_length():
    talk = Talk().hear(*asked("u1", "Is row four free?"), *spoken("a1", "It is."))
    assert talk.passages == []  # it may not have been heard yet
    due_us = talk.transcript.due_us()
    assert due_us is not None
    talk.wait((due_us - talk.clock.us) / 1e6)
    assert [passage.text for passage in talk.passages] == ["user: Is row four free?\nagent: It is."]
    assert talk.transcript.due_us() is None


def test_a_user_whose_words_never_come_is_not_waited_for_longer_than_that():
    talk = Talk().hear(UserTurn("u1"))
    assert talk.transcript.due_us() == talk.clock.us + limits.TRANSCRIPT_AWAITED_S * 1e6
    talk.hear(UserTranscript("u1", "Is", final=False))
    assert talk.transcript.due_us() is None
