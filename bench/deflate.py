#!/usr/bin/env python3
"""What permessage-deflate costs: zlib beside libdeflate, and starling beside npm's ws and nchan.

    bench/deflate.py [--build FOLDER] [--rounds N] [--seconds S] [--json FILE] [PART ...]

libraries: CPU time, instructions (callgrind), size and heap, for one message (bench/deflate_libraries.cpp).
echo: CPU time of the server for each message that it inflates, compresses and sends back, 20 connections.
memory: private memory of a server for each connection, after 16 messages of 4 KiB on each.
fanout: CPU time of a delivery, 1 publisher, 200 subscribers, 25 messages/s of 4 KiB, no context takeover.
All messages but those of the fan-out are JSON whose values differ (bench/json_messages.h).
"""
import argparse
import json
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys

import loads
import peers
from tables import table

SIZES = [256, 4096, 65536]
COMPRESSIONS = {"off": "not compressed", "single": "no takeover", "takeover": "takeover", "takeover12": "takeover, 12 window bits"}
ECHO_CONNECTIONS, MEMORY_CONNECTIONS = 20, 300
FANOUT = ["--connections", 200, "--rate", 25]  # Node keeps this rate.
FANOUT_BYTES = 4096
CLIENT_SECONDS_MAX = 60
# Method of bench/deflate_libraries.cpp: what the table calls it.
COMPRESSORS = {
    "zlib": "zlib, level 6, as starling",
    "zlib-12": "zlib, level 6, 12 window bits",
    "zlib-new": "zlib, level 6, new stream",
    "zlib-1": "zlib, level 1",
    "libdeflate": "libdeflate, level 6",
    "libdeflate-mended": "libdeflate, level 6, BFINAL cleared",
    "libdeflate-1": "libdeflate, level 1",
    "zlib-takeover": "zlib, level 6, takeover, as starling",
    "zlib-takeover-12": "the same, 12 window bits",
}
DECOMPRESSORS = {
    "inflate-zlib": "zlib, as starling",
    "inflate-libdeflate": "libdeflate",
    "inflate-zlib-takeover": "zlib, takeover, as starling",
}
COUNTED = {256: 512, 4096: 64, 65536: 8}  # Messages of a run under callgrind; the other run has twice as many.


def medians(runs):
    return {field: statistics.median(run[field] for run in runs) for field in runs[0]}


