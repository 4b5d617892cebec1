#!/usr/bin/env python3
"""What operations of io_uring cost that starling does not use: registered descriptors and zero-copy sends, beside the
plain io_uring floor in the same run.

    bench/uring_operations.py [--build FOLDER] [--rounds N] [--seconds N]

bench/floor_uring.cpp returns whole messages, so that each send has the size of a message. Loopback copies the bytes of
a zero-copy send when they are received; the floor's stderr says so. So what a network card saves is not measured here.
"""
import argparse
import pathlib
import statistics
import sys

import peers
import run
from tables import ratio, table

SIZES = {"64 B": 64, "16 KiB": 16 * 1024, "64 KiB": 64 * 1024, "1 MiB": 1024 * 1024}
CONNECTIONS = 8
WAYS = {"plain": [], "registered descriptors": ["files"], "zero-copy": ["zero-copy"],
        "both": ["files", "zero-copy"]}


def frame_bytes(payload: int) -> int:
    """The load sends each message as a masked frame (RFC 6455 section 5.2)."""
    return payload + (6 if payload < 126 else 8 if payload < 65536 else 14)


def floor(build: pathlib.Path, name: str, words: list[str]) -> peers.Peer:
    return peers.Peer(f"floor, {name}", lambda use, port: [peers.program(build, "floor_uring"), port, *words])


def measure(bench: run.Bench, payload: int) -> dict[str, float]:
    """{way: CPU in µs of a message}: the medians of the rounds. The ways take turns."""
    found: dict[str, list[float]] = {way: [] for way in WAYS}
    arguments = [*bench.timed(), "--connections", CONNECTIONS, "--payload", payload]
    for _ in range(bench.options.rounds):
        for way, words in WAYS.items():
            peer = floor(bench.build, way, [*words, f"whole={frame_bytes(payload)}"])
            found[way].append(bench.once(peer, "echo", arguments, 1)["server_us"])
    return {way: statistics.median(several) for way, several in found.items()}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("--build", type=pathlib.Path, default=peers.HERE.parent / "build/release")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=1)
    bench = run.Bench(parser.parse_args())
    rows = []
    for name, payload in SIZES.items():
        cost = measure(bench, payload)
        rows.append([name, cost["plain"], *[ratio(cost[way], cost["plain"]) for way in list(WAYS)[1:]]])
    table(f"Echo of whole messages on the raw io_uring floor, {CONNECTIONS} connections, 1 in flight",
          ["message", "plain, CPU µs", *[f"{way} / plain" for way in list(WAYS)[1:]]], rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
