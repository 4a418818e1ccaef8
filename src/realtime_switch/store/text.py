"""Which text a database can keep.

PostgreSQL cannot keep U+0000, SQLite's length() stops at it, and neither can
encode half of a surrogate pair. A caller may send both, and a record that can
never be kept would stop what stands behind it, so they are replaced, on every
engine alike, on the way in and in what is asked for.
"""

import re

_UNKEEPABLE = re.compile("[\0\ud800-\udfff]")


def keepable(text: str) -> str:
    return _UNKEEPABLE.sub("\ufffd", text)


def spellings(search: str) -> list[str]:
    """What to look for in `ascii_lower` text: small letters, capitals and a capital first, because engines
    disagree about the case of letters outside of ASCII."""
    search = keepable(search)
    written = (search, search.lower(), search.upper(), search.capitalize())
    return sorted({ascii_lower(one) for one in written})


def ascii_lower(text: str) -> str:
    return text.translate(_SMALL)


_SMALL = {ord(capital): capital.lower() for capital in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}
