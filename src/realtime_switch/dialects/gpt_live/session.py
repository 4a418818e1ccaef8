"""The session of a translated call, as its client has started it and goes on to change it."""

from typing import Any

from msgspec.structs import replace

from ..dialect import ClientSaid
from ..members import list_of, object_of
from ..members import text_of as member
from ..wishes import Config, Configure
from . import history
from .backend import DELEGATE
from .frames import Mistake
from .start import config_of, session_of

_Members = dict[str, Any]


class Session:
    def __init__(self, start: str) -> None:
        self._asked = session_of(start)
        self._updated_by: str | None = None  # whose session.update is not confirmed yet; it may have no name
        delegation = object_of(self._asked.get("delegation", {"type": "client"}))
        self.to_application = delegation.get("type") == "client"
        self.backend_model = member(object_of(delegation.get("responses")).get("model"))
        self.config = self._configured()
        self.resource: _Members = {}  # what the provider of a session would say of it; {}: not started

    @property
    def started(self) -> bool:
        return bool(self.resource)

    def _configured(self) -> Config:
        """What was said before stands in the instructions: no other dialect begins with it."""
        config = config_of(self._asked)
        past = history.as_text(list_of(self._asked.get("input")))
        told = f"{config.instructions}\n\n{past}".strip() if past else config.instructions
        tools = (*config.tools, DELEGATE) if self.to_application else config.tools
        return replace(config, instructions=told, tools=tools)

    def start(self, session_id: str, expires_at: int) -> None:
        audio = object_of(self._asked.get("audio"))
        self.resource = {
            "instructions": "",
            "delegation": {"type": "client"},
            "input": [],
            **self._asked,
            "audio": {**audio, "output": {"voice": self.config.voice or "marin"}},
            "id": session_id,
            "expires_at": expires_at,
            "status": "active",
        }

    def instruct(self, content: str) -> Configure:
        told = f"{self.config.instructions}\n\n{content}".strip()
        self.config = replace(self.config, instructions=told)
        return Configure(config=self.config, changed=frozenset({"instructions"}))

    def update(self, message: _Members) -> ClientSaid:
        session = object_of(message.get("session"))
        for name in session.keys() - {"delegation"}:
            raise Mistake("immutable_field_update", f"'session.{name}' cannot be changed.", f"session.{name}")
        now = object_of(self._asked.get("delegation"))
        wanted = object_of(session.get("delegation"))
        if wanted.get("type", now.get("type")) != now.get("type") or self.to_application:
            raise Mistake("immutable_field_update", "Its type cannot be changed.", "session.delegation.type")
        merged = {**object_of(now.get("responses")), **object_of(wanted.get("responses"))}
        self._asked["delegation"] = {"type": "responses", "responses": merged}
        instructions = self.config.instructions  # those that were appended among them
        self.config = replace(self._configured(), instructions=instructions)
        self._updated_by = request_id = member(message.get("event_id"))
        changed = frozenset({"tools", "tool_choice", "parallel_tools"})
        return [Configure(config=self.config, changed=changed, request_id=request_id)]

    def confirmed(self) -> str | None:
        """Whose update it is that the provider has taken; None where nobody waits for that."""
        updated_by, self._updated_by = self._updated_by, None
        if updated_by is not None:
            self.resource["delegation"] = self._asked["delegation"]
        return updated_by
