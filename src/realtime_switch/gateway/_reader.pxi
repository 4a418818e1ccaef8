# A part of _compiled.pyx: what stands between a socket and picows, once a call is up.
#
# A read costs picows a memoryview, a call in Python and an object for each frame, which is as much as all the
# rest of the short way. So frames are looked for here first, in the read itself: whoever is plain and passes
# goes on at once, and picows never hears of it. Everything else is handed to picows byte by byte as it came:
# it is picows that knows the protocol, that complains, and under whose care our Python runs. This reads only
# as much of RFC 6455 5.2 as is needed to see where a frame ends.

#
# All sockets are read into the same memory: it stays in the processor's caches, and a call has none of its own
# but for what a read ends with of a frame that is not whole. Between `get_buffer` and `buffer_updated`
# nothing else runs, and nothing is known by its place in it once a read has been handled.

DEF READ_BYTES = 65_536  # a frame that is larger goes to picows in pieces

cdef char _read[READ_BYTES]


cdef class Reader(Protocol):
    cdef object _picows  # its protocol of this socket
    cdef ClientEnd _client
    cdef ProviderEnd _provider  # one of the two is None
    cdef Py_ssize_t _payload_bytes_max
    cdef char* _rest  # of the read before: the beginning of a frame
    cdef Py_ssize_t _rest_bytes
    cdef Py_ssize_t _passing_by  # bytes still to come of a frame that is too large to be looked at
    cdef bint _at_boundary  # picows holds no part of a frame
    cdef void* _picows_data  # its buffer, while there is nothing in it
    cdef Py_ssize_t _picows_room

    def __cinit__(self, picows, end, Py_ssize_t payload_bytes_max):
        self._picows = picows
        self._client = end if isinstance(end, ClientEnd) else None
        self._provider = None if self._client is not None else end
        self._payload_bytes_max = payload_bytes_max
        cdef Py_buffer room
        PyObject_GetBuffer(picows.get_buffer(-1), &room, PyBUF_WRITABLE)
        self._picows_data, self._picows_room = room.buf, room.len
        PyBuffer_Release(&room)
        if picows.listener is not None:  # a client's handshake is over; a provider's begins
            _forget_handshake(picows.transport)

    def __dealloc__(self):
        PyMem_Free(self._rest)

    cpdef is_buffered_protocol(self):
        return True

    cdef NoResult get_buffer_c(self, Py_ssize_t hint, char** start, Py_ssize_t* size) except NoResult.EXC:
        self._put_rest_first()
        start[0] = _read + self._rest_bytes
        size[0] = READ_BYTES - self._rest_bytes
        return NoResult.OK

    cpdef get_buffer(self, Py_ssize_t hint):
        self._put_rest_first()
        return PyMemoryView_FromMemory(_read + self._rest_bytes, READ_BYTES - self._rest_bytes, PyBUF_WRITE)

    cdef void _put_rest_first(self) noexcept:
        if self._rest_bytes:
            memcpy(_read, self._rest, self._rest_bytes)

    cpdef buffer_updated(self, Py_ssize_t size):
        cdef char* at = _read
        cdef char* end = at + self._rest_bytes + size
        cdef Py_ssize_t whole
        cdef bint more
        self._rest_bytes = 0
        if not self._at_boundary:
            # The handshake is picows', and half a frame may have come with it.
            self._at_boundary = self._picows.listener is not None and self._picows_is_empty()
            if not self._at_boundary:
                self._hand_over(at, end - at)
                return
            _forget_handshake(self._picows.transport)
        try:
            if self._passing_by:
                whole = min(self._passing_by, end - at)
                self._passing_by -= whole
                self._hand_over(at, whole)
                at += whole
            whole = _frame_bytes(at, end)
            while 0 < whole <= end - at:
                more = 0 < _frame_bytes(at + whole, end) <= end - at - whole
                if not self._passes(at, whole, more):
                    self._refuse(at, whole, more)
                at += whole
                whole = _frame_bytes(at, end)
            if whole > READ_BYTES or (whole and not self._may_pass(at, whole)):
                # Its end is not awaited: picows may have something to say to its beginning.
                self._passing_by = whole - (end - at)
                self._refuse(at, end - at, False)
                at = end
        except BaseException:
            if self._provider is not None:
                self._provider._together_bytes = 0
            raise
        if at != end:
            self._keep_rest(at, end - at)
        elif self._rest != NULL:
            PyMem_Free(self._rest)
            self._rest = NULL

    cdef _keep_rest(self, const char* data, Py_ssize_t size):
        cdef void* rest = PyMem_Realloc(self._rest, size)
        if rest == NULL:
            raise MemoryError()
        self._rest = <char*>rest
        memcpy(self._rest, data, size)
        self._rest_bytes = size

    cdef bint _passes(self, char* frame, Py_ssize_t size, bint more) except -1:
        if not self._may_pass(frame, size):
            return False
        if self._client is not None:
            return self._client._take(frame, _head_bytes(frame), size)
        return self._provider._take(frame, _head_bytes(frame), size, not more)

    cdef bint _may_pass(self, const char* frame, Py_ssize_t size) noexcept:
        """As far as its head tells: text or binary, not a piece, no RSV bits, masked by a client and only then."""
        cdef Py_ssize_t head = _head_bytes(frame)
        return (
            (frame[0] == <char>0x81 or frame[0] == <char>0x82)
            and (frame[1] & <char>0x80 != 0) == (self._client is not None)
            and head != 0
            and size - head <= self._payload_bytes_max
        )

    cdef _refuse(self, char* frame, Py_ssize_t size, bint more):
        if self._provider is not None:
            if self._provider._together_bytes:
                self._provider._let_go_first(self._provider.call)
            self._provider._more = more
        self._hand_over(frame, size)
        if self._provider is not None:
            self._provider._more = False

    cdef bint _picows_is_empty(self) except -1:
        """It offers what is free of its buffer: all of it, if it is where and as long as it was in the beginning.
        Once it has grown it is not known again, and all goes through picows."""
        cdef Py_buffer room
        PyObject_GetBuffer(self._picows.get_buffer(-1), &room, PyBUF_WRITABLE)
        cdef bint empty = room.buf == self._picows_data and room.len == self._picows_room
        PyBuffer_Release(&room)
        return empty

    cdef _hand_over(self, const char* data, Py_ssize_t size):
        cdef Py_buffer room
        cdef Py_ssize_t some
        while size:
            view = self._picows.get_buffer(-1)
            PyObject_GetBuffer(view, &room, PyBUF_WRITABLE)
            some = min(size, room.len)
            memcpy(room.buf, data, some)
            PyBuffer_Release(&room)
            self._picows.buffer_updated(some)
            data += some
            size -= some

    # -- The rest of a protocol is picows' ---------------------------------------------------------------

    def connection_made(self, transport):
        self._picows.connection_made(transport)

    def eof_received(self):
        return self._picows.eof_received()

    def connection_lost(self, error):
        self._picows.connection_lost(error)

    def pause_writing(self):
        self._picows.pause_writing()

    def resume_writing(self):
        self._picows.resume_writing()


