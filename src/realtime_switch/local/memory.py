"""What was told and can be asked for: names and facts, out of everything the model was given.

A call that moved or came back brings its past in one of three forms, and all three are read: items of the
conversation, lines `user: ...` and `agent: ...` in the instructions, and plain sentences there ("The user's
name is Ada.").
"""

import re
from collections.abc import Iterator

import msgspec

from realtime_switch.local.thought import Said, Thought

_NAME = re.compile(
    r"\b(?:my name is|my name's|i am called|call me|(?:the )?user(?:'s name is| is called| is named))\s+"
    r"([a-z][\w'-]*)",
    re.IGNORECASE,
)
_REMEMBER = re.compile(
    r"\b(?:remember|note|don't forget|keep in mind)(?: that| this)?[:,]?\s+(.+)", re.IGNORECASE
)
_SUBJECT = r"(?:the|my|our|your|today's|this)\s+[\w' -]+?"
_STATED = re.compile(rf"^(?P<subject>{_SUBJECT})\s+(?:is|are|was)\s+(?P<value>.+)$", re.IGNORECASE)
_HISTORY_LINE = re.compile(r"^\s*(user|agent|assistant|system)\s*:\s*(.*)$", re.IGNORECASE)
_RECORD_LINE = re.compile(r"^(user|agent|tool): (.*)$")
_SENTENCE = re.compile(r"(?<=[.!?;])\s+|\n+")


class Fact(msgspec.Struct, frozen=True):
    subject: str
    value: str

    def told_back(self) -> str:
        return f"{_turned(self.subject)} is {self.value}"


class Memory:
    """Read from the beginning to the end, so that what was said later wins."""

    def __init__(self, thought: Thought) -> None:
        self.name: str | None = None
        self.facts: dict[str, Fact] = {}
        self.remembered: list[str] = []
        for text in _told(thought):
            for sentence in _SENTENCE.split(text):
                self._learn(sentence.strip())

    def fact(self, subject: str) -> Fact | None:
        return self.facts.get(_key(subject))

    def _learn(self, sentence: str) -> None:
        if sentence.endswith("?") or re.match(r"(?i)(what|who|where|when|do|did|is|are|can)\b", sentence):
            return
        if (named := _NAME.search(sentence)) is not None:
            name = named[1]
            self.name = name if name[0].isupper() else name.capitalize()
            return
        plain = sentence.rstrip(".!; ")
        if (asked := _REMEMBER.search(plain)) is not None:
            plain = asked[1]
            if plain not in self.remembered:
                self.remembered.append(plain)
        if (stated := _STATED.match(plain)) is not None:
            self.facts[_key(stated["subject"])] = Fact(stated["subject"], stated["value"])


class Exchange(msgspec.Struct, frozen=True):
    """The end of a record: what the user said last, and what came of it so far."""

    asked: str
    answered: str = ""
    called: bool = False
    returned: tuple[str, str] | None = None  # a tool, and its result that nothing was said of yet


def last_exchange(instructions: str) -> Exchange | None:
    """Of the lines `user: ...`, `agent: ...` and `tool: ...`; None where no user has said anything."""
    exchange: Exchange | None = None
    for line in instructions.splitlines():
        written = _RECORD_LINE.match(line)
        if written is None:
            continue
        text = written[2].strip()
        if written[1] == "user":
            exchange = Exchange(text)
        elif exchange is None:
            continue
        elif written[1] == "agent":
            exchange = msgspec.structs.replace(exchange, answered=f"{exchange.answered} {text}".strip())
        else:
            name, answers, output = text.partition(" -> ")
            returned = (name, output) if answers else None
            exchange = Exchange(exchange.asked, called=not answers, returned=returned)
    return exchange


def _told(thought: Thought) -> Iterator[str]:
    """Everything but what the agent said itself: it may have been a question, or a guess."""
    for line in thought.instructions.splitlines():
        written = _HISTORY_LINE.match(line)
        if written is None:
            yield line
        elif written[1].lower() in ("user", "system"):
            yield written[2]
    for turn in thought.turns:
        if isinstance(turn, Said) and turn.who != "agent":
            yield from _without_history_of_others(turn.text)


def _without_history_of_others(text: str) -> Iterator[str]:
    for line in text.splitlines():
        written = _HISTORY_LINE.match(line)
        if written is None or written[1].lower() in ("user", "system"):
            yield line if written is None else written[2]


def _key(subject: str) -> str:
    """ "my gate", "the Gate" and "your gate" are one thing."""
    return re.sub(r"^(?:the|my|our|your|this)\s+", "", subject.strip().lower())


def _turned(text: str) -> str:
    """From the teller's mouth into ours."""
    return re.sub(r"(?i)^(my|our)\b", "your", text)
