# A part of _compiled.pyx: what unheard.py keeps of a client's audio, and lets go of while it is quiet.
#
# A microphone sends all day, and of every eight frames one is listened to and the oldest eight go. In Python
# that finds each of its objects in no cache when calls talk at the pace of speech. So the usual case is met
# here: nothing is kept but audio, in PCM, and it is quiet. In all others Python is asked, which would say the
# same of this one (tests/laws/test_glance_laws.py).

from binascii import b2a_base64

include "_packed.pxi"

cdef Py_ssize_t _LET_GO_FRAMES = LET_GO_FRAMES
cdef Py_ssize_t _GLANCE_EVERY_BYTES = GLANCE_EVERY_BYTES
cdef Py_ssize_t _LONG_FRAMES_MIN = LONG_FRAMES_MIN
cdef Py_ssize_t _GLANCE_CHARS = GLANCE_CHARS
cdef Py_ssize_t _LOUD_IN = round(1 / LOUD_SHARE)
cdef bint[256] _quiet  # characters of base64
cdef bint[64] _quiet_value  # and what they stand for

for _char in range(256):
    _quiet[_char] = _char in QUIET_CHARS
for _char in range(64):
    _quiet_value[_char] = b2a_base64(bytes((_char << 2,)))[0] in QUIET_CHARS


cdef class Kept:
    """Of unheard.py's Unheard what is looked at for each frame."""

    cdef object _unheard
    cdef object _frames  # its deque, and how it grows and shrinks
    cdef object _append
    cdef object _popleft
    cdef _Around _around
    cdef Py_buffer _bounds

    def __init__(self, unheard, audio):
        """`audio`: the proof that a frame is."""
        self._unheard = unheard
        self._around = _Around(audio)
        self._frames = unheard.kept
        self._append, self._popleft = self._frames.append, self._frames.popleft
        PyObject_GetBuffer(unheard.bounds, &self._bounds, PyBUF_WRITABLE)

    def __dealloc__(self):
        PyBuffer_Release(&self._bounds)

    def keep(self, bytes payload not None):
        """For tests."""
        self.add(PyBytes_AS_STRING(payload), PyBytes_GET_SIZE(payload))

    cdef add(self, const char* payload, Py_ssize_t size):
        cdef int64_t* bounds = <int64_t*>self._bounds.buf
        cdef Py_ssize_t count
        packed = self._around.packed(payload, size)
        self._append(PyBytes_FromStringAndSize(payload, size) if packed is None else packed)
        count = PyObject_Size(self._frames)
        if count >= bounds[0] + _LET_GO_FRAMES and not self._let_quiet_go(size, count):
            self._unheard.let_go()

    cdef bint _let_quiet_go(self, Py_ssize_t newest_bytes, Py_ssize_t count) except -1:
        cdef int64_t* bounds = <int64_t*>self._bounds.buf
        cdef Py_ssize_t step, number, most
        unheard = self._unheard
        if not newest_bytes or unheard.is_loud is not is_loud_pcm or unheard.all_audio is not True:
            return False
        listened, newest = unheard.listened, None
        step = max(1, min(_LET_GO_FRAMES, _GLANCE_EVERY_BYTES // newest_bytes))
        for number in range(count):
            frame = PySequence_GetItem(self._frames, count - 1 - number)
            if not number:
                newest = frame
            if frame is listened:
                break
            if number % step == 0 and not _is_quiet(frame):
                return False
        unheard.listened = newest
        most = min(<Py_ssize_t>bounds[1], max(_LONG_FRAMES_MIN, <Py_ssize_t>bounds[2] // newest_bytes))
        bounds[0] = most
        for number in range(count - most):
            self._popleft()
        return True


cdef bint _is_quiet(bytes kept) noexcept:
    """Surely, as PCM. Of what is written in another way than most Python has to say."""
    cdef const char* frame = PyBytes_AS_STRING(kept)
    cdef Py_ssize_t size = PyBytes_GET_SIZE(kept)
    if size > _HEAD_BYTES and frame[0] == 0:
        return _is_quiet_packed(frame, size)
    cdef const char* end = frame + size
    cdef const char* start = frame
    cdef const char* quote = <const char*>memchr(start, c'"', end - start)
    while quote != NULL and quote - start <= size // 2:
        start = quote + 1
        quote = <const char*>memchr(start, c'"', end - start)
    if quote == NULL:
        return False
    cdef Py_ssize_t chars = min(_GLANCE_CHARS, quote - start)
    if memchr(start, c'\\', chars) != NULL:
        return False
    return _loud(start, chars) * _LOUD_IN <= chars // 8


cdef bint _is_quiet_packed(const char* frame, Py_ssize_t size) noexcept:
    """The same of the same characters: of eight, which are six bytes, the last is six bits of the last."""
    cdef const char* audio = frame + _packed_audio_at(frame)
    cdef Py_ssize_t left = frame[2]
    cdef Py_ssize_t packed = (frame + size - left - audio) // BLOCK_BYTES * BLOCK_CHARS
    cdef Py_ssize_t chars = min(_GLANCE_CHARS, packed + left)
    cdef Py_ssize_t number, loud = 0
    for number in range(min(packed, chars) // 8):
        loud += not _quiet_value[<uint8_t>audio[number * 6 + 5] & 0x3F]
    if chars > packed:
        if memchr(frame + size - left, c'\\', chars - packed) != NULL:
            return False
        loud += _loud(frame + size - left, chars - packed)
    return loud * _LOUD_IN <= chars // 8


cdef Py_ssize_t _loud(const char* base64, Py_ssize_t chars) noexcept:
    cdef Py_ssize_t number, loud = 0
    for number in range(7, chars, 8):
        loud += not _quiet[<uint8_t>base64[number]]
    return loud
