"""What the ears expect to hear: the brain's small talk as a grammar (JSGF), for the recogniser to choose
from.

Free dictation by the bundled model is poor, within a grammar it is good (LIBRARIES.md 8). Whatever is in
the grammar can be misheard as something else in it, so words that nobody needs are left out.
"""

from realtime_switch.local.numbers import number_words

NAMES = [
    "ada",
    "alan",
    "alice",
    "anna",
    "ben",
    "bob",
    "carol",
    "charlie",
    "david",
    "emma",
    "eva",
    "frank",
    "grace",
    "henry",
    "james",
    "jane",
    "john",
    "julia",
    "kate",
    "laura",
    "linda",
    "lisa",
    "maria",
    "mark",
    "martin",
    "mary",
    "max",
    "mike",
    "nina",
    "oliver",
    "paul",
    "peter",
    "robert",
    "sam",
    "sarah",
    "sofia",
    "susan",
    "thomas",
    "tom",
    "victor",
]
CITIES = [
    "amsterdam",
    "berlin",
    "boston",
    "chicago",
    "delhi",
    "dublin",
    "london",
    "madrid",
    "oslo",
    "paris",
    "pune",
    "rome",
    "sydney",
    "tokyo",
    "vienna",
]
NOUNS = [
    "address",
    "appointment",
    "code",
    "color",
    "dog",
    "door",
    "flight",
    "gate",
    "meeting",
    "number",
    "order",
    "password",
    "room",
    "seat",
    "table",
    "ticket",
    "train",
]
COLORS = ["black", "blue", "brown", "green", "orange", "purple", "red", "white", "yellow"]
SPELT = [
    "apple",
    "bird",
    "book",
    "bread",
    "cat",
    "cloud",
    "dog",
    "flower",
    "garden",
    "hello",
    "house",
    "music",
    "river",
    "school",
    "sun",
    "tree",
    "water",
    "world",
]
NUMBERS = [number_words(number) for number in (*range(16), 20, 30)]
LETTERS = [
    "a",
    "b",
    "c",
    "d",
    "e",
    "f",
    "g",
    "h",
    "i",
    "j",
    "k",
    "l",
    "m",
    "n",
    "o",
    "p",
    "q",
    "r",
    "s",
    "t",
    "u",
    "v",
    "w",
    "x",
    "y",
    "z",
]
# In the way of the CMU dictionary, for what it lacks.
PRONUNCIATIONS = {"pune": "P UW N AH"}


def jsgf() -> str:
    def one_of(words: list[str]) -> str:
        return " | ".join(words)

    return f"""#JSGF V1.0;
grammar talk;
public <talk> = <greeting> | <told> | <asked>;
<greeting> = hello | hello there | good morning | thank you | goodbye | how are you;
<told> = my name is <name> | /0.5/ remember that <fact> | remember <fact> | /0.2/ <fact>;
<fact> = (the | my) <noun> is <value>;
<asked> = /4/ what is my name | /2/ who am i | /4/ what time is it | what is the time | what day is it |
  what did i tell you | what do you remember | /0.5/ what is (the | my) <noun> | who are you |
  count to <digit> | count from <digit> to <digit> | spell <spelt> | spell my name | what did i just say |
  what is the weather in <city> | what is the weather like in <city>;
<name> = {one_of(NAMES)};
<city> = {one_of(CITIES)};
<noun> = {one_of(NOUNS)};
<value> = <letter> <digit> | <digit> | <digit> <digit> | <digit> <digit> <digit> | <color> | <name>;
<color> = {one_of(COLORS)};
<spelt> = {one_of(SPELT)};
<digit> = {one_of(NUMBERS)};
<letter> = {one_of(LETTERS)};
"""
