import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from realtime_switch.dialects.openai.resume import (
    config_to_save,
    history_items,
    keep_history,
    minimal_update,
    with_history,
    without_history,
)
from realtime_switch.dialects.past import LEAD_IN


def pack(value: object) -> bytes:
    return msgspec.json.encode(value)


def read(frame: bytes | str) -> object:
    return msgspec.json.decode(frame)


def update(**session: object) -> bytes:
    return pack({"type": "session.update", "session": session})


def instructions(frame: bytes) -> object:
    return read(frame)["session"]["instructions"]


# Anything: also halves of surrogate pairs, which JavaScript's strings may hold, and control characters.
any_text = st.text(st.characters(exclude_categories=()), max_size=200)
HARD = [
    'say "hi"\\n \\ \\" \\u0041 $1 $& \\1 %s {0} {{x}} <b>',
    "".join(map(chr, range(32))) + "\x7f\x80\x9f\u2028\u2029\ufeff\ufffe\uffff",
    "שלום \u202eمرحبا\u202c \u200f",
    "👩‍👩‍👧‍👦 🇳🇴 e\u0301 \U0010ffff",
    "\ud800 \udc00 \udc00\ud800 \ud83d\ude00",
    "x" * 100_000,
    "\n".join(["user: a", "agent: b"] * 5_000),
]


def encodable(text: str) -> str:
    """What of a text can be said in UTF-8, by another road than the code's: pair by pair."""
    out, at = [], 0
    while at < len(text):
        pair = text[at : at + 2]
        if len(pair) == 2 and "\ud800" <= pair[0] <= "\udbff" and "\udc00" <= pair[1] <= "\udfff":
            out.append(chr(0x10000 + ((ord(pair[0]) - 0xD800) << 10) + ord(pair[1]) - 0xDC00))
            at += 2
        else:
            out.append("\ufffd" if "\ud800" <= text[at] <= "\udfff" else text[at])
            at += 1
    return "".join(out)


json_text = st.text(max_size=30)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | json_text,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(json_text | st.just("instructions"), inner, max_size=3)
    ),
    max_leaves=12,
)
sessions = st.dictionaries(
    json_text.filter(lambda name: name not in ("instructions", "type")) | st.sampled_from(["audio", "tools"]),
    json_values,
    max_size=4,
).flatmap(
    lambda members: st.fixed_dictionaries(
        {name: st.just(value) for name, value in members.items()},
        optional={"type": st.just("realtime"), "instructions": json_text},
    )
)
updates = st.fixed_dictionaries(
    {"type": st.just("session.update"), "session": sessions}, optional={"event_id": json_text}
).map(pack)


# -- Telling ---------------------------------------------------------------------------------------------


def test_history_stands_behind_the_instructions_and_everything_else_stays():
    saved = update(type="realtime", instructions="Be kind.", tools=[{"name": "f", "instructions": "stay"}])
    assert read(with_history(saved, "user: hi\n")) == {
        "type": "session.update",
        "session": {
            "type": "realtime",
            "instructions": f"Be kind.\n\n{LEAD_IN}\nuser: hi\n",
            "tools": [{"name": "f", "instructions": "stay"}],
        },
    }


def test_a_configuration_without_instructions_gets_them():
    assert instructions(with_history(update(type="realtime"), "user: hi")) == f"{LEAD_IN}\nuser: hi"
    assert instructions(with_history(update(instructions=None), "user: hi")) == f"{LEAD_IN}\nuser: hi"


def test_what_is_not_touched_passes_as_the_bytes_it_came_as():
    frame = (
        b'{"session": {"x": 1.0e2, "big":123456789012345678901234567890, "t":[ null ,"\\u00e9" ],'
        b'"instructions":"a"},"type":"session\\u002eupdate"}'
    )
    told = with_history(frame, "h")
    for part in (
        b"1.0e2",
        b"123456789012345678901234567890",
        b'[ null ,"\\u00e9" ]',
        b'"session\\u002eupdate"',
    ):
        assert part in told


@pytest.mark.parametrize("history", HARD, ids=range(len(HARD)))
@pytest.mark.parametrize("session", [{}, {"instructions": ""}, {"instructions": "Be kind. \ud83d"}])
def test_hard_texts_are_told_whole(history, session):
    saved = b'{"type":"session.update","session":{}}'
    if session:
        saved = b'{"type":"session.update","session":{"instructions":"%s"}}' % session["instructions"].encode(
            "utf-8", "backslashreplace"
        )
    told = with_history(saved, history)
    told.decode("utf-8")
    before = encodable(session["instructions"]) + "\n\n" if session else ""
    assert instructions(told) == before + LEAD_IN + "\n" + encodable(history)


