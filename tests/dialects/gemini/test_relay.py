"""A Gemini client on a Gemini provider, the whole way: frames pass as they came, and both sides are heard."""

import msgspec

import gemini_client_frames as gemini
from calls import Clock, ids
from realtime_switch.dialects import gemini as gemini_dialect
from realtime_switch.dialects.acts import Ready, UserText
from realtime_switch.dialects.dialect import ToClient, ToProvider
from realtime_switch.dialects.terms import Target, Terms
from realtime_switch.session import lane
from realtime_switch.session.lane import Heard
from realtime_switch.session.steps import PASS
from realtime_switch.session.transcript import Transcript

TARGET = Target(provider="gemini", model="gemini-3.8-live", greets=False)


class Call:
    def __init__(self, **setup):
        new_id, self.clock = ids(), Clock()
        self.client_side = gemini_dialect.ClientSide(new_id)
        word = self.client_side.first_word(gemini.setup(**setup))
        provider_side = gemini_dialect.provider_side(TARGET, Terms(), new_id, self.clock)
        self.gate = gate = self.client_side.gate(TARGET, Terms())
        self.lane = lane.relay(gemini_dialect, gate, provider_side, self.client_side)
        self.transcript = Transcript(("a", "s"), lambda: new_id("record"), self.clock, continues=False)
        self.opening = self.lane.opening(word.config, "")
        self.shown = []

    def client(self, payload):
        return self._hear(self.lane.from_client(payload))

    def provider(self, **message):
        payload = msgspec.json.format(gemini.frame(**message), indent=2) + b"\n"
        hops = self._hear(self.lane.from_provider(payload))
        shown = [payload] if hops is PASS else [hop.payload for hop in hops if isinstance(hop, ToClient)]
        self.shown += [(frame == payload, msgspec.json.decode(frame)) for frame in shown]
        return self

    def _hear(self, hops):
        for hop in [] if hops is PASS else hops:
            if isinstance(hop, Heard):
                self.client_side.follow(hop.act)
                self.transcript.hear(hop.act)
                if isinstance(hop.act, Ready):
                    self.gate.greeted()
        return hops


def spoken(**more):
    blob = {"mimeType": "audio/pcm;rate=24000", "data": "AAAA" * 160}
    return {"modelTurn": {"parts": [{"inlineData": blob}]}, **more}


def test_a_typed_turn_passes_and_is_remembered_though_the_client_wants_no_words():
    call = Call()
    (opening,) = call.opening
    assert msgspec.json.decode(opening.payload)["setup"]["outputAudioTranscription"] == {}
    call.provider(setupComplete={})
    typed = gemini.frame(realtimeInput={"text": "Is row four free?"})
    assert call.client(typed) == [ToProvider(typed), Heard(UserText("item_1", "Is row four free?"))]
    call.provider(serverContent={"outputTranscription": {"text": "It "}})
    assert call.client_side.reply_open
    call.provider(serverContent=spoken())
    call.provider(serverContent=spoken(outputTranscription={"text": "is."}))
    call.provider(serverContent={"generationComplete": True})
    call.provider(serverContent={"turnComplete": True}, usageMetadata={"promptTokenCount": 3})
    assert not call.client_side.reply_open
    assert call.shown == [
        (True, {"setupComplete": {}}),
        (True, {"serverContent": spoken()}),
        (False, {"serverContent": spoken()}),  # the words were for memory
        (True, {"serverContent": {"generationComplete": True}}),
        (True, {"serverContent": {"turnComplete": True}, "usageMetadata": {"promptTokenCount": 3}}),
    ]
    call.clock.go_on(10)
    (passage,) = call.transcript.due()
    assert passage.text == "user: Is row four free?\nagent: It is."


def test_a_turn_that_breaks_off_is_closed():
    call = Call(outputAudioTranscription={})
    call.provider(setupComplete={}).provider(serverContent=spoken(outputTranscription={"text": "Let"}))
    closing = [msgspec.json.decode(frame)["serverContent"] for frame in call.client_side.close_replies()]
    assert closing == [{"interrupted": True}, {"turnComplete": True}]
    assert not call.client_side.reply_open


def test_an_answer_in_pieces_passes_piece_by_piece_and_is_remembered_whole():
    call = Call()
    call.provider(setupComplete={})
    call.provider(toolCall={"functionCalls": [{"id": "f1", "name": "tram", "args": {}}]})
    for response, more in [({"minutes": 4}, True), ({"minutes": 3}, True), ({}, False)]:
        answer = {"id": "f1", "name": "tram", "response": response, "willContinue": more}
        payload = gemini.frame(toolResponse={"functionResponses": [answer]})
        assert call.client(payload)[0] == ToProvider(payload)
    call.clock.go_on(10)
    assert [passage.text for passage in call.transcript.flush()] == [
        'tool: tram({})\ntool: tram -> {"minutes":4} {"minutes":3}'
    ]


def test_a_tool_that_the_client_answers_is_remembered():
    call = Call()
    call.provider(setupComplete={})
    call.provider(toolCall={"functionCalls": [{"id": "f1", "name": "tram", "args": {"stop": "Zoo"}}]})
    response = {"id": "f1", "name": "tram", "response": {"minutes": 4}}
    call.client(gemini.frame(toolResponse={"functionResponses": [response]}))
    call.clock.go_on(10)
    assert [passage.text for passage in call.transcript.flush()] == [
        'tool: tram({"stop":"Zoo"})\ntool: tram -> {"minutes":4}'
    ]
