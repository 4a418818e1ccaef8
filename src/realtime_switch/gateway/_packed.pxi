# A part of _compiled.pyx: a frame of a client's audio, packed as session/packed.py says.
#
# Only where the processor does it in a few hundred instructions. Elsewhere, and of what is spelt in another
# way, the frame itself is kept, as the twin keeps all.

cdef extern from *:
    """
    #if defined(__x86_64__) && defined(__GNUC__)
    #include <immintrin.h>

    static int packs(void) {
        __builtin_cpu_init();
        return __builtin_cpu_supports("avx2");
    }

    /* 24 bytes of each 32 characters; writes four bytes more than that. 0: one is not of the alphabet.

       A character's upper four bits say what is to be added to it for its value, but for '/', which shares
       them with '+' and is looked up one place before. They also name the set it may be of: of 0x2_ 1, of
       0x3_ 2, of 0x4_ and 0x6_ 4, of 0x5_ and 0x7_ 8, of all others 16; and the lower four say of which sets
       no character ends so. */
    __attribute__((target("avx2")))
    static int pack_base64(const char *from, Py_ssize_t blocks, char *to) {
        const __m256i values = _mm256_broadcastsi128_si256(_mm_setr_epi8(
            0, 63 - '/', 62 - '+', 52 - '0', -'A', 15 - 'P', 26 - 'a', 41 - 'p', 0, 0, 0, 0, 0, 0, 0, 0));
        const __m256i sets = _mm256_broadcastsi128_si256(_mm_setr_epi8(
            16, 16, 1, 2, 4, 8, 4, 8, 16, 16, 16, 16, 16, 16, 16, 16));
        const __m256i none = _mm256_broadcastsi128_si256(_mm_setr_epi8(
            16 + 1 + 4, 16 + 1, 16 + 1, 16 + 1, 16 + 1, 16 + 1, 16 + 1, 16 + 1, 16 + 1, 16 + 1,
            16 + 1 + 2, 16 + 2 + 8, 16 + 1 + 2 + 8, 16 + 1 + 2 + 8, 16 + 1 + 2 + 8, 16 + 2 + 8));
        const __m256i in_order = _mm256_broadcastsi128_si256(_mm_setr_epi8(
            2, 1, 0, 6, 5, 4, 10, 9, 8, 14, 13, 12, -1, -1, -1, -1));
        const __m256i four = _mm256_set1_epi8(0x0F);
        __m256i wrong = _mm256_setzero_si256();
        for (; blocks; blocks--, from += 32, to += 24) {
            __m256i text = _mm256_loadu_si256((const __m256i *)from);
            __m256i upper = _mm256_and_si256(_mm256_srli_epi16(text, 4), four);
            __m256i lower = _mm256_and_si256(text, four);
            __m256i slash = _mm256_cmpeq_epi8(text, _mm256_set1_epi8('/'));  /* -1 where it is one */
            wrong = _mm256_or_si256(wrong, _mm256_and_si256(
                _mm256_shuffle_epi8(sets, upper), _mm256_shuffle_epi8(none, lower)));
            text = _mm256_add_epi8(text, _mm256_shuffle_epi8(values, _mm256_add_epi8(upper, slash)));
            /* of four values of six bits each two of twelve, and then one of 24 */
            text = _mm256_maddubs_epi16(text, _mm256_set1_epi32(0x01400140));
            text = _mm256_madd_epi16(text, _mm256_set1_epi32(0x00011000));
            text = _mm256_shuffle_epi8(text, in_order);
            _mm_storeu_si128((__m128i *)to, _mm256_castsi256_si128(text));
            _mm_storeu_si128((__m128i *)(to + 12), _mm256_extracti128_si256(text, 1));
        }
        return _mm256_testz_si256(wrong, wrong);
    }
    #else
    static int packs(void) { return 0; }
    static int pack_base64(const char *from, Py_ssize_t blocks, char *to) { return 0; }
    #endif
    """
    bint packs()
    bint pack_base64(const char* chars, Py_ssize_t blocks, char* to) noexcept

PACKS = packs()  # whether this processor does

DEF BLOCK_CHARS = 32
DEF BLOCK_BYTES = 24
DEF WRITTEN_BEYOND = 4
DEF PACKED_FRAME_BYTES_MAX = 65_536
DEF PACKING_BYTES = 49_156  # three quarters of it and what is written beyond