@given(updates, any_text.filter(bool))
@example(update(instructions=""), "h")
@example(update(instructions="\n\n"), "h")
@example(update(instructions=LEAD_IN[:-1]), "h")
@example(update(instructions=LEAD_IN[0]), LEAD_IN[1:])
@example(update(instructions="["), LEAD_IN)
def test_history_goes_in_comes_out_again_and_touches_nothing_else(saved, history):
    told = with_history(saved, history)
    session = read(saved)["session"]
    before = session["instructions"] + "\n\n" if "instructions" in session else ""
    expected = {**session, "instructions": before + LEAD_IN + "\n" + encodable(history)}
    assert read(told) == {**read(saved), "session": expected}
    assert without_history(told) == saved


@given(updates, any_text.filter(bool), any_text.filter(bool))
def test_telling_again_replaces_what_was_told_before(saved, earlier, later):
    # A client may send back the instructions that it read in a session.updated.
    assert with_history(with_history(saved, earlier), later) == with_history(saved, later)


@given(updates)
def test_no_history_changes_nothing(saved):
    assert with_history(saved, "") is saved
    assert keep_history(saved, "") is saved
    assert without_history(saved) is saved


@given(updates, any_text.filter(bool))
def test_a_clients_own_update_keeps_the_history_only_where_it_would_wipe_it_out(own, history):
    has_instructions = "instructions" in read(own)["session"]
    assert keep_history(own, history) == (with_history(own, history) if has_instructions else own)


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"no json",
        b"[]",
        b'{"type":"session.update"}',
        b'{"type":"session.update","session":[]}',
        b'{"type":"session.update","session":{"instructions":5}}',
        b'{"type":"session.update","session":{"type":7}}',
        b'{"type":"session.update","session":{"type":"transcription"}}',
        b'{"type":"transcription_session.update","session":{}}',
        b'{"type":"response.create","session":{},"response":{"instructions":"x"}}',
        b'{"type":"session.update","session":' + b"[" * 100_000,
    ],
)
def test_what_is_no_update_of_a_conversation_passes_as_it_came(frame):
    assert with_history(frame, "user: hi") is frame
    assert keep_history(frame, "user: hi") is frame
    assert without_history(frame) is frame


def test_bytes_that_are_no_utf_8_are_mended():
    told = with_history(b'{"type":"session.update","session":{"x":"\xff\xed\xa0\x80"}}', "h")
    assert read(told)["session"]["x"].strip("\ufffd") == ""


def test_a_backslash_before_u_is_not_half_a_pair():
    told = with_history(
        rb'{"type":"session.update","session":{"x":"\\ud800 \ud800 \ud83d\ude00 \udc00"}}', "h"
    )
    assert read(told)["session"]["x"] == "\\ud800 \ufffd 😀 \ufffd"


def test_a_conversation_without_a_configuration_gets_a_minimal_one():
    told = {"instructions": f"{LEAD_IN}\nuser: hi"}
    assert read(minimal_update("user: hi")) == {
        "type": "session.update",
        "session": {"type": "realtime", **told},
    }
    assert read(minimal_update("user: hi", beta=True)) == {"type": "session.update", "session": told}


# -- Saving ----------------------------------------------------------------------------------------------

GA_UPDATED = (  # OPENAI-REALTIME.md 7.1
    b'{"type":"session.updated","event_id":"event_s03","session":{"type":"realtime","object":"realtime.session",'
    b'"id":"sess_Q1","model":"gpt-realtime","output_modalities":["text"],"instructions":"Short answers.",'
    b'"tools":[{"type":"function","name":"seat_lookup","parameters":{"type":"object","properties":{"row":{"default":null}}}}],'
    b'"tool_choice":"auto","max_output_tokens":900,"tracing":null,"prompt":null,"expires_at":1795233600,"audio":'
    b'{"input":{"format":{"type":"audio/pcm","rate":24000},"transcription":{"model":"gpt-4o-mini-transcribe",'
    b'"language":"en","prompt":null},"noise_reduction":null,"turn_detection":null},"output":{"format":'
    b'{"type":"audio/pcm","rate":24000},"voice":"marin","speed":1.0}},"include":null}}'
)
BETA_UPDATED = (  # OPENAI-REALTIME.md 14
    b'{"type":"session.updated","event_id":"event_b02","session":{"id":"sess_b1","object":"realtime.session",'
    b'"model":"gpt-4o-realtime-preview","client_secret":{"value":"ek_b"},"modalities":["text"],"voice":"alloy",'
    b'"input_audio_transcription":{"model":"whisper-1"},"turn_detection":{"type":"server_vad","idle_timeout_ms":null},'
    b'"tracing":null}}'
)


