#!/usr/bin/env python3
"""How many instructions and allocations a message costs the server, counted by callgrind: a count does not depend on
the mood of the machine, so a change that makes the data path dearer is seen in any run.

    bench/instructions.py [--build FOLDER] [--compare FOLDER] [--check | --write] [--workers N] [SCENARIO ...]

A scenario runs twice with different numbers of units; the difference of the two counts, for each unit, is its
figures. --check: more instructions than 3 % above those of bench/instructions.json are a failure, and so are more
allocations. --write: writes that file. --compare: another build folder's figures beside these. --workers: of the server; the file has the figures
of one.
"""
import argparse
import base64
import contextlib
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass

import peers

FIGURES = peers.HERE / "instructions.json"
GROWTH_MAX = 0.03
ALLOCATIONS_MORE_MAX = 0.1  # For each unit: memory that grows with what was never needed before is no cost of a unit.
ALLOCATORS = {"malloc", "calloc", "realloc", "aligned_alloc", "posix_memalign", "memalign"}
START_SECONDS_MAX, STOP_SECONDS_MAX = 60, 60
SILENCE_SECONDS_MAX = 60
PAYLOAD = bytes(range(64))
SUBSCRIBERS = 50


@dataclass(frozen=True)
class Cost:
    """Of one unit of a scenario, or of a whole run."""
    instructions: float
    allocations: float

    def of_each(self, fewer: "Cost", units: int) -> "Cost":
        """What each of the units costs that this run has more than `fewer`."""
        return Cost((self.instructions - fewer.instructions) / units,
                    max(self.allocations - fewer.allocations, 0) / units)


class Failed(Exception):
    """A scenario could not be measured. The text says why."""


class Client:
    """A blocking connection that knows enough of HTTP and WebSocket to speak to a server that is right."""

    def __init__(self, port: int):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=SILENCE_SECONDS_MAX)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.bytes = b""

    def close(self) -> None:
        self.socket.close()

    def more(self) -> None:
        received = self.socket.recv(65536)
        if not received:
            raise Failed("the server has closed the connection")
        self.bytes += received

    def take(self, count: int) -> bytes:
        while len(self.bytes) < count:
            self.more()
        taken, self.bytes = self.bytes[:count], self.bytes[count:]
        return taken

    def request(self, head: str, body: bytes = b"") -> bytes:
        """Sends a request and returns the body of its answer."""
        length = f"Content-Length: {len(body)}\r\nContent-Type: text/plain\r\n" if body else ""
        self.socket.sendall(f"{head} HTTP/1.1\r\nHost: localhost\r\n{length}\r\n".encode() + body)
        return self.answer("200")

    def answer(self, status: str) -> bytes:
        while b"\r\n\r\n" not in self.bytes:
            self.more()
        head = self.take(self.bytes.index(b"\r\n\r\n") + 4).decode("latin-1")
        if head.split(" ", 2)[1] != status:
            raise Failed(f"answered {head.splitlines()[0]!r} in place of {status}")
        length = re.search(r"^content-length: *(\d+)", head, re.IGNORECASE | re.MULTILINE)
        return self.take(int(length[1])) if length else b""

    def upgrade(self, path: str) -> None:
        key = base64.b64encode(bytes(16)).decode()
        self.socket.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n".encode())
        self.answer("101")

    def message(self) -> bytes:
        """The payload of the next frame, which a server does not mask."""
        size = self.take(2)[1]
        if size == 126:
            size = int.from_bytes(self.take(2), "big")
        return self.take(size)


def frame(payload: bytes, opcode: int = 1) -> bytes:
    """A frame of a client. The mask of zeros is one that a server must apply like any other."""
    size = bytes([0x80 | len(payload)]) if len(payload) < 126 else b"\xfe" + len(payload).to_bytes(2, "big")
    return bytes([0x80 | opcode]) + size + b"\0\0\0\0" + payload