cdef bint _packs = PACKS
cdef Py_ssize_t _HEAD_BYTES = HEAD_BYTES
cdef Py_ssize_t _NAME_BYTES_MAX = NAME_BYTES_MAX
cdef Py_ssize_t _BLOCKS_MIN = 4
# Written first, because it stays in the processor's caches, and the frame may be none that can be packed.
cdef char _packing[PACKING_BYTES]


cdef class _Around:
    """What stands around the audio in the newest frame, as in nearly all of a call."""

    cdef list _known  # of all shapes that it may have: (number, before, between, after)
    cdef const char* _before
    cdef const char* _between  # a name and the audio; nothing: it has no name
    cdef const char* _after
    cdef Py_ssize_t _before_bytes
    cdef Py_ssize_t _between_bytes
    cdef Py_ssize_t _after_bytes
    cdef char _number
    cdef Py_ssize_t _name_bytes  # of the frame that fitted last

    def __cinit__(self, audio):
        cdef _Table shapes = _table(audio)
        if shapes is not None and shapes._around is None:
            shapes._around = known_around(audio)
        self._known = [] if shapes is None else shapes._around

    cdef bint fits(self, const char* payload, Py_ssize_t size) noexcept:
        return (
            self._before_bytes != 0
            and size >= self._before_bytes + self._between_bytes + self._after_bytes
            and not memcmp(payload, self._before, self._before_bytes)
            and not memcmp(payload + size - self._after_bytes, self._after, self._after_bytes)
            and (self._between_bytes == 0 or self._has_name(payload + self._before_bytes, payload + size))
        )

    cdef bint _has_name(self, const char* name, const char* end) noexcept:
        cdef const char* quote = <const char*>memchr(name, c'"', min(_NAME_BYTES_MAX + 1, end - name))
        self._name_bytes = quote - name
        return (
            quote != NULL
            and end - quote >= self._between_bytes + self._after_bytes
            and not memcmp(quote, self._between, self._between_bytes)
        )

    cdef bint find(self, const char* payload, Py_ssize_t size) except -1:
        for number, before, between, after in self._known:
            self._number = <char><int>number
            self._before, self._before_bytes = PyBytes_AS_STRING(before), PyBytes_GET_SIZE(before)
            self._between, self._between_bytes = PyBytes_AS_STRING(between), PyBytes_GET_SIZE(between)
            self._after, self._after_bytes = PyBytes_AS_STRING(after), PyBytes_GET_SIZE(after)
            self._name_bytes = 0
            if self.fits(payload, size):
                return True
        return False

    cdef bytes packed(self, const char* payload, Py_ssize_t size):
        """None: it is to be kept as it is."""
        cdef Py_ssize_t chars, blocks
        cdef const char* base64
        cdef char* to
        if not _packs or size > PACKED_FRAME_BYTES_MAX or not (self.fits(payload, size) or self.find(payload, size)):
            return None
        base64 = payload + self._before_bytes + self._name_bytes + self._between_bytes
        chars = payload + size - self._after_bytes - base64
        blocks = chars // BLOCK_CHARS
        if blocks and base64[chars - 1] == c'=' and chars % BLOCK_CHARS == 0:
            blocks -= 1
        if blocks < _BLOCKS_MIN or not pack_base64(base64, blocks, _packing):
            return None
        chars -= blocks * BLOCK_CHARS
        packed = PyBytes_FromStringAndSize(NULL, _HEAD_BYTES + self._name_bytes + blocks * BLOCK_BYTES + chars)
        to = PyBytes_AS_STRING(packed)
        to[0], to[1], to[2], to[3] = 0, self._number, <char>chars, <char>self._name_bytes
        to += _HEAD_BYTES
        memcpy(to, payload + self._before_bytes, self._name_bytes)
        to += self._name_bytes
        memcpy(to, _packing, blocks * BLOCK_BYTES)
        memcpy(to + blocks * BLOCK_BYTES, base64 + blocks * BLOCK_CHARS, chars)
        return packed


cdef inline Py_ssize_t _packed_audio_at(const char* kept) noexcept:
    return _HEAD_BYTES + <uint8_t>kept[3]
