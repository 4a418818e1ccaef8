"""What a call costs: plans, rates, and which purse pays. Pure and exact.

Without rates a credit is a token of input or output. Rates say otherwise for
the models they name, as decimal numbers of credits per token by kind, per
second or per piece. Every sum here is exact: a rounding that was not asked for
raises, and the one that was asked for is up, to a whole credit, once a record.

docs/credits.md is this file for operators; docs/decisions/0006 says why.
"""

from collections.abc import Iterable
from decimal import ROUND_CEILING, Clamped, Context, Decimal, Inexact, InvalidOperation, Overflow, Rounded
from fnmatch import fnmatchcase
from typing import NamedTuple

import msgspec
from msgspec import Struct

from ..accounts.errors import ConfigurationError, ErrorCode, RealtimeSwitchError
from ..accounts.records import Tokens, UsageKind, UsageRecord
from .repos import PostedUsage

PLANS = {"Free": 1_000, "Pro": 50_000, "Enterprise": 500_000}  # A21

RATE_MAX = 1_000_000
RATE_PLACES_MAX = 9
# A bill over this is a fault, not a call. It is still posted (and empties the purse), but thousands of
# them must fit a bigint, or one such bill would stop the ledger for everybody.
CREDITS_MAX = 2**50

# 64 digits hold 2**40 tokens at the highest and the finest rate many times over; if that ever stops being
# true, the traps raise rather than round.
_EXACT = Context(prec=64, traps=[Inexact, Rounded, InvalidOperation, Overflow, Clamped])
_THOUSANDTH = Decimal("0.001")


def plan(name: str) -> tuple[str, int]:
    """A plan's name as it is spelt, and the tokens that come with it."""
    for known, tokens in PLANS.items():
        if known.lower() == name.lower():
            return known, tokens
    raise RealtimeSwitchError(
        ErrorCode.EXTERNAL_INVALID_VALUE, f"There is no plan of that name; the plans are {', '.join(PLANS)}."
    )


class Split(NamedTuple):
    """What each purse gives."""

    topup: int
    plan: int


def split(topup: int, credits: int) -> Split:
    """A14: bought credits first, down to zero; the plan bears the rest, and may go below zero.

    The database does this in one statement (store/); here it stands so that
    the statement and the audit can be held against it.
    """
    assert credits >= 0
    from_topup = min(max(topup, 0), credits)
    return Split(from_topup, credits - from_topup)


# -- Rates -----------------------------------------------------------------------------------------------

Amount = str | int  # never a float: 0.1 is not a tenth in binary


