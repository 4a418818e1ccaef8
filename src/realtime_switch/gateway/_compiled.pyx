# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False
"""The short way of nearly every frame, compiled: interpreted.py is its twin in Python and says what it is.

What is won: no bytes object and no interpreted line for a frame of audio. Its
proof is matched on the memory of the socket's read buffer, and it is sent from
that same memory. Nearly all of them are met by the Reader (_reader.pxi), before
picows; what picows delivers passes here in the same way.

Dangers, and why they are none:

- The read buffer is used again once all frames of a read have been delivered. So
  no pointer is kept beyond that: `_together` is sent at the latest with the last
  frame of its read, and every frame is delivered, since picows is told not to
  swallow pings (sockets.py).
- A frame's new head stands where its old one was, and is as long: lengths are
  spelt in the shortest way, or the frame is picows' to refuse. The payload is
  masked where it lies. Nobody looks at it again.
- A frame that crosses from one dialect into another is written into memory of its own (_crossing.pxi), which
  holds what `_together` then points to.
- What the kernel does not take at once is copied by aiofastnet (see sockets.py
  for why every transport is one of its own).

The layout of picows' and aiofastnet's objects is compiled in, so this module is
used only with the versions that it was built with (short_way.py).
"""

from aiofastnet.transport cimport Protocol, Transport
from aiofastnet.utils cimport NoResult
from cpython.buffer cimport PyBUF_WRITABLE, PyBUF_WRITE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.list cimport PyList_Append, PyList_GET_ITEM, PyList_GET_SIZE
from cpython.mem cimport PyMem_Free, PyMem_Realloc
from cpython.memoryview cimport PyMemoryView_FromMemory
from cpython.object cimport PyObject, PyObject_Size
from cpython.sequence cimport PySequence_GetItem
from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.stdlib cimport rand
from libc.string cimport memchr, memcmp, memcpy
from picows.picows cimport WSFrame, WSListener, WSMsgType, WSTransport

from realtime_switch.dialects.loudness import GLANCE_CHARS, LOUD_SHARE, QUIET_CHARS, is_loud_pcm
from realtime_switch.dialects.shapes import Shapes
from realtime_switch.gateway.sockets import BINARY, TEXT
from realtime_switch.session.packed import HEAD_BYTES, NAME_BYTES_MAX, known_around
from realtime_switch.session.passing import FROM_CLIENT, FROM_PROVIDER
from realtime_switch.session.unheard import GLANCE_EVERY_BYTES, LET_GO_FRAMES, LONG_FRAMES_MIN

cdef extern from *:  # hatch_build.py tells the compiler
    const char* PICOWS_VERSION
    const char* AIOFASTNET_VERSION

BUILT_WITH = {"picows": PICOWS_VERSION.decode(), "aiofastnet": AIOFASTNET_VERSION.decode()}


cdef Py_ssize_t _FROM_CLIENT = FROM_CLIENT
cdef Py_ssize_t _FROM_PROVIDER = FROM_PROVIDER


cdef class _Table:
    """The Shapes of a dialect, to be matched on memory."""

    cdef list _parts  # of each shape, a tuple of bytes
    cdef list _open
    cdef list _cuts
    cdef list _around  # of a client's audio, what stands around it; None until somebody asks (_packed.pxi)

    def __cinit__(self, shapes):
        self._parts = [shape.parts for shape in shapes.shapes]
        self._open = [shape.open for shape in shapes.shapes]
        # The part that follows it; with no gap there is none.
        self._cuts = [shape.cut + (1 if shape.cut >= 0 else len(shape.parts)) for shape in shapes.shapes]

    def __call__(self, bytes frame not None):
        """For who has the frame as an object: what the short way had to hand over is proven once more."""
        return self.fits(PyBytes_AS_STRING(frame), PyBytes_GET_SIZE(frame))

    cdef bint fits(self, const char* frame, Py_ssize_t size) noexcept:
        cdef Py_ssize_t number
        for number in range(PyList_GET_SIZE(self._parts)):
            if _fits(<tuple>self._parts[number], self._open[number] is True, frame, size, 0, NULL, NULL):
                return True
        return False

    cdef bint cut(self, const char* frame, Py_ssize_t size, Py_ssize_t* start, Py_ssize_t* end) noexcept:
        """Where in the frame that stands which it is for."""
        cdef Py_ssize_t number
        for number in range(PyList_GET_SIZE(self._parts)):
            if _fits(
                <tuple>self._parts[number], self._open[number] is True, frame, size,
                <Py_ssize_t>self._cuts[number], start, end,
            ):
                return True
        return False


