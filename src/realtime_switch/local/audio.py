"""Samples: the codings a realtime dialect carries, in pure Python, because the offline provider must run
without extras.

Linear audio is signed 16-bit little-endian mono everywhere here. The tables follow ITU-T G.711; they are
bit-equal to the standard library's former audioop on every input (tests/local/test_audio.py).
"""

import functools
import sys
from array import array
from typing import Literal

import msgspec

Coding = Literal["pcm16", "ulaw", "alaw"]


class Format(msgspec.Struct, frozen=True):
    coding: Coding
    rate_hz: int

    @property
    def bytes_per_sample(self) -> int:
        return 2 if self.coding == "pcm16" else 1

    @property
    def bytes_per_s(self) -> int:
        return self.bytes_per_sample * self.rate_hz

    def ms(self, size_bytes: int) -> int:
        return size_bytes * 1000 // self.bytes_per_s

    def size_bytes(self, ms: int) -> int:
        """Whole samples only, so that audio can be cut there."""
        return ms * self.rate_hz // 1000 * self.bytes_per_sample


class Sound(msgspec.Struct):
    data: bytes
    format: Format
    # Kept apart from the data, which may be forgotten.
    ms: int


def samples(data: bytes | bytearray | memoryview, coding: Coding) -> "array[int]":
    if coding == "pcm16":
        linear = array("h", bytes(data))
        if sys.byteorder == "big":
            linear.byteswap()
        return linear
    table = ulaw_values() if coding == "ulaw" else alaw_values()
    return array("h", map(table.__getitem__, data))


def pcm16(data: bytes | bytearray | memoryview, coding: Coding) -> bytes:
    return bytes(data) if coding == "pcm16" else little_endian(samples(data, coding))


def encoded(pcm: bytes, coding: Coding) -> bytes:
    if coding == "pcm16":
        return pcm
    codes = ulaw_codes() if coding == "ulaw" else alaw_codes()
    # A negative sample indexes from the table's end, which is where its two's complement stands.
    return bytes(map(codes.__getitem__, samples(pcm, "pcm16")))


def little_endian(linear: "array[int]") -> bytes:
    if sys.byteorder == "big":
        linear = array("h", linear)
        linear.byteswap()
    return linear.tobytes()


@functools.cache
def ulaw_values() -> tuple[int, ...]:
    return tuple(_ulaw_value(code) for code in range(256))


@functools.cache
def alaw_values() -> tuple[int, ...]:
    return tuple(_alaw_value(code) for code in range(256))


@functools.cache
def ulaw_codes() -> bytes:
    return bytes(map(_ulaw_code, _every_sample()))


@functools.cache
def alaw_codes() -> bytes:
    return bytes(map(_alaw_code, _every_sample()))


def _every_sample() -> list[int]:
    return [*range(32768), *range(-32768, 0)]


def _ulaw_value(code: int) -> int:
    code = ~code & 0xFF
    magnitude = (((code & 0x0F) << 3) + 0x84) << ((code & 0x70) >> 4)
    return 0x84 - magnitude if code & 0x80 else magnitude - 0x84


def _alaw_value(code: int) -> int:
    code ^= 0x55
    magnitude, segment = (code & 0x0F) << 4, (code & 0x70) >> 4
    magnitude += 8 if segment == 0 else 0x108
    if segment > 1:
        magnitude <<= segment - 1
    return magnitude if code & 0x80 else -magnitude


def _ulaw_code(sample: int) -> int:
    value = sample >> 2  # 14 bits, as G.711 has it
    mask = 0xFF if value >= 0 else 0x7F
    value = min(abs(value), 8159) + 0x21
    segment = max(value.bit_length() - 6, 0)
    if segment > 7:
        return 0x7F ^ mask
    return ((segment << 4) | (value >> (segment + 1)) & 0x0F) ^ mask


def _alaw_code(sample: int) -> int:
    value = sample >> 3  # 13 bits
    mask = 0xD5 if value >= 0 else 0x55
    if value < 0:
        value = -value - 1
    segment = max(value.bit_length() - 5, 0)
    return ((segment << 4) | (value >> max(segment, 1)) & 0x0F) ^ mask