class RateEntry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One [[rates]] of the settings file: credits per token by kind, per second, per piece.

    What is left out is never free by accident: text costs 1, another kind of
    token what the text beside it costs, a cached one what a fresh one costs.
    Only what costs nothing without any rates (transcription, seconds, fees)
    costs nothing when it is left out.
    """

    match: str  # a glob over "provider/model"; the first entry that fits counts
    input_text: Amount | None = None
    input_audio: Amount | None = None
    input_image: Amount | None = None
    cached_text: Amount | None = None
    cached_audio: Amount | None = None
    cached_image: Amount | None = None
    output_text: Amount | None = None
    output_audio: Amount | None = None
    transcription_input: Amount | None = None
    transcription_output: Amount | None = None
    transcription_second: Amount | None = None
    session_second: Amount | None = None
    fee: Amount | None = None


class Rates(Struct, frozen=True, kw_only=True):
    """A RateEntry read: every rate is there and is a number."""

    match: str
    input_text: Decimal
    input_audio: Decimal
    input_image: Decimal
    cached_text: Decimal
    cached_audio: Decimal
    cached_image: Decimal
    output_text: Decimal
    output_audio: Decimal
    transcription_input: Decimal
    transcription_output: Decimal
    transcription_second: Decimal
    session_second: Decimal
    fee: Decimal

    def exact(self, record: UsageRecord) -> Decimal:
        """The price before it is rounded."""
        parts = [(self.fee, record.fees)]
        tokens = record.tokens
        match record.kind:
            case UsageKind.RESPONSE:
                parts += self._token_parts(tokens)
            case UsageKind.TRANSCRIPTION:
                parts += [
                    (self.transcription_input, tokens.input),
                    (self.transcription_output, tokens.output),
                    (_EXACT.multiply(self.transcription_second, _THOUSANDTH), record.duration_ms),
                ]
            case UsageKind.SESSION:
                parts += [(_EXACT.multiply(self.session_second, _THOUSANDTH), record.duration_ms)]
        total = Decimal(0)
        for rate, count in parts:
            total = _EXACT.fma(rate, count, total)
        return total

    def _token_parts(self, tokens: Tokens) -> list[tuple[Decimal, int]]:
        # A provider's details may say less than its totals (some give none at all): the rest is text.
        explained = tokens.input_text + tokens.input_audio + tokens.input_image
        input_text = tokens.input_text + max(tokens.input - explained, 0)
        output_text = tokens.output_text + max(tokens.output - tokens.output_text - tokens.output_audio, 0)
        # No more can have been cached than was put in, whatever the details say.
        cached_text = min(tokens.cached_text, input_text)
        cached_audio = min(tokens.cached_audio, tokens.input_audio)
        cached_image = min(tokens.cached_image, tokens.input_image)
        return [
            (self.input_text, input_text - cached_text),
            (self.input_audio, tokens.input_audio - cached_audio),
            (self.input_image, tokens.input_image - cached_image),
            (self.cached_text, cached_text),
            (self.cached_audio, cached_audio),
            (self.cached_image, cached_image),
            (self.output_text, output_text),
            (self.output_audio, tokens.output_audio),
        ]


def read_rates(entry: RateEntry) -> Rates:
    if not entry.match:
        raise _bad_rate("a [[rates]] entry needs match, a pattern over provider/model such as openai/*")

    def rate(name: str, otherwise: Decimal) -> Decimal:
        amount = getattr(entry, name)
        return otherwise if amount is None else _read_amount(entry.match, name, amount)

    free = Decimal(0)
    input_text = rate("input_text", Decimal(1))
    input_audio = rate("input_audio", input_text)
    input_image = rate("input_image", input_text)
    output_text = rate("output_text", Decimal(1))
    return Rates(
        match=entry.match,
        input_text=input_text,
        input_audio=input_audio,
        input_image=input_image,
        cached_text=rate("cached_text", input_text),
        cached_audio=rate("cached_audio", input_audio),
        cached_image=rate("cached_image", input_image),
        output_text=output_text,
        output_audio=rate("output_audio", output_text),
        transcription_input=rate("transcription_input", free),
        transcription_output=rate("transcription_output", free),
        transcription_second=rate("transcription_second", free),
        session_second=rate("session_second", free),
        fee=rate("fee", free),
    )


def _read_amount(match: str, name: str, amount: Amount) -> Decimal:
    text = str(amount)
    # Plain ASCII digits and a point, nothing that Decimal would also take (1e9, NaN, _, other scripts).
    whole, _, places = text.partition(".")
    plain = text.isascii() and whole.isdigit() and (places.isdigit() or "." not in text)
    if not plain or len(places) > RATE_PLACES_MAX or len(text) > 32 or Decimal(text) > RATE_MAX:
        raise _bad_rate(
            f'in the [[rates]] entry for "{match}", {name} must be a number like "0.25": not negative, '
            f"at most {RATE_MAX:,}, at most {RATE_PLACES_MAX} places after the point"
        )
    return Decimal(text)


def _bad_rate(what: str) -> ConfigurationError:
    return ConfigurationError(ErrorCode.INTERNAL_CONFIG_INVALID, f"The settings cannot be used: {what}.")


class RateBook:
    """All rates of one configuration, in its order."""

    def __init__(self, rates: Iterable[Rates] = ()) -> None:
        # The text for the bill is made once: it is the same for every bill of an entry.
        self._lines = [(rates, msgspec.json.encode(rates).decode()) for rates in rates]

    def bill(self, record: UsageRecord) -> PostedUsage:
        """What a record costs, and by which rates, so that anybody can work it out again."""
        name = f"{record.provider}/{record.model}"
        for rates, text in self._lines:
            if fnmatchcase(name, rates.match):
                exact = rates.exact(record)
                credits = int(exact.to_integral_value(ROUND_CEILING))
                return PostedUsage(record=record, credits=min(credits, CREDITS_MAX), rates=text)
        by_token = record.kind is UsageKind.RESPONSE
        return PostedUsage(record=record, credits=record.tokens.total if by_token else 0, rates="")


def rate_book(entries: Iterable[RateEntry]) -> RateBook:
    """Raises ConfigurationError that names the entry and the member to mend."""
    return RateBook(read_rates(entry) for entry in entries)
