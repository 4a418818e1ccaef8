"""The one place where we write a frame's head ourselves, held against another implementation."""

import pytest
from websockets.frames import Frame, Opcode

from realtime_switch.gateway.sockets import BINARY, TEXT, frame_head


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 255, 256, 65_535, 65_536, 1 << 20])
@pytest.mark.parametrize(("kind", "opcode"), [(TEXT, Opcode.TEXT), (BINARY, Opcode.BINARY)])
def test_a_head_is_as_another_library_writes_it(size, kind, opcode):
    payload = b"x" * size
    assert frame_head(kind, size) + payload == Frame(opcode, payload).serialize(mask=False)
