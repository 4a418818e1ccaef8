"""Laws 6 and 7 of STYLE.md 5.3, and what must hold of every call however its life goes."""

from hypothesis import given, settings
from hypothesis import strategies as st

import openai_frames as openai
from calls import GRANT, Clock, granted, session
from openai_frames import frame, transcript_delta
from realtime_switch.accounts.errors import ErrorCode
from realtime_switch.accounts.records import Grant, Refusal, UsageRecord
from realtime_switch.session.phase import Phase
from realtime_switch.session.purse import Purse
from realtime_switch.session.steps import PASS, Dial, End, Keep, ToClient, ToProvider

REPLY = [
    openai.RESPONSE_CREATED,
    openai.ITEM_ADDED,
    transcript_delta("Hi there"),
    openai.AUDIO,
    openai.ITEM_DONE,
    openai.RESPONSE_DONE,
]
said_by_provider = st.sampled_from(
    [*REPLY, openai.SESSION_UPDATED, openai.COMMITTED, openai.TRANSCRIBED, b"garbage"]
)
happenings = st.one_of(
    st.tuples(st.just("client"), st.just(None)),
    st.tuples(st.just("provider"), said_by_provider),
    st.tuples(st.just("reply"), st.just(None)),
    st.tuples(st.just("ready"), st.just(None)),
    st.tuples(st.just("lost"), st.booleans()),
    st.tuples(st.just("credits"), st.integers(-10, 2_000)),
    st.tuples(st.just("later"), st.integers(0, 120)),
    st.tuples(st.just("old"), said_by_provider),
    st.tuples(st.just("left"), st.just(None)),
    st.tuples(st.just("ended"), st.just(None)),
)
lives = st.lists(happenings, max_size=30)
HEARS_BILLS = (Phase.LIVE, Phase.FINISHING, Phase.LEAVING, Phase.HANGING_UP)


class Call:
    """A session with the two ends played, and everything that it ever ordered."""

    def __init__(self, credits=10_000):
        self.clock = Clock()
        self.session = session(self.clock)
        self.steps = []
        self.spoken = []  # what the client said, in order
        self.billed = 0
        self.purse = Purse(credits)
        self.take(self.session.granted(Grant(account_id="a1", session_id="s1", credits=credits), self.purse))

    def take(self, answer, came=None, to=ToProvider):
        self.steps += [to(came)] if answer is PASS else answer

    def happen(self, what, value):
        call = self.session
        match what:
            case "client":
                self.spoken.append(frame("input_audio_buffer.append", audio=f"A{len(self.spoken):03}"))
                self.take(call.from_client(self.spoken[-1]), self.spoken[-1])
            case "provider":
                self.hear(value)
            case "reply":
                for said in REPLY:
                    self.hear(said)
            case "ready":
                self.take(call.provider_opened(call.generation))
                if call.phase is Phase.GREETING:
                    self.hear(openai.SESSION_CREATED)
            case "lost":
                self.take(call.provider_lost(call.generation, hopeless=value))
            case "credits":
                self.purse.known(value)
                self.take(call.purse_changed())
            case "later":
                self.clock.go_on(value)
                self.take(call.woke())
            case "old":
                self.take(call.from_provider(call.generation - 1, value), value, ToClient)
            case "left":
                self.take(call.client_left())
            case "ended":
                self.take(call.end(ErrorCode.EXTERNAL_IDLE, "Silent."))

    def hear(self, said):
        self.billed += said == openai.RESPONSE_DONE and self.session.phase in HEARS_BILLS
        self.take(self.session.from_provider(self.session.generation, said), said, ToClient)

    def over(self):
        """The client leaves, and the provider answers our goodbye."""
        self.happen("left", None)
        self.take(self.session.provider_closed(self.session.generation, 1000, ""))

    def live_through(self, life):
        for what, value in life:
            self.happen(what, value)
        return self