class Deflate:
    def __init__(self, options):
        self.options = options
        self.build = options.build
        cores = sorted(os.sched_getaffinity(0))
        self.client_cores, self.server_cores = peers.client_cores(), set(cores[1:2] or cores)
        self.results = {}

    def rounds(self, name, keys, measure):
        """{key: {field: median}}; each round measures each key once, so that all see the same machine."""
        runs = {key: [] for key in keys}
        for _ in range(self.options.rounds):
            for key, several in runs.items():
                several.append(measure(*key))
        found = {key: medians(several) for key, several in runs.items()}
        self.results[name] = {" ".join(map(str, key)): value for key, value in found.items()}
        return found

    # ---- libraries ------------------------------------------------------------------------------

    def method(self, method, size):
        words = [str(peers.program(self.build, "deflate_libraries")), method, str(size), "0"]
        done = subprocess.run(words, capture_output=True, text=True, check=True, timeout=CLIENT_SECONDS_MAX)
        return json.loads(done.stdout)

    def instructions(self, method, size):
        def run(count):
            words = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]
            words += [str(peers.program(self.build, "deflate_libraries")), method, str(size), str(count)]
            done = subprocess.run(words, capture_output=True, text=True, check=True)
            return int(re.search(r"Collected : (\d+)", done.stderr)[1])
        if not shutil.which("valgrind"):
            return None
        return (run(2 * COUNTED[size]) - run(COUNTED[size])) / COUNTED[size]

    def libraries(self):
        """Two tables; `size` is that of the payload, compared with the message."""
        keys = [(method, size) for method in [*COMPRESSORS, *DECOMPRESSORS] for size in SIZES]
        found = self.rounds("libraries", keys, self.method)
        for key in keys:
            found[key]["instructions"] = self.instructions(*key)
            self.results["libraries"][" ".join(map(str, key))]["instructions"] = found[key]["instructions"]
        for title, methods in (("Compressing a message", COMPRESSORS), ("Inflating a message", DECOMPRESSORS)):
            columns = [title]
            for size in SIZES:
                columns += [f"{size:,} B: µs", "instructions", "size"]
            rows = []
            for method, words in methods.items():
                cells = [words]
                for size in SIZES:
                    one = found[method, size]
                    count = one["instructions"]
                    cells += [one["us"], None if count is None else int(count), f"{one['ratio']:.1%}"]
                rows.append([*cells, int(found[method, SIZES[0]]["heap_bytes"])])
            if methods is DECOMPRESSORS:  # That heap is their compressor's, too.
                rows = [row[:-1] for row in rows]
            else:
                columns.append("heap bytes")
            table(title, columns, rows)

    # ---- servers --------------------------------------------------------------------------------

    def peer(self, name, compression, use="echo"):
        if name == "starling":
            which = "starling_broadcast" if use == "fanout" else "starling_echo"
            return peers.Peer(name, lambda _, port: [peers.program(self.build, which), port, 1, compression])
        return peers.node_ws(compression)

    def client(self, port, pid, size, compression, connections, seconds):
        """What the client saw, and what the server used while it was measured and before."""
        words = [str(peers.program(self.build, "deflate_client")), str(port), str(size), compression]
        before = private_bytes(pid)
        with subprocess.Popen([*words, str(connections), str(seconds)], stdout=subprocess.PIPE, text=True,
                              preexec_fn=lambda: os.sched_setaffinity(0, self.client_cores)) as process:
            if process.stdout.readline() != "begin\n":
                raise peers.Missing("the client failed")
            cpu, memory = cpu_ns(pid), private_bytes(pid) - before
            end = process.stdout.readline()
            cpu = cpu_ns(pid) - cpu
        return {"us": cpu / 1000 / int(end.split()[1]), "bytes": memory / connections}

    def echo_once(self, name, size, compression):
        with self.peer(name, compression).serve("echo", self.server_cores) as (port, pid):
            return self.client(port, pid, size, compression, ECHO_CONNECTIONS, self.options.seconds)

    def echo(self):
        keys = [(name, size, way) for size in SIZES for way in COMPRESSIONS for name in ("starling", "Node ws")]
        found = self.rounds("echo", keys, self.echo_once)
        rows = []
        for size in SIZES:
            for way, words in COMPRESSIONS.items():
                ours, theirs = (found[name, size, way]["us"] for name in ("starling", "Node ws"))
                rows.append([f"{size:,} B, {words}", ours, theirs, f"{ours / theirs:.2f}"])
        table("Echo of JSON, CPU µs/message", ["message", "starling", "Node ws", "starling / Node ws"], rows)

    def memory_once(self, name, compression):
        with self.peer(name, compression).serve("echo", self.server_cores) as (port, pid):
            return self.client(port, pid, 4096, compression, MEMORY_CONNECTIONS, 0.1)

    def memory(self):
        keys = [(name, way) for way in COMPRESSIONS for name in ("starling", "Node ws")]
        found = self.rounds("memory", keys, self.memory_once)
        rows = [[words, *(found[name, way]["bytes"] / 1024 for name in ("starling", "Node ws"))]
                for way, words in COMPRESSIONS.items()]
        table("Private memory per connection, KiB", ["", "starling", "Node ws"], rows)

    def fanout_once(self, name):
        peer = peers.Nchan(compressed=True) if name == "nginx + nchan" else self.peer(name, "single", "fanout")
        with peer.serve("fanout", self.server_cores) as (port, pid):
            words = loads.command(self.build, "fanout", port, pid, [
                "--path", "/subscribe", "--publish-path", "/publish", "--seconds", self.options.seconds, *FANOUT])
            record = '{"sensor":"roof","unit":"mm","values":[%s],"text":"{payload}"}'
            values = ",".join(str(i * 7919 % 10007) for i in range((FANOUT_BYTES - 120) // 5))
            words[-1:-1] = ["--compress", "--message", record % values]
            done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
                                  timeout=CLIENT_SECONDS_MAX,
                                  preexec_fn=lambda: os.sched_setaffinity(0, self.client_cores))
            result = loads.fields("fanout", done)
            opened = json.loads(done.stdout.splitlines()[-1])["connections"]
            if opened["compressed"] != opened["opened"]:
                raise peers.Missing(f"{name} does not compress")
            return {field: result[field] for field in ("server_us", "per_second", "missing")}

    def fanout(self):
        keys = [("starling",), ("nginx + nchan",), ("Node ws",)]
        found = self.rounds("fanout", keys, self.fanout_once)
        rows = [[name, one["server_us"], one["per_second"], int(one["missing"])] for (name,), one in found.items()]
        table("Fan-out of 4 KiB, compressed", ["server", "CPU µs/delivery", "deliveries/s", "late by > 3 s or lost"], rows)


def cpu_ns(pid):
    """Of all threads; ws compresses on those of libuv."""
    return sum(int(path.read_text().split()[0]) for path in pathlib.Path(f"/proc/{pid}/task").glob("*/schedstat"))


def private_bytes(pid):
    text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
    return 1024 * int(re.search(r"Private_Dirty: *(\d+)", text)[1])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parts = ["libraries", "echo", "memory", "fanout"]
    parser.add_argument("part", nargs="*", default=parts, help=" ".join(parts))
    parser.add_argument("--build", default=str(peers.HERE.parent / "build/release"))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2.0, help="measured in each round")
    parser.add_argument("--json", metavar="FILE", help="also write the medians to FILE")
    options = parser.parse_args()
    bench = Deflate(options)
    for part in options.part:
        if part not in parts:
            sys.exit(f"unknown: {part}")
        try:
            getattr(bench, part)()
        except peers.Missing as reason:
            print(f"{part}: {reason}", file=sys.stderr)
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(bench.results, indent=1) + "\n")


if __name__ == "__main__":
    main()