def echo(port: int, units: int, in_flight: int = 1) -> None:
    with contextlib.closing(Client(port)) as client:
        client.upgrade("/")
        batch = frame(PAYLOAD, 2) * in_flight
        for _ in range(units // in_flight):
            client.socket.sendall(batch)
            for _ in range(in_flight):
                if client.message() != PAYLOAD:
                    raise Failed("the echo differs")


def echo16(port: int, units: int) -> None:
    echo(port, units, 16)


def fan_out(port: int, units: int, subscribe: str = "/subscribe", publish: str = "/publish") -> None:
    with contextlib.ExitStack() as open_clients:
        def connected(path: str) -> Client:
            client = open_clients.enter_context(contextlib.closing(Client(port)))
            client.upgrade(path)
            return client
        hearers, publisher = [connected(subscribe) for _ in range(SUBSCRIBERS)], connected(publish)
        for _ in range(units):
            publisher.socket.sendall(frame(PAYLOAD, 2))
            if any(hearer.message() != PAYLOAD for hearer in hearers):
                raise Failed("a publication differs")


def handshake(port: int, units: int) -> None:
    for _ in range(units):
        with contextlib.closing(Client(port)) as client:
            client.upgrade("/")
            client.socket.sendall(frame(b"\x03\xe8", 8))
            client.message()


def socketio_open(port: int, units: int) -> None:
    """A client of Socket.IO comes over WebSocket, joins the main namespace, and goes."""
    for _ in range(units):
        with contextlib.closing(Client(port)) as client:
            client.upgrade("/socket.io/?EIO=4&transport=websocket")
            client.message()
            client.socket.sendall(frame(b"40"))
            client.message()
            client.socket.sendall(frame(b"\x03\xe8", 8))
            client.message()


def polling_open(port: int, units: int) -> None:
    """The same over polling, with a packet `close` at the end."""
    for _ in range(units):
        with contextlib.closing(Client(port)) as client:
            path = "/socket.io/?EIO=4&transport=polling"
            path += f"&sid={json.loads(client.request(f'GET {path}')[1:])['sid']}"
            client.request(f"POST {path}", b"40")
            client.request(f"GET {path}")
            client.request(f"POST {path}", b"1")


def socketio_ack(port: int, units: int) -> None:
    with contextlib.closing(Client(port)) as client:
        client.upgrade("/socket.io/?EIO=4&transport=websocket")
        client.message()
        client.socket.sendall(frame(b"40"))
        client.message()
        for number in range(units):
            client.socket.sendall(frame(f'42{number}["echo","{"x" * 48}"]'.encode()))
            while not (got := client.message()).startswith(b"43"):
                if got == b"2":
                    client.socket.sendall(frame(b"3"))  # The pong to a ping.


def polling_ack(port: int, units: int) -> None:
    with contextlib.closing(Client(port)) as client:
        path = "/socket.io/?EIO=4&transport=polling"
        opened = json.loads(client.request(f"GET {path}")[1:])
        path += f"&sid={opened['sid']}"
        client.request(f"POST {path}", b"40")
        client.request(f"GET {path}")
        for number in range(units):
            client.request(f"POST {path}", f'42{number}["echo","{"x" * 48}"]'.encode())
            while b"43" not in (got := client.request(f"GET {path}")):
                if got == b"2":
                    client.request(f"POST {path}", b"3")


# Name: the program of the build folder, what its clients do, and the units of the two runs.
SCENARIOS = {
    "echo of 64 bytes": ("bench/starling_echo", echo, 200, 3200),
    "echo, 16 in flight": ("bench/starling_echo", echo16, 320, 16320),
    f"fan-out to {SUBSCRIBERS}": ("bench/starling_broadcast", fan_out, 20, 320),
    "Socket.IO ack": ("bench/starling_socketio", socketio_ack, 200, 2200),
    "polling: POST and GET": ("bench/starling_socketio", polling_ack, 100, 1100),
    "handshake and close": ("bench/starling_echo", handshake, 100, 900),
    "Socket.IO client comes and goes": ("bench/starling_socketio", socketio_open, 100, 900),
    "the same over polling": ("bench/starling_socketio", polling_open, 100, 500),
}


@contextlib.contextmanager
def counted(program: pathlib.Path, folder: str, result: list[Cost], workers: int):
    """Runs a server under callgrind, yields its port, and appends its cost to `result` when it has ended."""
    port = peers.free_port()
    with counted_command([str(program), str(port), str(workers)], port, folder, result):
        yield port


@contextlib.contextmanager
def counted_command(server_command: list[str], port: int, folder: str, result: list[Cost]):
    """The same for a command that listens on `port`."""
    log = pathlib.Path(folder) / f"{port}.log"
    profile = pathlib.Path(folder) / f"{port}.out"
    command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={profile}", *server_command]
    with open(log, "wb") as stream:
        server = subprocess.Popen(command, stdout=stream, stderr=subprocess.STDOUT)
    try:
        wait_until_listening(port, server, log)
        yield
        server.send_signal(signal.SIGTERM)
        server.wait(STOP_SECONDS_MAX)
    except OSError as failure:
        ended = server.poll()
        said = log.read_text(errors="replace")[-600:]
        raise Failed(f"{failure}; the server {'runs' if ended is None else f'has ended ({ended})'}: {said}") from failure
    finally:
        if server.poll() is None:
            server.kill()
            server.wait()
    count = re.search(r"Collected : (\d+)", log.read_text(errors="replace"))
    if not count:
        raise Failed(f"callgrind has no count: {log.read_text(errors='replace')[-400:]}")
    result.append(Cost(int(count[1]), allocations(profile.read_text(errors="replace"))))


def allocations(profile: str) -> int:
    """Calls of the allocator in a profile of callgrind, which names each function once, and then by its number."""
    numbers: set[str] = set()
    called, calls = "", 0
    for line in profile.splitlines():
        if line.startswith(("fn=(", "cfn=(")):
            called, _, name = line.partition("=")[2].partition(" ")
            if name in ALLOCATORS:
                numbers.add(called)
        elif line.startswith("calls=") and called in numbers:
            calls += int(line[len("calls="):].split()[0])
    return calls


def wait_until_listening(port: int, server: subprocess.Popen, log: pathlib.Path) -> None:
    deadline = time.monotonic() + START_SECONDS_MAX
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise Failed(f"the server has ended at its start: {log.read_text(errors='replace')[-400:]}")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise Failed("the server does not listen")


def cost(build: pathlib.Path, name: str, workers: int = 1) -> Cost:
    """Of one unit of a scenario."""
    program, drive, few, many = SCENARIOS[name]
    counts: list[Cost] = []
    try:
        with tempfile.TemporaryDirectory() as folder:
            for units in (few, many):
                with counted(build / program, folder, counts, workers) as port:
                    drive(port, units)
    except (Failed, OSError) as failure:
        raise Failed(f"{name}: {failure}") from failure
    return counts[1].of_each(counts[0], many - few)


def measure(builds: list[pathlib.Path], names: list[str], workers: int) -> dict[tuple[pathlib.Path, str], Cost]:
    jobs = [(build, name) for name in names for build in builds]
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        return dict(zip(jobs, pool.map(lambda job: cost(*job, workers), jobs)))


def wanted() -> dict[str, Cost]:
    known = json.loads(FIGURES.read_text()) if FIGURES.exists() else {}
    return {name: Cost(**figures) for name, figures in known.items()}


def grown(figures: dict[str, Cost], bounds: dict[str, Cost]) -> list[str]:
    """A line for each figure that is missing or above its bound."""
    lines = []
    for name, figure in figures.items():
        if name not in bounds:
            lines.append(f"{name}: no figure in {FIGURES.name}; --write adds it")
            continue
        bound = bounds[name]
        if figure.instructions > bound.instructions * (1 + GROWTH_MAX):
            lines.append(f"{name}: {figure.instructions:,.0f} instructions, "
                         f"{figure.instructions / bound.instructions - 1:+.1%} of {bound.instructions:,.0f}")
        if figure.allocations > bound.allocations + ALLOCATIONS_MORE_MAX:
            lines.append(f"{name}: {figure.allocations:.1f} allocations in place of {bound.allocations:.1f}")
    return lines


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("scenario", nargs="*", help=", ".join(SCENARIOS))
    parser.add_argument("--build", type=pathlib.Path, default=peers.HERE.parent / "build/release")
    parser.add_argument("--compare", type=pathlib.Path, help="another build folder")
    either = parser.add_mutually_exclusive_group()
    either.add_argument("--check", action="store_true", help=f"fails where a figure is {GROWTH_MAX:.0%} above the file's")
    either.add_argument("--write", action="store_true", help=f"writes {FIGURES.name}")
    parser.add_argument("--workers", type=int, default=1, help="of the server, without --check and --write")
    options = parser.parse_args()
    if options.workers != 1 and (options.check or options.write):
        parser.error(f"{FIGURES.name} has the figures of one worker")
    names = options.scenario or list(SCENARIOS)
    if unknown := set(names) - set(SCENARIOS):
        parser.error(f"no scenario {', '.join(sorted(unknown))}; there are: {', '.join(SCENARIOS)}")
    try:
        got = measure([options.build, *([options.compare] if options.compare else [])], names, options.workers)
    except Failed as failure:
        print(f"instructions: {failure}", file=sys.stderr)
        return 1
    figures = {name: got[options.build, name] for name in names}
    known = wanted()
    failures = grown(figures, known) if options.check else []
    for name, figure in figures.items():
        other = got.get((options.compare, name), known.get(name))
        beside = (f", {figure.instructions / other.instructions - 1:+.1%} of {other.instructions:,.0f} and "
                  f"{other.allocations:.1f}") if other else ""
        good = not any(line.startswith(f"{name}:") for line in failures)
        print(f"{'ok' if good else 'FAILED'}: {name}: {figure.instructions:,.0f} instructions, "
              f"{figure.allocations:.1f} allocations{beside}", flush=True)
    for line in failures:
        print(f"too many: {line}", file=sys.stderr)
    if options.write:
        rounded = {name: Cost(round(f.instructions), round(f.allocations, 1)) for name, f in figures.items()}
        FIGURES.write_text(json.dumps({n: asdict(f) for n, f in {**known, **rounded}.items()}, indent=2) + "\n")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