cdef _forget_handshake(WSTransport transport):
    """picows keeps what was asked and answered, some 3 KiB a call, and looks at it no more."""
    transport.request = transport.response = None


cdef Py_ssize_t _frame_bytes(const char* frame, const char* end) noexcept:
    """How long the frame is that begins here; 0: not enough of it is there to tell. A length that nobody can
    mean is told as one that is too large to be looked at, and picows answers it."""
    cdef Py_ssize_t there = end - frame
    cdef Py_ssize_t head = 2
    cdef uint64_t size
    cdef int i
    if there < 2:
        return 0
    size = <uint8_t>frame[1] & 0x7F
    if size == 126:
        head = 4
    elif size == 127:
        head = 10
    if there < head:
        return 0
    if head > 2:
        size = 0
        for i in range(2, head):
            size = size << 8 | <uint8_t>frame[i]
    if <uint8_t>frame[1] & 0x80:
        head += 4
    return head + <Py_ssize_t>size if size < 1 << 40 else 1 << 40


cdef Py_ssize_t _head_bytes(const char* frame) noexcept:
    """Up to the payload, or 0 if the length is not spelt in the shortest way, which is picows' to refuse."""
    cdef int spelt = <uint8_t>frame[1] & 0x7F
    cdef Py_ssize_t mask = 4 if <uint8_t>frame[1] & 0x80 else 0
    if spelt < 126:
        return 2 + mask
    if spelt == 126:
        return 4 + mask if (<uint8_t>frame[2] << 8 | <uint8_t>frame[3]) >= 126 else 0
    return 0  # 64 KiB and more do not fit into a read


cdef void _mask(char* payload, Py_ssize_t size, const char* key) noexcept:
    """RFC 6455 5.3, eight bytes at a time; written so that a compiler sees that it may take more."""
    cdef uint64_t twice, word
    cdef Py_ssize_t number
    cdef Py_ssize_t words = size // 8
    cdef Py_ssize_t at = words * 8
    memcpy(&twice, key, 4)
    memcpy(<char*>&twice + 4, key, 4)
    for number in range(words):
        memcpy(&word, payload + number * 8, 8)
        word ^= twice
        memcpy(payload + number * 8, &word, 8)
    while at < size:
        payload[at] ^= key[at & 3]
        at += 1


def reader(picows, end, payload_bytes_max):
    """Who is to read for `picows`, which has nothing in its buffer yet; `end` hears what it reads."""
    return Reader(picows, end, payload_bytes_max) if isinstance(end, (ClientEnd, ProviderEnd)) else picows