def test_a_ga_session_is_saved_as_the_update_that_makes_it():
    assert read(config_to_save(GA_UPDATED)) == {
        "type": "session.update",
        "session": {
            "type": "realtime",
            "output_modalities": ["text"],
            "instructions": "Short answers.",
            "tools": [
                {
                    "type": "function",
                    "name": "seat_lookup",
                    "parameters": {"type": "object", "properties": {"row": {"default": None}}},
                }
            ],
            "tool_choice": "auto",
            "max_output_tokens": 900,
            "audio": {
                "input": {
                    "format": {"type": "audio/pcm", "rate": 24000},
                    "transcription": {"model": "gpt-4o-mini-transcribe", "language": "en"},
                    "turn_detection": None,
                },
                "output": {"format": {"type": "audio/pcm", "rate": 24000}, "voice": "marin", "speed": 1.0},
            },
        },
    }


def test_a_beta_session_is_saved_in_its_own_shape():
    assert read(config_to_save(BETA_UPDATED)) == {
        "type": "session.update",
        "session": {
            "modalities": ["text"],
            "voice": "alloy",
            "input_audio_transcription": {"model": "whisper-1"},
            "turn_detection": {"type": "server_vad"},
        },
    }


def test_a_beta_transcription_session_is_saved_as_its_own_event():
    session = b'{"input_audio_format":"pcm16","modalities":["text"]}'
    frame = b'{"type":"transcription_session.updated","session":%s}' % session
    assert read(config_to_save(frame)) == {
        "type": "transcription_session.update",
        "session": {"input_audio_format": "pcm16", "modalities": ["text"]},
    }


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"{",
        b"[1]",
        b'{"type":"session.created","session":{}}',
        b'{"type":"session.updated"}',
        b'{"type":"session.updated","session":null}',
        b'{"type":"session.updated","session":{"type":"translation","audio":{}}}',
        b'{"type":"session.updated","session":' + b'{"a":' * 100_000,
    ],
)
def test_there_is_nothing_to_save_in_other_frames(frame):
    assert config_to_save(frame) is None


@given(sessions, any_text.filter(bool))
def test_the_echo_of_a_replayed_configuration_is_what_was_saved(session, history):
    saved = config_to_save(pack({"type": "session.updated", "session": session}))
    sent = read(with_history(saved.encode(), history))["session"]
    made = {"id": "sess_1", "object": "realtime.session", "model": "m", "expires_at": 1, "event": None}
    echo = pack({"type": "session.updated", "session": {**sent, **made}})
    assert LEAD_IN not in config_to_save(echo)
    assert config_to_save(echo) == saved


@given(sessions)
def test_what_is_saved_has_no_member_that_the_server_made(session):
    made = dict.fromkeys(("id", "object", "model", "expires_at", "client_secret"), "x")
    saved = config_to_save(pack({"type": "session.updated", "session": {**session, **made}}))
    assert read(saved)["session"].keys() <= session.keys() - made.keys()


# -- Items -----------------------------------------------------------------------------------------------


def item(number: int, role: str, kind: str, text: str) -> dict[str, object]:
    content = [{"type": kind, "text": text}]
    return {
        "type": "conversation.item.create",
        "item": {"id": f"history_{number:04}", "type": "message", "role": role, "content": content},
    }


def test_turns_become_items_in_order():
    history = "[A summary.]\nThey met.\nuser: hi\nyou\nagent: hello\n[called weather]\nuser: bye"
    assert [read(frame) for frame in history_items(history)] == [
        item(1, "system", "input_text", "[A summary.]\nThey met."),
        item(2, "user", "input_text", "hi\nyou"),
        item(3, "assistant", "output_text", "hello\n[called weather]"),
        item(4, "user", "input_text", "bye"),
    ]


def test_beta_has_another_name_for_what_the_agent_said():
    assert [read(frame) for frame in history_items("agent: hello", beta=True)] == [
        item(1, "assistant", "text", "hello")
    ]


def test_there_are_no_items_for_no_history():
    assert history_items("") == []
    assert history_items("\nuser: \n") == []


said = any_text.map(lambda text: text.replace("\n", " ")).filter(lambda text: encodable(text).strip())


@given(st.lists(st.tuples(st.sampled_from(["user", "agent"]), said), max_size=8))
def test_items_say_what_the_history_says(turns):
    history = "".join(f"{speaker}: {text}\n" for speaker, text in turns)
    roles = {"user": "user", "assistant": "agent"}
    items = [read(frame)["item"] for frame in history_items(history)]
    assert [(roles[i["role"]], i["content"][0]["text"]) for i in items] == [
        (speaker, encodable(text)) for speaker, text in turns
    ]
