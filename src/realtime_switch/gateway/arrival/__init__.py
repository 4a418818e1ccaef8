"""What a client asks for at the door: path, query, headers and subprotocols, read once. Pure.

request.py   the handshake as it came, and whether it is one
outcome.py   the three answers: turned away, let in, let in only to be told why not
openai.py    OpenAI's paths and credentials
gemini.py    Gemini's
gpt_live.py  GPT-Live's

The path says which dialect the client speaks. Query keys nobody here knows are ignored: clients add their
own (OPENAI-REALTIME.md 2.1).
"""

from collections.abc import Mapping

from ...providers.endpoint import DialectName
from . import gemini, gpt_live, openai
from .gpt_live import NO_SUCH_SESSION, Attaching
from .outcome import Arrival, Complaint, Mistake, TurnedAway
from .request import SESSION_HEADER, Headers, is_session_id, read_request

__all__ = [
    "NO_SUCH_SESSION",
    "SESSION_HEADER",
    "Arrival",
    "Attaching",
    "Complaint",
    "Headers",
    "Mistake",
    "TurnedAway",
    "complain",
    "is_session_id",
    "read_arrival",
]


def read_arrival(method: str, target: str, headers: Headers) -> Arrival | Attaching | TurnedAway:
    request = read_request(method, target, headers)
    if isinstance(request, TurnedAway):
        return request
    if (beside := gpt_live.attaching(request)) is not None:
        return beside
    if gemini.is_for(request):
        return gemini.read(request)
    return gpt_live.read(request) if gpt_live.is_for(request) else openai.read(request)


def complain(arrival: Arrival, mistake: Mistake) -> Complaint:
    """In the words of the dialect."""
    return _COMPLAINTS[arrival.dialect][mistake]


_COMPLAINTS: Mapping[DialectName, Mapping[Mistake, Complaint]] = {
    "openai": openai.COMPLAINTS,
    "gemini": gemini.COMPLAINTS,
    "gpt-live": gpt_live.COMPLAINTS,
}