cdef bint _fits(
    tuple parts, bint is_open, const char* frame, Py_ssize_t size,
    Py_ssize_t cut, Py_ssize_t* start, Py_ssize_t* end_of_cut,
) noexcept:
    cdef const char* end = frame + size
    cdef const char* at = frame
    cdef const char* quote
    cdef bytes part
    cdef Py_ssize_t number, length
    for number in range(len(parts)):
        part = <bytes>parts[number]
        if number:
            quote = <const char*>memchr(at, c'"', end - at)
            if quote == NULL or quote[-1] == c'\\':
                return False
            if number == cut:
                start[0], end_of_cut[0] = at - frame, quote - frame
            at = quote
        length = PyBytes_GET_SIZE(part)
        if end - at < length or memcmp(at, PyBytes_AS_STRING(part), length):
            return False
        at += length
    return at == end if not is_open else at < end and end[-1] == c'}'


cdef _Table _table(shapes):
    if not isinstance(shapes, Shapes):
        return None
    if shapes.compiled is None:
        shapes.compiled = _Table(shapes)
    return <_Table>shapes.compiled


def fits(shapes, bytes frame):
    """For tests: what the short way would say of this frame."""
    return _Table(shapes).fits(PyBytes_AS_STRING(frame), PyBytes_GET_SIZE(frame))


cdef inline char* _start(WSFrame frame) noexcept:
    """Where it begins that came in picows' buffer from a provider: not masked, and its length in the shortest
    spelling, because picows refuses others."""
    return frame.payload_ptr - (2 if frame.payload_size < 126 else 4 if frame.payload_size < 65_536 else 10)


cdef inline bint _is_plain(WSFrame frame) noexcept:
    return (
        (frame.msg_type == WSMsgType.TEXT or frame.msg_type == WSMsgType.BINARY)
        and frame.fin and not (frame.rsv1 or frame.rsv2 or frame.rsv3)
        and frame._payload_obj is None  # else it was made for a test, with nothing in front of it
    )


cdef object _kind(WSFrame frame):
    return TEXT if frame.msg_type == WSMsgType.TEXT else BINARY


include "_crossing.pxi"
include "_glance.pxi"


