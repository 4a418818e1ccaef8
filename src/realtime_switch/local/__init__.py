"""The offline provider: a real server that listens, thinks by rules, talks, and misbehaves on demand.

async with LocalProvider() as provider:
    client = AsyncOpenAI(api_key="any", base_url=provider.base_url)
"""

from realtime_switch.local.faults import Faults, faults
from realtime_switch.local.gemini.habits import Habits
from realtime_switch.local.script import Script, read_script
from realtime_switch.local.server import LocalProvider

__all__ = ["Faults", "Habits", "LocalProvider", "Script", "faults", "read_script"]
