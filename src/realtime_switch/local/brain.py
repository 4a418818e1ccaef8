"""A small conversation by rules, in English: enough to show that a call works and remembers.

Pure: a Thought and the time in, an Answer out. The rules are tried in order and the last always answers, so
there is no thought without one. What it understands is listed for people in docs/local-provider.md, and for
the ears in grammar.py.
"""

import re
from collections.abc import Callable
from datetime import datetime

import msgspec

from realtime_switch.local.memory import Memory, last_exchange
from realtime_switch.local.numbers import number_in, number_words
from realtime_switch.local.thought import Answer, Called, Returned, Said, Say, Thought
from realtime_switch.local.tools import in_words, tool_call

COUNT_MAX = 100
INTRODUCTION = "I am the local provider of Realtime Switch. I answer by simple rules, without any model."
_UNINTELLIGIBLE = re.compile(r"^\(speech, ([\d.]+) s\)$")
# A reply's own instructions come last, so the last order wins.
_EXACTLY = re.compile(r"(?im)^.*?\b(?:answer with exactly|reply with exactly|say exactly|say):\s*(.+?)\s*$")

# How a call that moved tells of a tool's result where the call was another provider's.
_ANSWERED_BEFORE = re.compile(r"(?m)^\[The call (\w+)\(.*\) of before has been answered: (.*)\]$")


class Question:
    """The user's last words, and all that may help to answer them."""

    def __init__(self, thought: Thought, now: datetime) -> None:
        self.thought = thought
        self.now = now
        self.memory = Memory(thought)
        said = [turn.text for turn in thought.turns if isinstance(turn, Said) and turn.who == "user"]
        self.said = said
        self.original = said[-1].strip() if said else ""
        # Without what a recogniser leaves out: capitals and punctuation.
        self.words = re.sub(r"[^\w' ]+", " ", self.original.lower().replace("what's", "what is")).strip()
        self.words = re.sub(r"\s+", " ", self.words)


def answer(thought: Thought, now: datetime) -> Answer:
    question = Question(thought, now)
    last = thought.turns[-1] if thought.turns else None
    if isinstance(last, Returned):
        return _say(_result(thought, last))
    if not question.original and (gone_on := _gone_on(thought, now)) is not None:
        return gone_on
    if answered := _ANSWERED_BEFORE.findall(question.original):
        return _say(" ".join(in_words(name, output) for name, output in answered))
    call = tool_call(thought, question.original)
    if call is not None and thought.must_call:
        return Answer((call,))
    ordered = _EXACTLY.findall(thought.instructions)
    if ordered:
        return _say(ordered[-1].strip("\"'"))
    if call is not None:
        return Answer((call,))
    for rule in _RULES:
        said = rule(question)
        if said is not None:
            return _say(said)
    return _say(f"You said: {question.original}")


def _say(text: str) -> Answer:
    return Answer((Say(text),))


def _gone_on(thought: Thought, now: datetime) -> Answer | None:
    """From where the record of an earlier call stops, where it stops in the middle."""
    record = last_exchange(thought.instructions)
    if record is None:
        return None
    if record.returned is not None:
        whole = _say(in_words(*record.returned))
    elif record.called:
        return None
    else:
        asked = Said("user", record.asked)
        whole = answer(msgspec.structs.replace(thought, turns=(asked,)), now)
    text = " ".join(part.text for part in whole.steps if isinstance(part, Say))
    if not record.answered or not text:
        return None if record.answered else whole
    rest = text.removeprefix(record.answered)
    if rest != text:
        return _say(rest.lstrip(" ,")) if rest.strip() else None
    return None if record.answered.endswith((".", "!", "?")) else whole


def _result(thought: Thought, returned: Returned) -> str:
    called = [turn for turn in thought.turns if isinstance(turn, Called) and turn.call_id == returned.call_id]
    return in_words(called[-1].name if called else "tool", returned.output)


def _nothing_said(question: Question) -> str | None:
    return None if question.original else _greeting(question)


def _greeting(question: Question) -> str:
    name = question.memory.name
    return f"Hello, {name}! How can I help you?" if name else "Hello! How can I help you?"


def _noise(question: Question) -> str | None:
    noise = _UNINTELLIGIBLE.match(question.original)
    if noise is None:
        return None
    return f"I heard you speak for {noise[1]} seconds, but I could not make out the words."


def _exactly(question: Question) -> str | None:
    ordered = _EXACTLY.match(question.original)
    return ordered[1].strip("\"'") if ordered else None


