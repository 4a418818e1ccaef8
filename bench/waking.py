"""What a write to a socket costs whose reader sleeps, beside one whose reader is awake: TCP over loopback, writer
and reader each on a core of its own, the writer busy in between for as long as is said."""

import argparse
import os
import select
import socket
from statistics import median
from time import perf_counter_ns

from realtime_switch.bench.systems import cores, pinned

SIZES = (500, 7_000)  # a word, and a frame of audio
APART_US = (0, 10, 30, 100, 300, 1_000)


def read_until_closed(address: tuple[str, int], core: int) -> None:
    pinned(core)()
    with socket.create_connection(address) as reader, select.epoll() as poll:
        reader.setblocking(False)
        poll.register(reader, select.EPOLLIN)
        while poll.poll() and reader.recv(65_536):
            pass


def busy(us: int) -> None:
    until_ns = perf_counter_ns() + us * 1_000
    while perf_counter_ns() < until_ns:
        pass


def writes_us(writer: socket.socket, size: int, apart_us: int, writes: int) -> list[float]:
    message, took = bytes(size), []
    for _ in range(writes):
        busy(apart_us)
        begun_ns = perf_counter_ns()
        writer.sendall(message)
        took.append((perf_counter_ns() - begun_ns) / 1_000)
    return sorted(took)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--writes", type=int, default=5_000, help="of each kind (5000)")
    writes = parser.parse_args().writes
    on = cores()
    assert on is not None, "this needs Linux and two cores"
    with socket.create_server(("127.0.0.1", 0)) as door:
        reader = os.fork()
        if not reader:
            read_until_closed(door.getsockname(), on.load)
            os._exit(0)
        pinned(on.system)()
        writer, _ = door.accept()
    with writer:
        writer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        writes_us(writer, SIZES[0], 0, writes)  # both are warm
        print("| bytes | busy before each write, us | a write, p50 us | p90 us |\n|---|---|---|---|")
        for size in SIZES:
            for apart_us in APART_US:
                took = writes_us(writer, size, apart_us, writes)
                print(f"| {size:,} | {apart_us:,} | {median(took):.1f} | {took[len(took) * 9 // 10]:.1f} |")
    os.waitpid(reader, 0)


if __name__ == "__main__":
    main()
