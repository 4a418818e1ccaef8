"""How a call is held with Gemini: the one setup, and what becomes of it when the client changes its mind.

A second setup makes the service hang up. What may change without one is said in a contextUpdate, where the
model takes it; anything else needs a new connection (TRANSLATION.md 2).
"""

from collections.abc import Sequence

from msgspec import structs

from .. import past
from ..acts import Configured, Refused, StartOver
from ..sound import PCM_24K
from ..terms import Target, Terms
from ..wishes import Config, Configure
from . import frames, setup_out
from .past import contents


class Holding:
    def __init__(self, target: Target, terms: Terms) -> None:
        self._target = target
        self._terms = terms
        self.config: Config | None = None  # None: a relay
        self._setup: setup_out.Setup = {}
        self._instructions: list[str] = []  # what stands behind the client's: history, words of the system
        self._first_frames: list[bytes] = []
        self._refusals: list[Refused] = []

    def open(self, config: Config, history: str, handle: str) -> bytes:
        """With a handle the service knows already what was said, and the client what cannot be."""
        profile = self._target.profile
        history = "" if handle else history
        self._setup = setup_out.setup(config, self._target, self._terms, history, handle)
        before, turns = contents(history) if profile.seeds_history else (past.told(history), [])
        self._instructions = [before] if before else []
        if turns:  # swallowed without an answer (historyConfig)
            self._first_frames = [frames.content(turns, complete=True)]
        bad = [] if handle else setup_out.unsupported(config, self._target, self._terms)
        self._refusals = [Refused(field, why) for field, why in bad]
        self.config = config
        return frames.write({"setup": self._setup})

    def opened(self) -> tuple[Sequence[bytes], Sequence[Refused]]:
        """What is said once the setup is confirmed: to the service, and to the client."""
        first, self._first_frames = self._first_frames, []
        refusals, self._refusals = self._refusals, []
        return first, refusals

    def change(self, wish: Configure, has_spoken: bool) -> list[bytes | Configured | Refused | StartOver]:
        """A bad field refuses the whole, as OpenAI does."""
        config, old = wish.config, self.config or Config()
        setup = self._later(config)
        changed = setup_out.changes(self._setup, setup)
        if self._terms.strict and setup_out.needs_new_setup(changed):
            why = "This backend fixes it when the session starts; it cannot be changed now."
            return [Refused(self._fixed_field(config, old), why, wish.request_id)]
        if bad := setup_out.unsupported(config, self._target, self._terms):
            return [Refused(*bad[0], wish.request_id)]
        if has_spoken and self._voice(config) != self._voice(old):
            why = "Cannot update a conversation's voice if assistant audio is present."
            return [Refused("voice", why, wish.request_id, "cannot_update_voice")]
        if changed and (setup_out.needs_new_setup(changed) or not self._target.profile.context_update):
            return [StartOver()]
        self.config, self._setup = config, setup
        update = [frames.write(setup_out.context_update(setup, changed))] if changed else []
        return [*update, Configured(b"", PCM_24K.bytes_per_ms)]

    def add(self, instructions: str) -> bytes | None:
        """Words of the system, in mid-call. None: this model takes none."""
        if not self._target.profile.context_update or self.config is None:
            return None
        self._instructions.append(instructions)
        self._setup = self._later(self.config)
        return frames.write(setup_out.context_update(self._setup, frozenset({"systemInstruction"})))

    def _voice(self, config: Config) -> str | None:
        return setup_out.voice(config.voice, self._terms)

    def _later(self, config: Config) -> setup_out.Setup:
        """What would be the setup now. Words of the user that are not wanted any more are only not shown."""
        told = setup_out.setup(config, self._target, self._terms, handle=None)
        told.pop("systemInstruction", None)
        told |= setup_out.context(config, self._target.profile, *self._instructions)
        for kept in ("sessionResumption", "historyConfig"):
            if kept in self._setup:
                told[kept] = self._setup[kept]
        if config.transcription is None and "inputAudioTranscription" in self._setup:
            told["inputAudioTranscription"] = self._setup["inputAudioTranscription"]
        return told

    def _fixed_field(self, config: Config, old: Config) -> str:
        """The first field of those that differ for which a new setup would be needed."""
        for field in Config.__struct_fields__:
            alone = structs.replace(old, **{field: getattr(config, field)})
            if alone != old and setup_out.needs_new_setup(setup_out.changes(self._setup, self._later(alone))):
                return field
        return ""