def _own_name(question: Question) -> str | None:
    if not re.search(r"\b(what is my name|who am i|do you know my name|what am i called)\b", question.words):
        return None
    name = question.memory.name
    return f"Your name is {name}." if name else "You have not told me your name yet."


def _what_was_told(question: Question) -> str | None:
    asked = r"\bwhat (did i (tell|ask) you|do you (remember|know about me)|should you remember)\b"
    if not re.search(asked, question.words):
        return None
    memory = question.memory
    told = [f"your name is {memory.name}"] if memory.name else []
    stated = [fact.told_back() for fact in memory.facts.values()]
    # What was stated and what was to be remembered are often the same sentence.
    subjects = tuple(fact.subject.lower() for fact in memory.facts.values())
    others = [one for one in memory.remembered if not one.lower().startswith(subjects)]
    told += stated + [f"that {one}" if not one.startswith("to ") else one for one in others]
    return f"You told me: {'; '.join(told)}." if told else "You have not told me anything yet."


def _fact(question: Question) -> str | None:
    asked = re.search(r"\b(?:what|which|where|who|when) (?:is|are|was) (.+)$", question.words)
    fact = question.memory.fact(asked[1]) if asked else None
    if fact is None:
        return None
    told = fact.told_back()
    return f"{told[0].upper()}{told[1:]}."


def _time(question: Question) -> str | None:
    if not re.search(
        r"\b(what time is it|what is the time|tell me the time|the time please)\b", question.words
    ):
        return None
    return f"It is {question.now:%H:%M}."


def _day(question: Question) -> str | None:
    asked = r"\b(what day is (it|today)|what is the date|what is today's date|what date is it)\b"
    if not re.search(asked, question.words):
        return None
    return f"Today is {question.now:%A}, {question.now.day} {question.now:%B %Y}."


def _count(question: Question) -> str | None:
    asked = re.search(r"\bcount (?:from ([\w ]+?) )?(?:up )?to ([\w -]+)$", question.words)
    if asked is None:
        return None
    first, last = number_in(asked[1] or "one"), number_in(asked[2])
    if first is None or last is None:
        return None
    if not 0 <= first <= COUNT_MAX or not 0 <= last <= COUNT_MAX:
        return f"I can only count from 0 to {COUNT_MAX}."
    step = 1 if last >= first else -1
    counted = ", ".join(number_words(number) for number in range(first, last + step, step))
    return f"{counted[0].upper()}{counted[1:]}."


def _spell(question: Question) -> str | None:
    asked = re.search(r"\bspell (?:the word |my name\b)?\s*([^\W\d_]*)", question.words)
    if asked is None:
        return None
    word = asked[1] or ("my name" in question.words and question.memory.name) or ""
    return f"{', '.join(word.upper())}." if word else "Which word shall I spell?"


def _repeat(question: Question) -> str | None:
    if not re.search(r"\bwhat did i (just )?say( before)?\b", question.words):
        return None
    return (
        f"You said: {question.said[-2]}" if len(question.said) > 1 else "You have not said anything before."
    )


def _introduction(question: Question) -> str | None:
    if not re.search(r"\b(who are you|what are you|what is your name)\b", question.words):
        return None
    return INTRODUCTION


def _told_name(question: Question) -> str | None:
    told = re.search(r"\b(my name is|i am called|call me)\s+\S", question.words)
    name = question.memory.name
    return f"Nice to meet you, {name}!" if told and name else None


def _told_fact(question: Question) -> str | None:
    if re.search(r"\b(remember|note|don't forget|keep in mind)\b", question.words):
        return "I will remember that."
    return None


def _courtesy(question: Question) -> str | None:
    if re.search(r"\b(goodbye|good bye|bye|see you)\b", question.words):
        return f"Goodbye, {question.memory.name}!" if question.memory.name else "Goodbye!"
    if re.search(r"\b(thanks|thank you)\b", question.words):
        return "You are welcome."
    if re.match(r"^(hello|hi|hey|good (morning|day|afternoon|evening))\b", question.words):
        return _greeting(question)
    return None


_RULES: tuple[Callable[[Question], str | None], ...] = (
    _nothing_said,
    _noise,
    _exactly,
    _own_name,
    _what_was_told,
    _repeat,
    _time,
    _day,
    _count,
    _spell,
    _fact,
    _introduction,
    _told_name,
    _told_fact,
    _courtesy,
)
