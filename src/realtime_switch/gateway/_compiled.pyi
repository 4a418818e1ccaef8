"""What mypy may know of _compiled.pyx: the two ends are those of its twin."""

from ..dialects.shapes import Shapes
from .interpreted import ClientEnd as ClientEnd
from .interpreted import ProviderEnd as ProviderEnd
from .interpreted import reader as reader

BUILT_WITH: dict[str, str]

def fits(shapes: Shapes, frame: bytes) -> bool: ...