@given(lives)
def test_law_6_a_provider_hears_everything_in_the_order_the_client_said_it(life):
    call = Call().live_through([h for h in life if h[0] not in ("left", "ended", "credits")])
    heard_by = [[]]  # by each provider, one after the other
    for step in call.steps:
        if isinstance(step, Dial):
            heard_by.append([])
        elif isinstance(step, ToProvider) and step.payload in call.spoken:
            heard_by[-1].append(call.spoken.index(step.payload))
    said = 0  # so many in all, so far
    for heard in filter(None, heard_by):
        assert heard == list(range(heard[0], heard[-1] + 1))
        assert heard[0] <= said  # the next is told again what may be lost, and nothing is left out
        said = max(said, heard[-1] + 1)
    if call.session.phase is Phase.LIVE:
        assert said == len(call.spoken)


@given(lives, lives)
def test_law_7_ended_stays_ended(life, afterlife):
    call = Call().live_through(life)
    call.over()
    ends = [number for number, step in enumerate(call.steps) if isinstance(step, End)]
    assert ends == [len(call.steps) - 1]
    told = len(call.steps)
    call.live_through(afterlife)
    call.take(granted(call.session, GRANT))
    call.take(call.session.refused(Refusal(code=ErrorCode.EXTERNAL_INVALID_AUTH, message="No.")))
    assert call.steps[told:] == []


@given(lives)
def test_an_old_connection_says_nothing_to_anybody(life):
    call = Call().live_through(life)
    told = len(call.steps)
    for said in REPLY:
        call.happen("old", said)
    assert call.steps[told:] == []


broken_lives = st.lists(st.sampled_from(["begin", "finish", "ready", "lost", "client", "later"]), max_size=30)


@settings(max_examples=200)
@given(broken_lives)
def test_every_reply_that_the_client_saw_begin_ends_once(life):
    """Whether the provider ends it or goes away in the middle; and no second one begins before."""
    call = Call()
    for what in life:
        if what == "begin" and told_of_replies(call) % 2 == 0:
            call.hear(openai.RESPONSE_CREATED)
            call.hear(openai.ITEM_ADDED)
        elif what == "finish" and told_of_replies(call) % 2 == 1:
            call.hear(openai.RESPONSE_DONE)
        elif what in ("ready", "lost", "client", "later"):
            call.happen(what, {"lost": False, "later": 1}.get(what))
    if call.session.phase is Phase.LIVE and told_of_replies(call) % 2 == 1:
        call.hear(openai.RESPONSE_DONE)
    told = [kind(step) for step in call.steps if kind(step) in ("response.created", "response.done")]
    assert told == ["response.created", "response.done"] * (len(told) // 2)


def told_of_replies(call):
    return sum(kind(step) in ("response.created", "response.done") for step in call.steps)


def kind(step):
    if not isinstance(step, ToClient):
        return ""
    return step.payload[9 : step.payload.index(b'"', 9)].decode()


@settings(max_examples=200)
@given(lives, st.integers(1, 2_000))
def test_every_bill_is_kept_once_and_before_the_client_has_it(life, credits):
    """Wherever in a call the client leaves, or is sent away."""
    call = Call(credits).live_through(life)
    kept = [s.record for s in call.steps if isinstance(s, Keep) and isinstance(s.record, UsageRecord)]
    replies = [record for record in kept if record.response_id]
    assert len(replies) == call.billed
    assert len({record.id for record in kept}) == len(kept)
    for number, step in enumerate(call.steps):
        if step == ToClient(openai.RESPONSE_DONE):
            assert isinstance(call.steps[number - 1], Keep)


@given(lives)
def test_every_frame_of_ours_is_of_openais_types(life):
    call = Call().live_through(life)
    call.happen("ended", None)
    ours = [s.payload for s in call.steps if isinstance(s, ToClient) and b'"event_' in s.payload]
    assert all(openai.is_for_client(payload) for payload in ours)


@given(lives)
def test_a_dial_is_of_a_new_generation_and_never_follows_an_end(life):
    call = Call().live_through(life)
    dials = [step.generation for step in call.steps if isinstance(step, Dial)]
    assert dials == sorted(set(dials))
    if any(isinstance(step, End) for step in call.steps):
        assert isinstance(call.steps[-1], End)
