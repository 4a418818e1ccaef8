"""usageMetadata as a bill: examples of TRANSLATION.md and of the service, and that the parts sum up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime_switch.dialects.gemini.usage import counts, summed

BILLS = {
    "thoughts are output, what no detail explains was text": (
        {
            "promptTokenCount": 548,
            "responseTokenCount": 61,
            "totalTokenCount": 609,
            "thoughtsTokenCount": 100,
            "promptTokensDetails": [
                {"modality": "TEXT", "tokenCount": 306},
                {"modality": "AUDIO", "tokenCount": 222},
            ],
            "responseTokensDetails": [{"modality": "AUDIO", "tokenCount": 61}],
        },
        {
            "input": 548,
            "output": 161,
            "input_text": 326,
            "input_audio": 222,
            "output_text": 100,
            "output_audio": 61,
        },
    ),
    "without details all of it is text": (
        {"promptTokenCount": 40, "responseTokenCount": 10, "totalTokenCount": 50},
        {"input": 40, "output": 10, "input_text": 40, "output_text": 10},
    ),
    "pictures, videos and documents": (
        {
            "promptTokenCount": 834,
            "promptTokensDetails": [
                {"modality": "DOCUMENT", "tokenCount": 313},
                {"modality": "AUDIO", "tokenCount": 222},
                {"modality": "IMAGE", "tokenCount": 200},
                {"modality": "VIDEO", "tokenCount": 72},
            ],
        },
        {"input": 834, "input_text": 340, "input_audio": 222, "input_image": 272},
    ),
    "what tools said is input": (
        {"promptTokenCount": 240, "toolUsePromptTokenCount": 12, "responseTokenCount": 25},
        {"input": 252, "output": 25, "input_text": 252, "output_text": 25},
    ),
    "Vertex calls the answer candidates": (
        {
            "promptTokenCount": 5,
            "candidatesTokenCount": 3,
            "candidatesTokensDetails": [{"modality": "AUDIO", "tokenCount": 2}],
        },
        {"input": 5, "output": 3, "input_text": 5, "output_text": 1, "output_audio": 2},
    ),
    "cached tokens, by kind": (
        {
            "promptTokenCount": 100,
            "cachedContentTokenCount": 60,
            "promptTokensDetails": [{"modality": "AUDIO", "tokenCount": 70}],
            "cacheTokensDetails": [{"modality": "AUDIO", "tokenCount": 40}],
        },
        {"input": 100, "input_text": 30, "input_audio": 70, "cached_text": 20, "cached_audio": 40},
    ),
    "cached tokens without kinds": (
        {
            "promptTokenCount": 100,
            "cachedContentTokenCount": 50,
            "promptTokensDetails": [{"modality": "AUDIO", "tokenCount": 70}],
        },
        {"input": 100, "input_text": 30, "input_audio": 70, "cached_text": 30, "cached_audio": 20},
    ),
    "details that say more than the whole": (
        {"promptTokenCount": 10, "promptTokensDetails": [{"modality": "AUDIO", "tokenCount": 15}]},
        {"input": 10, "input_audio": 10},
    ),
    "numbers as strings": ({"promptTokenCount": "12"}, {"input": 12, "input_text": 12}),
    "nothing": ({}, {}),
    "no numbers": ({"promptTokenCount": None, "responseTokenCount": -3, "promptTokensDetails": 5}, {}),
    "no object": ("x", {}),
}


@pytest.mark.parametrize(("usage", "bill"), BILLS.values(), ids=BILLS.keys())
def test_a_bill(usage, bill):
    assert counts(usage) == bill


numbers = st.integers(0, 1000) | st.sampled_from([None, "7", -1, 2**80, 1.5, "x", [], float("nan")])
details = st.lists(
    st.fixed_dictionaries(
        {
            "modality": st.sampled_from(["TEXT", "AUDIO", "IMAGE", "VIDEO", "DOCUMENT", "NEW", 5]),
            "tokenCount": numbers,
        }
    ),
    max_size=4,
)
COUNTS = (
    "promptTokenCount",
    "toolUsePromptTokenCount",
    "responseTokenCount",
    "thoughtsTokenCount",
    "cachedContentTokenCount",
)
DETAILS = (
    "promptTokensDetails",
    "toolUsePromptTokensDetails",
    "responseTokensDetails",
    "cacheTokensDetails",
)
usages = st.fixed_dictionaries(
    {}, optional={**dict.fromkeys(COUNTS, numbers), **dict.fromkeys(DETAILS, details)}
)


@given(usages)
def test_the_parts_are_the_whole(usage):
    bill = counts(usage)

    def of(name):
        return bill.get(name, 0)

    assert of("input") == of("input_text") + of("input_audio") + of("input_image")
    assert of("output") == of("output_text") + of("output_audio")
    for kind in ("text", "audio", "image"):
        assert 0 <= of(f"cached_{kind}") <= of(f"input_{kind}")
    assert all(bill.values())


def test_bills_add_up():
    assert summed({"input": 5}, {"input": 2, "output": 1}) == {"input": 7, "output": 1}
