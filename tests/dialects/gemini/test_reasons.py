import pytest

from realtime_switch.dialects.gemini.reasons import ending

FILTERED = ("incomplete", "content_filter")


@pytest.mark.parametrize(
    ("reason", "end"),
    [
        ("", ("completed", "")),
        ("NEED_MORE_INPUT", ("completed", "")),
        ("GENERATED_CONTENT_SAFETY", FILTERED),
        ("GENERATED_AUDIO_SAFETY", FILTERED),
        ("PROHIBITED_INPUT_CONTENT", FILTERED),
        ("IMAGE_PROHIBITED_INPUT_CONTENT", FILTERED),
        ("GENERATED_CONTENT_BLOCKLIST", FILTERED),
        ("BLOCKLIST", FILTERED),
        ("INPUT_IMAGE_CELEBRITY", FILTERED),
        ("INPUT_TEXT_CONTAIN_PROMINENT_PERSON_PROHIBITED", FILTERED),
        ("INPUT_IP_PROHIBITED", FILTERED),
        ("UNSAFE_PROMPT_FOR_IMAGE_GENERATION", FILTERED),
        ("GENERATED_IMAGE_IDENTIFIABLE_PEOPLE", FILTERED),
        ("GENERATED_IMAGE_MINORS", FILTERED),
        ("MALFORMED_FUNCTION_CALL", ("failed", "malformed_function_call")),
        ("RESPONSE_REJECTED", ("failed", "response_rejected")),
        ("MAX_REGENERATION_REACHED", ("failed", "max_regeneration_reached")),
        ("GENERATED_OTHER", ("failed", "generated_other")),
        ("MAX_TOKENS", ("incomplete", "max_output_tokens")),
        ("SOMETHING_NEW", ("failed", "something_new")),
    ],
)
def test_a_turn_ends_as_its_reason_says(reason, end):
    assert ending(reason) == end