cdef class ClientEnd(WSListener):
    # What is read together lies together: when calls talk at their pace, each finds its memory in no cache, and
    # what costs is how many lines of it are looked at. First what a frame of the client meets,
    cdef public WSTransport provider_transport
    cdef list _passing  # the session's (session/passing.py)
    cdef object _passes  # what stood there last for the client (session/unheard.py), and
    cdef object _crossing  # if that is what it is, and
    cdef _Table _audio  # its shapes, if it has any
    cdef public uint64_t passed_from_client  # messages, for whoever counts (traffic.py)
    cdef public uint64_t passed_from_client_bytes
    cdef Kept _kept  # where it is kept, or None
    cdef public bint in_pieces
    cdef public bint client_heard
    cdef Py_buffer _tally  # of session/unread.py, where the client's audio is counted
    # then what a frame of the provider meets,
    cdef public bint provider_heard
    cdef public object line
    cdef public WSTransport client
    cdef public list held
    cdef public uint64_t passed_from_provider
    cdef public uint64_t passed_from_provider_bytes
    # then the rest.
    cdef public object session
    cdef public object own_kind
    cdef _Roads _roads  # of _crossing, as it was when it was looked at last
    cdef public uint64_t unsent_from_provider  # of what passed, the messages that crossed to nobody
    cdef public int64_t grown_to_client_bytes  # by what crossing has made of them
    cdef public int64_t grown_to_provider_bytes

    def __dealloc__(self):
        PyBuffer_Release(&self._tally)

    cpdef on_ws_frame(self, WSTransport transport, WSFrame frame):
        self.client_heard = True
        if not _is_plain(frame) or self.in_pieces:
            self.on_other_frame(transport, frame)
        elif self.provider_transport is None:
            self.on_message(_kind(frame), frame.get_payload_as_bytes())
        elif self._looks_for_crossing():
            if not self._cross(frame.payload_ptr, frame.payload_size):
                self.on_message(_kind(frame), frame.get_payload_as_bytes())
        elif self._may_pass(frame.payload_ptr, frame.payload_size):
            self.passed_from_client += 1
            self.passed_from_client_bytes += frame.payload_size
            self.provider_transport.send_reuse_external_buffer(frame.msg_type, frame.payload_ptr, frame.payload_size)
        else:
            self.on_message(_kind(frame), frame.get_payload_as_bytes())

    cdef bint _take(self, char* frame, Py_ssize_t head, Py_ssize_t size) except -1:
        """A whole plain frame in a read; the four bytes before its payload are the mask's key. It is sent from
        where it lies, masked anew: the key is for a client to choose, and we are the provider's."""
        cdef char* key = frame + head - 4
        cdef char* payload = frame + head
        cdef WSTransport provider = self.provider_transport
        cdef int fresh
        if provider is None or self.in_pieces:
            return False
        _mask(payload, size - head, key)
        if self._looks_for_crossing():
            if self._cross(payload, size - head):
                self.client_heard = True
                return True
            _mask(payload, size - head, key)
            return False
        if not self._may_pass(payload, size - head):
            _mask(payload, size - head, key)
            return False
        self.client_heard = True
        self.passed_from_client += 1
        self.passed_from_client_bytes += size - head
        if not (provider.is_close_frame_sent or provider.is_disconnected):
            fresh = rand()  # as picows makes its keys
            memcpy(key, &fresh, 4)
            _mask(payload, size - head, key)
            (<Transport?>provider.underlying_transport).write_c(frame, size)
        return True

    cdef PyObject* _at_present(self, Py_ssize_t end) except NULL:
        """Borrowed: to be compared, and not even touched, since it is nearly always the same."""
        if self._passing is None:
            self._passing = self.session.passing
        return PyList_GET_ITEM(self._passing, end)

    cdef bint _looks_for_crossing(self) except -1:
        cdef PyObject* passes = self._at_present(_FROM_CLIENT)
        if passes != <PyObject*>self._passes:
            self._adopt(<object>passes)
        if self._crossing is None:
            return False
        if self._crossing.roads is not self._roads.of:
            self._roads = _Roads(self._crossing)
        return True

    cdef bint _cross(self, const char* payload, Py_ssize_t size) except -1:
        cdef WSTransport provider = self.provider_transport
        cdef int key = rand()
        cdef Py_ssize_t written = self._roads.carry(payload, size, _to_provider, <char>0x81, <char*>&key)
        if written < 0:
            return False
        if self._kept is not None:
            self._kept.add(payload, size)
        self.passed_from_client += 1
        self.passed_from_client_bytes += size
        self.grown_to_provider_bytes += self._roads.payload_bytes - size
        if written and not (provider.is_close_frame_sent or provider.is_disconnected):
            (<Transport?>provider.underlying_transport).write_c(_to_provider, written)
        return True

    cdef bint _may_pass(self, const char* payload, Py_ssize_t size) except -1:
        if self._audio is None:
            return self._passes(PyBytes_FromStringAndSize(payload, size))
        if self._tally.buf != NULL:
            return self._count(payload, size)
        if not self._audio.fits(payload, size):
            return False
        if self._kept is not None:
            self._kept.add(payload, size)
        return True

    cdef bint _count(self, const char* payload, Py_ssize_t size) noexcept:
        cdef int64_t* tally = <int64_t*>self._tally.buf
        cdef Py_ssize_t start = 0, end = 0
        cdef int64_t audio_bytes
        if not self._audio.cut(payload, size, &start, &end):
            return False
        audio_bytes = (end - start) // 4 * 3
        if end > start and payload[end - 1] == c'=':
            audio_bytes -= 2 if end - start > 1 and payload[end - 2] == c'=' else 1
        if audio_bytes >= tally[1]:
            return False
        tally[0] += audio_bytes
        tally[1] -= audio_bytes
        return True

    cdef _adopt(self, passes):
        self._passes = passes
        audio = getattr(passes, "audio", passes)
        self._crossing = audio if hasattr(audio, "roads") else None
        self._roads = _Roads(audio) if self._crossing is not None else None
        self._audio = _table(audio)
        unheard = getattr(passes, "unheard", None)
        # Not `audio`, which may be a Crossing.
        self._kept = None if unheard is None else Kept(unheard, self.session.client.only_audio_from_client)
        PyBuffer_Release(&self._tally)
        if self._audio is not None and hasattr(passes, "tally"):
            PyObject_GetBuffer(passes.tally, &self._tally, PyBUF_WRITABLE)

    def on_message(self, kind, payload):
        raise NotImplementedError

    def flush(self):
        raise NotImplementedError

    def on_other_frame(self, transport, frame):
        raise NotImplementedError


