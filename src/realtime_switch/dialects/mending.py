"""JSON that others accept and msgspec 0.22 does not: halves of surrogate pairs, and bytes that are no UTF-8.

JSON allows an escaped half of a pair (RFC 8259 8.2) and JavaScript sends them, when a text is cut in the
middle of an emoji. A bill must not be lost for that.
"""

import re

_ESCAPES = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"  # both halves
    rb"|(?P<half>\\u[dD][89a-fA-F][0-9a-fA-F]{2})"
    rb"|\\.",
    re.DOTALL,
)


def mend(payload: bytes) -> bytes:
    """The same JSON with U+FFFD in place of what msgspec would refuse."""
    text = payload.decode("utf-8", "replace").encode()
    return _ESCAPES.sub(lambda escape: b"\\ufffd" if escape["half"] else escape[0], text)
