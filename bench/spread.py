#!/usr/bin/env python3
"""bench/spread.py: how evenly connections are spread over the workers of a server, and what that costs a handshake.

    bench/spread.py [--build BUILD]...

It opens 64 connections to bench/starling_echo with 2, 4 and 8 workers, twenty times, and counts the sockets in the epoll
set of each worker. "Fullest" is the most that a worker has, divided by the mean: 1.00 is even, and 2.00 says that a
worker has twice its share. With several builds they take turns.

The cost is CPU per handshake of the whole server (starling bench --scenario connect), 50 at once, which are short
connections: none of them stays, so placing them gains nothing.
"""

import argparse
import contextlib
import os
import pathlib
import socket
import statistics
import subprocess
import sys
import time

import loads
import peers
import tables

CONNECTIONS = 64
WORKERS = (2, 4, 8)
SETTLE_SECONDS_MAX = 10


def epoll_sets(pid):
    """{descriptor of an epoll set: the number of descriptors in it}"""
    found = {}
    for link in pathlib.Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            if os.readlink(link) == "anon_inode:[eventpoll]":
                lines = pathlib.Path(f"/proc/{pid}/fdinfo/{link.name}").read_text().splitlines()
                found[link.name] = sum(line.startswith("tfd:") for line in lines)
    return found


def quiet_sets(pid):
    """The epoll sets when nothing has changed for a moment: all workers run, and earlier connections are gone."""
    last = None
    while (now := epoll_sets(pid)) != last:
        last = now
        time.sleep(0.2)
    return now


def counts(port, pid):
    """Connections of each worker, when all have been accepted."""
    before = quiet_sets(pid)
    clients = [socket.create_connection(("127.0.0.1", port)) for _ in range(CONNECTIONS)]
    deadline = time.monotonic() + SETTLE_SECONDS_MAX
    while True:
        now = epoll_sets(pid)
        each = [now[name] - before.get(name, 0) for name in now]
        if sum(each) == CONNECTIONS or time.monotonic() > deadline:
            break
        time.sleep(0.01)
    for client in clients:
        client.close()
    if sum(each) != CONNECTIONS:
        raise peers.Missing(f"{sum(each)} of {CONNECTIONS} connections are in an epoll set")
    return each


def handshake_us(build, workers, seconds):
    with peers.starling(build, workers).serve("echo", os.sched_getaffinity(0)) as (port, pid):
        words = loads.command(build, "handshake", port, pid, ["--connections", 50, "--seconds", seconds])
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        return loads.fields("handshake", done)["server_us"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, action="append", default=[])
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=1.0, help="of a round of handshakes; 0: none")
    options = parser.parse_args()
    builds = options.build or [peers.HERE.parent / "build/release"]
    rows = []
    for workers in WORKERS:
        fullest = {build: [] for build in builds}
        for build in builds:
            with peers.starling(build, workers).serve("echo", os.sched_getaffinity(0)) as (port, pid):
                for _ in range(options.rounds):
                    each = counts(port, pid)
                    fullest[build].append(max(each) * workers / CONNECTIONS)
        cost = {build: [] for build in builds}
        for _ in range(3 if options.seconds else 0):
            for build in builds:
                cost[build].append(handshake_us(build, workers, options.seconds))
        for build in builds:
            seen = fullest[build]
            spent = statistics.median(cost[build]) if cost[build] else None
            rows.append([f"{workers}, {build}", statistics.median(seen), max(seen), spent])
    columns = ["workers, build", "fullest, median", "fullest, worst", "CPU µs/handshake"]
    tables.table(f"{CONNECTIONS} connections, {options.rounds} times", columns, rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
