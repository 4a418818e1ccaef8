"""A language model that shortens text, over HTTP. Says nothing of what it was sent, to anybody.

Two forms that nearly every service speaks: OpenAI's chat completions and
Gemini's generateContent. Only members that all of them know are sent, so that
a self-hosted one will do.
"""

import asyncio
from typing import Literal

import httpx
import msgspec
from msgspec import Struct

from ..secret import Secret
from .summary import NoAnswer

ANSWER_BYTES_MAX = 1_000_000


Dialect = Literal["openai", "gemini"]
DEFAULT_URLS: dict[Dialect, str] = {
    "openai": "https://api.openai.com/v1",
    "gemini": "https://generativelanguage.googleapis.com/v1beta",
}


class SummaryEndpoint:
    """`url` is what stands before /chat/completions or /models/...; "" is the maker's own. A service of
    one's own may ask for no key. `deadline_s` is for the whole exchange."""

    def __init__(self, dialect: Dialect, url: str, model: str, key: Secret | None, deadline_s: float) -> None:
        self._dialect: Dialect = dialect
        self._url = (url or DEFAULT_URLS[dialect]).rstrip("/")
        self._model = model
        self._key = key
        self._deadline_s = deadline_s
        self._client = httpx.AsyncClient(timeout=None)  # its own deadlines are for a step each

    async def ask(self, task: str, text: str) -> str:
        """The model's answer. Raises NoAnswer."""
        try:
            async with asyncio.timeout(self._deadline_s):
                answer = await self._post(*self._request(task, text))
        except TimeoutError:
            raise NoAnswer(f"no answer within {self._deadline_s:g} s") from None
        # httpx.InvalidURL is no HTTPError; a key with a line break in it is a ValueError.
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            raise NoAnswer(type(error).__name__) from None
        said = _answered(self._dialect, answer).strip()
        if not said:
            raise NoAnswer("an answer without text")
        return said

    def _request(self, task: str, text: str) -> tuple[str, dict[str, str], object]:
        key = self._key.reveal() if self._key else ""
        if self._dialect == "gemini":
            return (
                f"{self._url}/models/{self._model}:generateContent",
                {"x-goog-api-key": key} if key else {},
                {
                    "systemInstruction": {"parts": [{"text": task}]},
                    "contents": [{"role": "user", "parts": [{"text": text}]}],
                },
            )
        messages = [{"role": "system", "content": task}, {"role": "user", "content": text}]
        return (
            f"{self._url}/chat/completions",
            {"authorization": f"Bearer {key}"} if key else {},
            {"model": self._model, "messages": messages},
        )

    async def _post(self, url: str, headers: dict[str, str], body: object) -> bytes:
        headers = {**headers, "content-type": "application/json"}
        async with self._client.stream(
            "POST", url, headers=headers, content=msgspec.json.encode(body)
        ) as reply:
            if (
                reply.status_code != httpx.codes.OK
            ):  # a redirect too: the key goes nowhere but where it was set for
                raise NoAnswer(f"HTTP status {reply.status_code}")
            answer = bytearray()
            async for chunk in reply.aiter_bytes():
                answer += chunk
                if len(answer) > ANSWER_BYTES_MAX:
                    raise NoAnswer(f"an answer of more than {ANSWER_BYTES_MAX} bytes")
            return bytes(answer)

    async def close(self) -> None:
        await self._client.aclose()


class _Message(Struct, frozen=True):
    content: str | None = None


class _Choice(Struct, frozen=True):
    message: _Message


class _Completion(Struct, frozen=True):
    choices: tuple[_Choice, ...]


class _Part(Struct, frozen=True):
    text: str = ""
    thought: bool = False  # a model's thinking aloud is no part of its answer


class _Content(Struct, frozen=True):
    parts: tuple[_Part, ...] = ()


class _Candidate(Struct, frozen=True):
    content: _Content = _Content()


class _Generated(Struct, frozen=True):
    candidates: tuple[_Candidate, ...] = ()


def _answered(dialect: Dialect, answer: bytes) -> str:
    try:
        if dialect == "gemini":
            candidates = msgspec.json.decode(answer, type=_Generated).candidates
            parts = [part for candidate in candidates[:1] for part in candidate.content.parts]
            return "".join(part.text for part in parts if not part.thought)
        choices = msgspec.json.decode(answer, type=_Completion).choices
        return choices[0].message.content or "" if choices else ""
    except (msgspec.DecodeError, RecursionError):
        raise NoAnswer("an answer that cannot be read") from None
