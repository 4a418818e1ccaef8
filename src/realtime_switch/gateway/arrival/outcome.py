"""The three answers to a client at the door.

`TurnedAway` before the upgrade, for what could not become a call at all. `Arrival` for what may become one;
and an `Arrival` that carries a `Complaint` is let in only to be told why not, because SDKs and browsers can
read an event and a close, but not the body of a failed handshake (OPENAI-REALTIME.md 2.4, GEMINI-LIVE.md 1).
"""

import enum

from msgspec import Struct

from ...providers.endpoint import DialectName
from ...secret import Secret


class TurnedAway(Struct, frozen=True, kw_only=True):
    """No upgrade: an HTTP status and OpenAI's error body."""

    status: int
    code: str
    message: str
    headers: tuple[tuple[str, str], ...] = ()


class Complaint(Struct, frozen=True, kw_only=True):
    """Why the client, once inside, is told to leave. OpenAI's clients read all of it in an error event; a
    Gemini client the close code, and the message as the close's reason."""

    close_code: int
    message: str
    code: str = ""
    param: str | None = None
    type: str = "invalid_request_error"


class Mistake(enum.Enum):
    """What is wrong with a credential, as far as the door can tell."""

    KEY = enum.auto()  # not of the shape of our keys
    TOKEN = enum.auto()  # a token that is not ours, or has expired
    ANOTHER_SESSION = enum.auto()  # the token opens another
    ANOTHER_MODEL = enum.auto()
    ANOTHER_DIALECT = enum.auto()  # the token was made for another kind of client


class Arrival(Struct, frozen=True, kw_only=True):
    """A request that may become a call. `secret` is a key or a token."""

    secret: Secret
    dialect: DialectName = "openai"  # the client's
    session_id: str = ""  # "" when the client named none
    model: str = ""  # "" when the client named none; others do in their first message
    beta: bool = False  # OpenAI's older spelling
    vertex: bool = False  # Gemini as Vertex AI spells it (GEMINI-LIVE.md 8: names of usage)
    subprotocol: str = ""  # to be chosen; "" for none
    complaint: Complaint | None = None
