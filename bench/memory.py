#!/usr/bin/env python3
"""bench/memory.py: what an idle client costs a server: the growth of its anonymous memory (Pss), all included.

    bench/memory.py [--build FOLDER] [--compare FOLDER] [--connections N] [--json FILE] [KIND ...]

Kinds: websocket (idle after one echo), socketio (idle after an ack), events (an idle listener of server events).
Each is measured with clients that come one after the other, and again with clients that come 64 at once, whose
handshakes lie in the server's memory at the same time. 200 clients come and go before, so that what a server needs
once is not counted. Pages of files are left out: their share depends on which other processes have the same files
mapped. --compare: the same of another build folder, in the same run.
"""
import argparse
import contextlib
import itertools
import json
import os
import pathlib
import resource
import subprocess
import sys

import peers
from instructions import Client, Failed, PAYLOAD, frame, wait_until_listening

WARM = 200
AT_ONCE = 64
BYTES_MAX = {"websocket": 180, "socketio": 450, "events": 200}
PROGRAMS = {"websocket": "starling_echo", "socketio": "starling_socketio", "events": "starling_events"}


def upgrade(path):
    return (f"GET {path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n").encode()


def anonymous_bytes(pid):
    """What no file backs: the heap, mapped pages, stacks and what was written of a file's data."""
    return peers.pss(pid, "Pss_Anon")


def head(client):
    while b"\r\n\r\n" not in client.bytes:
        client.more()
    if client.bytes.split(b" ", 2)[1] not in (b"101", b"200"):
        raise Failed(f"the server answers {client.bytes[:40]!r}")
    client.take(client.bytes.index(b"\r\n\r\n") + 4)


# What a client of each kind says, and what it waits for after each: None, the head of an answer; else a message.
TALKS = {
    "websocket": [(upgrade("/"), head), (frame(PAYLOAD, 2), Client.message)],
    "socketio": [
        (upgrade("/socket.io/?EIO=4&transport=websocket"), head),
        (b"", Client.message),
        (frame(b"40"), Client.message),
        (frame(b'421["echo","x"]'), Client.message),
    ],
    "events": [(b"GET /sse/ServerEvent?Ref=bench HTTP/1.1\r\nHost: localhost\r\n\r\n", head)],
}


def come(port, kind, count, at_once):
    """Descriptors of clients that have said all they say."""
    come_descriptors = []
    while len(come_descriptors) < count:
        batch = [Client(port) for _ in range(min(at_once, count - len(come_descriptors)))]
        for words, awaited in TALKS[kind]:
            for client in batch:
                client.socket.sendall(words)
            for client in batch:
                awaited(client)
        come_descriptors += [client.socket.detach() for client in batch]
    return come_descriptors


def leave(descriptors):
    for descriptor in descriptors:
        os.close(descriptor)


@contextlib.contextmanager
def served(build, kind):
    port = peers.free_port()
    process = subprocess.Popen(
        [peers.program(build, PROGRAMS[kind]), str(port), "1"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        wait_until_listening(port, process, pathlib.Path("/dev/null"))
        yield port, process.pid
    finally:
        process.terminate()
        process.wait()


def measure(build, kind, count, at_once):
    """Bytes of Pss for each further client."""
    with served(build, kind) as (port, pid):
        leave(come(port, kind, WARM, at_once))
        before = anonymous_bytes(pid)
        here = come(port, kind, count, at_once)
        try:
            return (anonymous_bytes(pid) - before) / count
        finally:
            leave(here)


def most_descriptors():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return soft if hard == resource.RLIM_INFINITY else hard


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=peers.HERE.parent / "build/release")
    parser.add_argument("--compare", type=pathlib.Path, action="append", default=[])
    parser.add_argument("--connections", type=int, default=15_000)
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("kinds", nargs="*", metavar="KIND", choices=[*TALKS, []], help=", ".join(TALKS))
    options = parser.parse_args()
    if options.connections + WARM + 64 > most_descriptors():
        sys.exit(f"{options.connections} connections need more descriptors than a process may have here")
    kinds, builds = options.kinds or list(TALKS), [options.build, *options.compare]
    found = {}
    print(f"Pss of an idle client, {options.connections:,} clients\n")
    print("| client | at most | one by one | 64 at once | build |\n| --- | ---: | ---: | ---: | --- |")
    for kind, build in itertools.product(kinds, builds):
        try:
            figures = [round(measure(build, kind, options.connections, n), 1) for n in (1, AT_ONCE)]
        except (Failed, peers.Missing, OSError) as reason:
            sys.exit(f"{kind}, {build}: {reason}")
        found.setdefault(kind, {})[str(build)] = figures
        print(f"| {kind} | {BYTES_MAX[kind]} | {figures[0]} | {figures[1]} | {build} |", flush=True)
    if options.json:
        options.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
