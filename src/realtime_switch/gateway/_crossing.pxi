# A part of _compiled.pyx: what session/crossing.py does, done on the memory of a read.
#
# A frame that crosses is longer or shorter than the one that came, so it is written anew, into memory that is
# one for all calls. It is sent with the last frame of its read at the latest, as `_together` always is; and
# while there is something in it no Python runs that could read from another socket.

DEF CROSSING_BYTES_MAX = 65_000  # as in session/limits.py: of a payload without its number
DEF FRAME_BYTES_MAX = 65_000 + 20 + 14  # with it, and with the head of a frame
DEF TO_CLIENT_BYTES = 131_072

cdef char _to_client[TO_CLIENT_BYTES]
cdef char _to_provider[FRAME_BYTES_MAX]


cdef class _Road:
    """One of session/crossing.py's."""

    cdef _Table _shapes
    cdef bytes _head
    cdef bytes _middle
    cdef bytes _tail
    cdef bint _words
    cdef bint _from_client
    cdef list _texts
    cdef Py_ssize_t _texts_max
    cdef Py_buffer _tally  # frames, characters, padding, the next number

    def __cinit__(self, road):
        around = road.envelope
        self._shapes = _table(road.shapes)
        self._head, self._middle, self._tail = around.head, around.middle, around.tail
        self._words, self._from_client = road.words, road.from_client
        self._texts, self._texts_max = road.texts, road.texts_max
        PyObject_GetBuffer(road.tally, &self._tally, PyBUF_WRITABLE)

    def __dealloc__(self):
        PyBuffer_Release(&self._tally)

    cdef Py_ssize_t carry(
        self, const char* cut, Py_ssize_t size, char* to, char first, const char* key, Py_ssize_t* payload_bytes
    ) except -2:
        """The length of the frame that is written to `to`; -1: it is to be read. `key`: to mask it with."""
        cdef int64_t* tally = <int64_t*>self._tally.buf
        cdef char digits[20]
        cdef Py_ssize_t shown = 0
        cdef Py_ssize_t head = PyBytes_GET_SIZE(self._head)
        cdef Py_ssize_t middle = PyBytes_GET_SIZE(self._middle)
        cdef Py_ssize_t tail = PyBytes_GET_SIZE(self._tail)
        cdef Py_ssize_t whole = head + middle + size + tail
        cdef char* at = to
        cdef char* payload
        cdef int letters = 1
        if size == 0 or whole > CROSSING_BYTES_MAX or memchr(cut, c'\\', size) != NULL:
            return -1
        if self._words:
            if PyList_GET_SIZE(self._texts) >= self._texts_max:
                return -1
            PyList_Append(self._texts, PyBytes_FromStringAndSize(cut, size))
        else:
            if self._from_client:
                letters = _letters(cut, size)
                if not letters:
                    return -1
            tally[1] += size
            tally[2] += (cut[size - 1] == c'=') + (size > 1 and cut[size - 1] == c'=' and cut[size - 2] == c'=')
        if middle:
            shown = _digits(tally[3], digits)
        tally[0] += 1
        tally[3] += 1
        whole += shown
        payload_bytes[0] = whole
        at[0] = first
        if whole < 126:
            at[1] = <char>whole
            at += 2
        else:
            at[1], at[2], at[3] = 126, <char>(whole >> 8), <char>(whole & 0xFF)
            at += 4
        if key != NULL:
            to[1] = to[1] | <char>0x80
            memcpy(at, key, 4)
            at += 4
        payload = at
        memcpy(at, PyBytes_AS_STRING(self._head), head)
        at += head
        memcpy(at, digits + 20 - shown, shown)
        at += shown
        memcpy(at, PyBytes_AS_STRING(self._middle), middle)
        at += middle
        memcpy(at, cut, size)
        if letters == 2:
            _standard(at, size)
        at += size
        memcpy(at, PyBytes_AS_STRING(self._tail), tail)
        at += tail
        if key != NULL:
            _mask(payload, whole, key)
        return at - to


cdef class _Roads:
    """A Crossing's of one moment."""

    cdef tuple of
    cdef list _roads
    cdef _Table _idle
    cdef Py_ssize_t payload_bytes  # of the frame that was written last

    def __cinit__(self, crossing):
        self.of = crossing.roads
        self._roads = [_Road(road) for road in self.of]
        self._idle = _table(crossing.idle)

    cdef Py_ssize_t carry(self, const char* payload, Py_ssize_t size, char* to, char first, const char* key) except -2:
        """As a road's; 0: it goes nowhere."""
        cdef _Road road
        cdef Py_ssize_t start = 0, end = 0
        self.payload_bytes = 0
        for road in self._roads:
            if road._shapes.cut(payload, size, &start, &end):
                return road.carry(payload + start, end - start, to, first, key, &self.payload_bytes)
        return 0 if self._roads and self._idle is not None and self._idle.fits(payload, size) else -1


cdef int _digits(int64_t number, char* digits) noexcept:
    """How many there are, at the end of the twenty."""
    cdef int shown = 0
    while shown == 0 or number:
        shown += 1
        digits[20 - shown] = <char>(c'0' + number % 10)
        number //= 10
    return shown


cdef int _letters(const char* base64, Py_ssize_t size) noexcept:
    """1: padded base64 of the standard alphabet; 2: some letters are the URL-safe one's; 0: neither. Every
    value is a byte and nothing branches, so that a compiler looks at sixteen letters at once."""
    cdef const uint8_t* at = <const uint8_t*>base64
    cdef uint8_t wrong = 0, safe = 0, one, letter, digit, url, fine
    cdef Py_ssize_t number
    if size % 4:
        return 0
    if at[size - 1] == c'=':
        size -= 2 if at[size - 2] == c'=' else 1
    for number in range(size):
        one = at[number]
        letter = <uint8_t>((one | 0x20) - c'a')
        digit = <uint8_t>(one - c'0')
        url = <uint8_t>((one == c'-') | (one == c'_'))
        fine = <uint8_t>((letter < 26) | (digit < 10) | (one == c'+') | (one == c'/') | url)
        wrong |= fine ^ 1
        safe |= url
    return 0 if wrong else 2 if safe else 1


cdef void _standard(char* base64, Py_ssize_t size) noexcept:
    cdef Py_ssize_t number
    cdef char one
    for number in range(size):
        one = base64[number]
        base64[number] = c'+' if one == c'-' else c'/' if one == c'_' else one
