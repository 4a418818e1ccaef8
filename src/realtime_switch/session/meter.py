"""Turns the bills that are heard into records, each with an id of its own (A12)."""

from collections.abc import Callable

from ..accounts.records import Certainty, Draft, Tokens, UsageKind, UsageRecord
from ..dialects.acts import Bill, TranscriptionUsage, Usage
from ..dialects.terms import Target

CHARS_PER_TOKEN = 4  # of text in European languages, about; others take more tokens

# An Enum's member is found by Python code (CPython 3.11).
_RESPONSE, _TRANSCRIPTION = UsageKind.RESPONSE, UsageKind.TRANSCRIPTION


class Meter:
    """`record_id` counts within the run of one client connection: a client that comes back must not make
    records with the ids of its last visit, because the ledger would take them for repetitions."""

    def __init__(
        self,
        who: tuple[str, str],
        record_id: Callable[[], str],
        now_us: Callable[[], int],
    ) -> None:
        self._account_id, self._session_id = who
        self._record_id = record_id
        self._now_us = now_us
        self._stretch_id = ""  # of the stretch of time that runs, once it was told
        self._retold_tokens = 0  # told to the provider of now, and not billed yet

    def retold(self, history: str) -> None:
        """After a switch the provider of now was told this; its first reply reads it, as input."""
        self._retold_tokens = -(-len(history) // CHARS_PER_TOKEN)

    def _reseed(self, bill: Usage) -> int:
        retold, self._retold_tokens = self._retold_tokens, 0
        # What a total has and its details do not explain is text (business/credits.py).
        text = max(bill.input_text, bill.input - bill.input_audio - bill.input_image)
        return min(text, retold)

    def record(self, bill: Bill, target: Target) -> UsageRecord:
        usage = bill if type(bill) is Usage else None
        transcription = bill if type(bill) is TranscriptionUsage else None
        return UsageRecord(
            id=self._record_id(),
            account_id=self._account_id,
            session_id=self._session_id,
            provider=target.provider,
            model=bill.model or target.model,
            kind=_RESPONSE if transcription is None else _TRANSCRIPTION,
            response_id="" if usage is None else usage.reply_id,
            tokens=Tokens(
                input=bill.input,
                output=bill.output,
                input_text=bill.input_text,
                input_audio=bill.input_audio,
                input_image=bill.input_image,
                cached_text=bill.cached_text,
                cached_audio=bill.cached_audio,
                cached_image=bill.cached_image,
                output_text=bill.output_text,
                output_audio=bill.output_audio,
            ),
            reseed_input=0 if usage is None else self._reseed(usage),
            duration_ms=0 if transcription is None else transcription.duration_ms,
            fees=bill.fees,
            born_us=self._now_us(),
        )

    def time(self, stretch_ms: int, certainty: Certainty, target: Target) -> UsageRecord:
        bill = self._time(stretch_ms, certainty, target)
        self._stretch_id = ""
        return bill

    def draft(self, stretch_ms: int, target: Target) -> Draft:
        """The stretch goes on; `time` ends it, and its bill has the id that was told here."""
        return Draft(self._time(stretch_ms, Certainty.ESTIMATED, target))

    def _time(self, stretch_ms: int, certainty: Certainty, target: Target) -> UsageRecord:
        self._stretch_id = self._stretch_id or self._record_id()
        return UsageRecord(
            id=self._stretch_id,
            account_id=self._account_id,
            session_id=self._session_id,
            provider=target.provider,
            model=target.model,
            kind=UsageKind.SESSION,
            duration_ms=stretch_ms,
            certainty=certainty,
            born_us=self._now_us(),
        )