cdef class ProviderEnd(WSListener):
    cdef public ClientEnd call
    cdef public object generation
    cdef public bint in_pieces
    cdef object _passes  # as in ClientEnd
    cdef _Table _audio
    cdef _Table _words
    cdef _Table _idle
    cdef _Table _parts
    cdef list _put_by
    cdef list _parts_put_by
    cdef Py_ssize_t _put_by_max
    cdef Py_buffer _tally  # of session/unread.py; held as long as it is used
    cdef object _crossing
    cdef _Roads _roads
    cdef char* _together  # frames of this read that have passed and are not sent yet, as they lie there
    cdef Py_ssize_t _together_bytes
    cdef bint _more  # of this read than what picows was handed now

    def __init__(self, ClientEnd call, generation):
        self.call = call
        self.generation = generation

    def __dealloc__(self):
        PyBuffer_Release(&self._tally)

    cpdef on_ws_frame(self, WSTransport transport, WSFrame frame):
        cdef ClientEnd call = self.call
        cdef bint whole = _is_plain(frame) and not self.in_pieces
        cdef char* start
        cdef Py_ssize_t size
        try:
            if whole and call.line is self:
                if self._looks_for_crossing(call):
                    if self._cross(call, frame.payload_ptr, frame.payload_size, frame.last_in_buffer):
                        return
                elif self._may_pass(frame.payload_ptr, frame.payload_size):
                    call.provider_heard = True
                    call.passed_from_provider += 1
                    call.passed_from_provider_bytes += frame.payload_size
                    start = _start(frame)
                    size = frame.payload_ptr - start + frame.payload_size
                    self._take_along(call, start, size, frame.last_in_buffer)
                    return
            if self._together_bytes:
                self._let_go_first(call)
        except BaseException:
            self._together_bytes = 0  # the connection ends; its memory must not be sent from later
            raise
        if whole:
            last = frame.last_in_buffer and not self._more
            self.on_message(_kind(frame), frame.get_payload_as_bytes(), last)
        else:
            self.on_other_frame(transport, frame)

    def on_message(self, kind, payload, last):
        raise NotImplementedError

    def on_other_frame(self, transport, frame):
        raise NotImplementedError

    cdef bint _take(self, char* frame, Py_ssize_t head, Py_ssize_t size, bint last) except -1:
        """A whole plain frame in a read."""
        cdef ClientEnd call = self.call
        if self.in_pieces or call.line is not self:
            return False
        if self._looks_for_crossing(call):
            return self._cross(call, frame + head, size - head, last)
        if not self._may_pass(frame + head, size - head):
            return False
        call.provider_heard = True
        call.passed_from_provider += 1
        call.passed_from_provider_bytes += size - head
        self._take_along(call, frame, size, last)
        return True

    cdef bint _looks_for_crossing(self, ClientEnd call) except -1:
        cdef PyObject* passes = call._at_present(_FROM_PROVIDER)
        if passes != <PyObject*>self._passes:
            self._adopt(<object>passes)
        if self._crossing is None:
            return False
        if self._crossing.roads is not self._roads.of:
            self._roads = _Roads(self._crossing)
        return True

    cdef bint _cross(self, ClientEnd call, const char* payload, Py_ssize_t size, bint last) except -1:
        cdef char* to = _to_client
        cdef Py_ssize_t written
        if self._together_bytes:
            to = self._together + self._together_bytes
            # Else it is in the read buffer, or there is no more room.
            if not _to_client < to <= _to_client + TO_CLIENT_BYTES - FRAME_BYTES_MAX:
                self._hold(call)
                to = _to_client
        written = self._roads.carry(payload, size, to, <char>(0x80 | <int>call.own_kind), NULL)
        if written < 0:
            return False
        call.provider_heard = True
        call.passed_from_provider += 1
        call.passed_from_provider_bytes += size
        call.unsent_from_provider += written == 0
        call.grown_to_client_bytes += self._roads.payload_bytes - size
        self._take_along(call, to, written, last)
        return True

    cdef bint _may_pass(self, const char* payload, Py_ssize_t size) except -1:
        cdef int64_t* tally
        if self._audio is None:
            return self._passes(PyBytes_FromStringAndSize(payload, size))
        if self._audio.fits(payload, size):
            tally = <int64_t*>self._tally.buf
            if not tally[0]:
                self._passes.first(PyBytes_FromStringAndSize(payload, size))
            tally[0] += 1
            tally[1] += size
            return True
        if self._words.fits(payload, size):
            return self._put(payload, size, self._put_by)
        if self._idle.fits(payload, size):
            return True
        return self._parts.fits(payload, size) and self._put(payload, size, self._parts_put_by)

    cdef bint _put(self, const char* payload, Py_ssize_t size, list by) except -1:
        if PyList_GET_SIZE(by) >= self._put_by_max:
            return False
        PyList_Append(by, PyBytes_FromStringAndSize(payload, size))
        return True

    cdef _adopt(self, passes):
        """`passes` is session/unread.py's, or a function of which nothing is known."""
        self._passes = passes
        self._audio = _table(getattr(passes, "audio", None))
        self._words = _table(getattr(passes, "words", None))
        self._idle = _table(getattr(passes, "idle", None))
        self._parts = _table(getattr(passes, "parts", None))
        self._crossing = passes if hasattr(passes, "roads") else None
        self._roads = _Roads(passes) if self._crossing is not None else None
        if self._words is None or self._idle is None or self._parts is None:
            self._audio = None
        if self._audio is not None:
            self._put_by, self._parts_put_by = passes.put_by, passes.parts_put_by
            self._put_by_max = passes.put_by_max
            PyBuffer_Release(&self._tally)
            PyObject_GetBuffer(passes.tally, &self._tally, PyBUF_WRITABLE)

    cdef _take_along(self, ClientEnd call, char* frame, Py_ssize_t size, bint last):
        """A provider's frame and ours to the client are the same bytes: neither is masked."""
        if self._together_bytes and self._together + self._together_bytes != frame:
            self._hold(call)
        if not self._together_bytes:
            self._together = frame
        self._together_bytes += size
        if last:
            if call.held:
                self._hold(call)
                call.flush()
            elif self._together_bytes:
                self._send_on(call)

    cdef _let_go_first(self, ClientEnd call):
        """A message is to be read, which may take as long as a hundred others take to pass: sound that came
        before it does not wait for that. Only what is held already goes out together with what follows."""
        if call.held:
            self._hold(call)
        else:
            self._send_on(call)

    cdef _hold(self, ClientEnd call):
        """They go out together with what follows."""
        if not self._together_bytes:
            return
        call.held.append(PyBytes_FromStringAndSize(self._together, self._together_bytes))
        self._together_bytes = 0

    cdef _send_on(self, ClientEnd call):
        cdef WSTransport client = call.client
        cdef Py_ssize_t size = self._together_bytes
        self._together_bytes = 0
        if client is not None and not (client.is_close_frame_sent or client.is_disconnected):
            (<Transport?>client.underlying_transport).write_c(self._together, size)


include "_reader.pxi"
