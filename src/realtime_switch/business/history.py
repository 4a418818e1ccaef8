"""How much of a conversation a provider is told, and which part of a long one is shortened. Pure.

    up to 32,000 characters   told as it was said
    over that, at once        the most recent 32,000, from a line's beginning, under a mark (A11)
    over that, afterwards     a summary of the old part, and the recent part word for word: 24,000 together

Nothing here deletes anything. docs/memory.md tells the whole story.
"""

from msgspec import Struct

from .repos import Backlog

TOLD_CHARS_MAX = 32_000
SHORTENED_CHARS_MAX = 24_000
SUMMARY_CHARS_MAX = 8_000  # the rest of the 24,000 stays word for word
OLD_CHARS_MAX = (
    200_000  # what a summary is made of: about 50,000 tokens, which today's small models read at once
)

LEFT_OUT = "[What was said before this is left out.]\n"
SUMMARY = "[A summary of what was said before this.]\n"


def recent(text: str, chars_max: int = TOLD_CHARS_MAX, whole_chars: int = 0) -> str:
    """The most recent part, of at most `chars_max` with its mark, from the beginning of a line.

    `whole_chars` is the length of the conversation when `text` is only its end.
    """
    if max(len(text), whole_chars) <= chars_max:
        return text
    start = max(len(text) - (chars_max - len(LEFT_OUT)), 0)
    # A line that takes up more than half of it is cut where it must be, or next to nothing would be told.
    line = text.find("\n", max(start - 1, 0), start + chars_max // 2)
    return LEFT_OUT + text[start if line < 0 else line + 1 :]


class Shortening(Struct, frozen=True, kw_only=True):
    """`old` is to be replaced by something short: everything up to and including passage `upto`."""

    upto: int
    old: str


def shortening(backlog: Backlog, kept_chars_max: int) -> Shortening | None:
    """What to shorten so that what is kept word for word fits `kept_chars_max`; None: nothing.

    Passages are never cut. Where the recent half allows it, what is kept begins a line.
    """
    texts = [text for _, text in backlog.passages]
    if len(backlog.summary) + sum(map(len, texts)) <= TOLD_CHARS_MAX:
        return None
    first, kept_chars = len(texts), 0
    while first > 0 and kept_chars + len(texts[first - 1]) <= kept_chars_max:
        first -= 1
        kept_chars += len(texts[first])
    first = _begin_a_line(texts, first, kept_chars // 2)
    if first == 0:
        return None
    old = backlog.summary + "".join(texts[:first])
    return Shortening(upto=backlog.passages[first - 1][0], old=old)


def _begin_a_line(texts: list[str], first: int, spare_chars: int) -> int:
    """The first passage from `first` on that begins a line, if that gives up no more than `spare_chars`."""
    passed = 0
    for at in range(first, len(texts)):
        if at == 0 or texts[at].startswith("\n") or texts[at - 1].endswith("\n"):
            return at
        passed += len(texts[at])
        if passed > spare_chars:
            break
    return first


def marked_summary(answer: str) -> str:
    """A model's answer as it goes into the conversation: marked, a line of its own, never too long."""
    room = SUMMARY_CHARS_MAX - len(SUMMARY) - 1
    return SUMMARY + answer.strip()[:room] + "\n"
