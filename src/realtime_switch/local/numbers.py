"""Whole numbers up to a hundred, in words and back: a recogniser writes words, a person writes digits."""

_ONES = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]


def number_words(number: int) -> str:
    if number < 20:
        return _ONES[number]
    if number == 100:
        return "one hundred"
    tens = _TENS[number // 10 - 2]
    return tens if number % 10 == 0 else f"{tens}-{_ONES[number % 10]}"


_BY_WORDS = {number_words(number).replace("-", " "): number for number in range(101)} | {"a hundred": 100}


def number_in(text: str) -> int | None:
    spoken = text.strip().lower().replace("-", " ")
    if spoken.isascii() and spoken.isdigit():
        return int(spoken[:9])
    return _BY_WORDS.get(spoken)
