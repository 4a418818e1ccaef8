"""How a call of another dialect is to be held, as a `session.start` says it, and what cannot be
(TRANSLATION-GPT-LIVE.md 5, 6).

One format for both ways, a voice for good, and tools that are a backend's: its model is the route's to name.
"""

from collections.abc import Callable, Mapping
from typing import Any

from ..acts import Refused
from ..sound import PCM_24K, AudioFormat
from ..terms import Target, Terms
from ..wishes import Config, Turns
from .history import messages
from .start import FORMATS, backend, written

_Members = dict[str, Any]

# Those of the SDK's types; there are more by now, and a route's own map names them.
VOICES = frozenset(
    (
        *("alloy", "ash", "ballad", "beacon", "bossa", "cedar", "cinder", "coral", "delta", "echo", "gleam"),
        *("marin", "meridian", "quartz", "ripple", "sage", "shida", "shimmer", "stone", "tempo", "verse"),
        *("vesper", "willow"),
    )
)


def session(config: Config, target: Target, terms: Terms, history: str) -> _Members:
    told: _Members = {"model": target.model, "audio": {"format": written(spoken(config))}}
    if config.instructions:
        told["instructions"] = config.instructions
    if voice := _voice(config, terms):
        told["audio"]["output"] = {"voice": voice}
    if past := messages(history):
        told["input"] = past
    told["delegation"] = delegation(config, terms)
    if config.instructions:  # what is to be done with the tools is said there as well
        told["delegation"]["responses"]["instructions"] = config.instructions
    return told


def delegation(config: Config, terms: Terms) -> _Members:
    """There is always a backend: what a client types can be told to nobody else."""
    return {"type": "responses", "responses": {"model": terms.backend_model, **backend(config)}}


def spoken(config: Config) -> AudioFormat:
    same = config.input == config.output and config.input in FORMATS
    return config.input if same else PCM_24K


def _voice(config: Config, terms: Terms) -> str:
    asked = config.voice
    return terms.voices.get(asked) or (asked if asked in VOICES else "")


# -- What cannot be ----------------------------------------------------------------------------------------

_UNCOUNTED = "GPT-Live is billed by time and counts no tokens of what it says."
_NO_TURNS = "GPT-Live has no turns: it answers when it likes."

_NEVER: Mapping[str, tuple[Callable[[Config], bool], str]] = {
    "text_only": (lambda config: config.text_only, "GPT-Live speaks and does not write."),
    "manual_turns": (lambda config: config.manual_turns, _NO_TURNS),
    "replies": (lambda config: not config.turns.replies, _NO_TURNS),
    "max_output_tokens": (lambda config: config.max_output_tokens is not None, _UNCOUNTED),
}
# The call is much the same without.
_STRICTLY: Mapping[str, tuple[Callable[[Config], bool], str]] = {
    "turns": (lambda config: config.turns != Turns(), _NO_TURNS),
    "temperature": (lambda config: config.temperature is not None, "GPT-Live has no temperature."),
    "context": (lambda config: config.context == "off", "GPT-Live sees to its context by itself."),
    "context_kept": (
        lambda config: config.context_kept is not None,
        "GPT-Live sees to its context by itself.",
    ),
}


def refusals(config: Config, terms: Terms) -> list[Refused]:
    rules = {**_NEVER, **_STRICTLY} if terms.strict else _NEVER
    refused = [Refused(field, why) for field, (wrong, why) in rules.items() if wrong(config)]
    if terms.strict and config.voice and not _voice(config, terms):
        refused.append(Refused("voice", f"GPT-Live has no voice {config.voice!r}."))
    refused += [
        Refused(extra.path, f"{extra.path} is not available on GPT-Live.")
        for extra in config.extras
        if terms.strict or not extra.ignorable
    ]
    return refused
