"""What passes unread is counted, and not kept."""

import sys

from realtime_switch.dialects import openai
from realtime_switch.session.unread import Unread

DELTA = (
    b'{"type":"response.output_audio.delta","event_id":"e","response_id":"r","item_id":"i",'
    b'"output_index":0,"content_index":0,"delta":"%s"}'
)


def test_audio_that_passes_is_counted_and_none_of_it_is_kept():
    unread = Unread(openai)
    frames = [DELTA % (b"A" * chars) for chars in (6_400, 400)]
    references = [sys.getrefcount(frame) for frame in frames]
    assert [unread(frame) for frame in frames] == [True, True]
    assert [sys.getrefcount(frame) for frame in frames] == references
    assert unread.take_audio() == 6_800
    assert unread.take_audio() is None
