"""What becomes of a client's message when the provider goes: nothing, because the session goes with it."""

from ..dialect import Weight


def weight(payload: bytes) -> Weight:
    return Weight.MOMENT
