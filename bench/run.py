#!/usr/bin/env python3
"""bench/run.py: measures the servers side by side in one run and prints a table for each claim.

Server and load generator are pinned to different cores. The servers take turns, round by round, so
a machine that becomes slower affects all servers. The tables show medians.
"""

import argparse
import json
import os
import pathlib
import platform
import signal
import statistics
import subprocess
import sys
import time

import clients
import clients_socketio
import gateway
import loads
import peers
import socketio
from tables import BUSY, LATENCY, busy, latency, ratio, table

LOAD_SECONDS_MAX = 60


class Bench:
    def __init__(self, options):
        self.options = options
        self.build = options.build
        cores = sorted(os.sched_getaffinity(0))
        self.client_cores = peers.client_cores()
        self.server_cores = cores[1:] or cores
        self.shared_core = len(cores) == 1
        self.results = {}

    def load(self, mode, port, pid, arguments):
        """Runs the load generator once, and returns its result as a dictionary."""
        done = subprocess.run(
            loads.command(self.build, mode, port, pid, arguments),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LOAD_SECONDS_MAX,
            preexec_fn=lambda: os.sched_setaffinity(0, self.client_cores),
        )
        return loads.fields(mode, done)

    def once(self, peer, mode, arguments, workers):
        cores = set(self.server_cores[:workers])
        if len(cores) < workers:
            cores |= self.client_cores
        with peer.serve(mode, cores) as (port, pid):
            use = "raw" if mode == "echo" and peer.name.startswith("floor") else mode
            return self.load(use, port, pid, arguments)

    def tried(self, peer, *run):
        for _ in range(peer.tries - 1):
            try:
                return self.once(peer, *run)
            except peers.Missing as reason:
                print(f"{peer.name}, once more: {reason}", file=sys.stderr)
        return self.once(peer, *run)

    def compare(self, claim, mode, contenders, arguments, rounds=None):
        """Returns {name: {field: median}} over the rounds, without the servers that cannot run."""
        runs = {}
        missing = {}
        for _ in range(rounds or self.options.rounds):
            for peer, extra, workers in contenders:
                if peer.name in missing:
                    continue
                try:
                    result = self.tried(peer, mode, arguments + extra, workers)
                    runs.setdefault(peer.name, []).append(result)
                except (peers.Missing, subprocess.TimeoutExpired) as reason:
                    missing[peer.name] = str(reason)
                    print(f"{claim}: without {peer.name}: {reason}", file=sys.stderr)
        medians = {
            name: {
                field: statistics.median(run[field] for run in several)
                for field, value in several[0].items()
                if isinstance(value, (int, float))
            }
            for name, several in runs.items()
            if name not in missing
        }
        self.results[claim] = medians
        return medians

    def connections(self, default=15_000):
        return self.options.connections or default

    def timed(self):
        return ["--seconds", self.options.seconds, "--warmup", 0.5]


def echo(bench, claim, title, arguments):
    build = bench.build
    contenders = [peers.floor(build), peers.floor_uring(build), peers.starling(build), peers.starling_uring(build)]
    contenders += [peers.beast(build), peers.node_ws()]
    contenders = [(peer, [], 1) for peer in contenders]
    results = bench.compare(claim, "echo", contenders, bench.timed() + arguments)
    base = results.get("floor (raw epoll)", {}).get("server_us")
    rows = [
        [name, r["server_us"], ratio(r["server_us"], base), r["per_second"], *latency(r), *busy(r)]
        for name, r in results.items()
    ]
    columns = ["server", "CPU µs/message", "× floor", "messages/s", *LATENCY, *BUSY]
    table(title, columns, rows)


def echo_1(bench):
    echo(bench, "echo", "Echo, 64 bytes, 50 connections, 1 in flight", ["--connections", 50])


def echo_16(bench):
    arguments = ["--connections", 50, "--in-flight", 16]
    echo(bench, "echo16", "Echo, 64 bytes, 50 connections, 16 in flight", arguments)


def echo_16k(bench):
    arguments = ["--connections", 50, "--payload", 16384]
    echo(bench, "echo16k", "Echo, 16 KiB, 50 connections, 1 in flight", arguments)


PATHS = ["--path", "/subscribe", "--publish-path", "/publish"]


def fanout(bench):
    build = bench.build
    contenders = [peers.starling(build), peers.starling_uring(build), peers.beast(build), peers.node_ws()]
    contenders = [(peer, [], 1) for peer in [*contenders, peers.Nchan()]]
    arguments = bench.timed() + PATHS + ["--connections", 500, "--rate", 2000]
    results = bench.compare("fanout", "fanout", contenders, arguments)
    rows = [
        [name, r["per_second"], f"{r['per_second'] / r['wanted_per_second']:.1%}", r["server_us"]]
        + [r["missing"], r["p50_us"] / 1000, r["p99_us"] / 1000, *busy(r)]
        for name, r in results.items()
    ]
    columns = ["server", "deliveries/s", "of wanted", "CPU µs/delivery", "late by > 3 s or lost"]
    columns += ["p50 ms", "p99 ms", *BUSY]
    table("Fan-out, 1 publisher at 2,000 messages/s of 64 bytes, 500 subscribers", columns, rows)


def events(bench):
    build = bench.build
    event = ["--path", "/ws/ServerEvent?Ref=bench", "--publish-path", "/publish"]
    contenders = [
        (peers.events_floor(build), PATHS, 1),
        (peers.starling_events(build), event + ["--payload", 48], 1),  # The server adds 16 bytes.
        (peers.Nchan(), PATHS, 1),
    ]
    arguments = bench.timed() + ["--connections", bench.connections(), "--rate", 4]
    results = bench.compare("events", "fanout", contenders, arguments)
    base = results.get("floor (send loop)", {}).get("server_us")
    rows = [
        [name, r["server_us"], ratio(r["server_us"], base), r["missing"], r["bytes_each"]]
        + [r["p50_us"] / 1000, r["p99_us"] / 1000, r["max_us"] / 1000, *busy(r)]
        for name, r in results.items()
    ]
    columns = ["server", "CPU µs/delivery", "× floor", "lost", "bytes/subscriber"]
    columns += ["p50 ms", "p99 ms", "last ms", *BUSY]
    count = bench.connections()
    table(f"Server events: 4 a second of 64 bytes to {count:,} subscribers", columns, rows)


def idle(bench):
    build = bench.build
    count = bench.connections()
    contenders = [
        (peers.starling(build), ["--heap-path", "/heap"], 1),
        (peers.beast(build), [], 1),
        (peers.node_ws(), [], 1),
    ]
    results = bench.compare("idle", "idle", contenders, ["--connections", count], rounds=1)
    rows = [
        [name, r["dirty_bytes"], r.get("heap_bytes"), count / r["seconds"]]
        for name, r in results.items()
    ]
    columns = ["server", "private bytes", "of which heap in use", "connections opened/s"]
    table(f"Memory per idle connection after a message, {count:,} connections", columns, rows)


def handshake(bench):
    build = bench.build
    contenders = [peers.starling(build), peers.starling_uring(build), peers.beast(build), peers.node_ws()]
    contenders = [(peer, [], 1) for peer in contenders]
    arguments = bench.timed() + ["--connections", 50]
    results = bench.compare("handshake", "handshake", contenders, arguments)
    rows = [
        [name, r["server_us"], r["per_second"], *latency(r), *busy(r)]
        for name, r in results.items()
    ]
    columns = ["server", "CPU µs/handshake", "handshakes/s", *LATENCY, *BUSY]
    table("Handshake: connect, upgrade, close; 50 at once", columns, rows)


def thread_switches(pid):
    """How often the kernel has changed from a thread of the process to another thread."""
    found = 0
    for file in pathlib.Path(f"/proc/{pid}/task").glob("*/status"):
        lines = [line.split() for line in file.read_text().splitlines()]
        found += sum(int(words[1]) for words in lines if words[0].endswith("voluntary_ctxt_switches:"))
    return found


def workers(bench):
    """The same load for any number of workers, all of which may use all cores."""
    numbers = (1, 2, 4, 8)
    cores = set(bench.server_cores) | bench.client_cores
    for mode, title, arguments in [
        ("echo", "64 connections, 20,000 echoes a second", ["--connections", 64, "--rate", 20_000]),
        ("fanout", "500 subscribers, 500 publications a second", [*PATHS, "--connections", 500, "--rate", 500]),
    ]:
        runs = {number: [] for number in numbers}
        for _ in range(bench.options.rounds):
            for number in numbers:
                with peers.starling(bench.build, number).serve(mode, cores) as (port, pid):
                    before = thread_switches(pid)
                    result = bench.load(mode, port, pid, bench.timed() + arguments)
                    result["switches"] = (thread_switches(pid) - before) / result["messages"]
                    runs[number].append(result)
        rows = []
        fields = ("server_us", "switches", "p99_us")
        medians = {n: {field: statistics.median(run[field] for run in runs[n]) for field in fields} for n in numbers}
        bench.results[f"workers-{mode}"] = medians
        for number, r in medians.items():
            one = rows[0][1] if rows else r["server_us"]
            rows.append([str(number), r["server_us"], ratio(r["server_us"], one), f"{r['switches']:.3f}", r["p99_us"] / 1000])
        columns = ["workers", "CPU µs/message", "× 1 worker", "changes of thread/message", "p99 ms"]
        table(f"Workers: {title}", columns, rows)
    if len(cores) < max(numbers):
        print(
            "\nThis machine has fewer cores than the server has workers. The kernel's changes between threads are"
            "\npart of the CPU time; bench/instructions.py --workers N counts what starling itself does."
        )


CLAIMS = {
    "echo": echo_1,
    "echo16": echo_16,
    "echo16k": echo_16k,
    "fanout": fanout,
    "events": events,
    "idle": idle,
    "handshake": handshake,
    "workers": workers,
    **socketio.CLAIMS,
    **gateway.CLAIMS,
    **clients.CLAIMS,
    **clients_socketio.CLAIMS,
}
GROUPS = {"all": list(CLAIMS), "socketio": list(socketio.CLAIMS), "gateways": list(gateway.CLAIMS)}
GROUPS["clients"] = list(clients.CLAIMS)


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("name", nargs="*", default=["all"], help=", ".join([*GROUPS, *CLAIMS]))
    parser.add_argument("--build", default=str(peers.HERE.parent / "build/release"))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2.0, help="measured in each round")
    parser.add_argument(
        "--connections", type=int, help="of idle and events (15,000), of socketio-idle (10,000)"
    )
    parser.add_argument("--json", metavar="FILE", help="also write the medians there")
    options = parser.parse_args()
    unknown = [name for name in options.name if name not in GROUPS and name not in CLAIMS]
    if unknown:
        parser.error("unknown: " + ", ".join(unknown))
    return options


def describe_machine(bench):
    model = platform.processor() or platform.machine()
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        for row in file:
            if row.startswith("model name"):
                model = row.partition(":")[2].strip()
                break
    print(f"{model}, {os.cpu_count()} cores, Linux {platform.release()}; ", end="")
    print(f"medians of {bench.options.rounds} rounds of {bench.options.seconds:g} s")
    if bench.shared_core:
        print("One core: server and load generator share it; times are comparable, rates are not.")
    load = os.getloadavg()[0]
    if load > 0.5:
        print(f"Note: other programs are running (load {load:.1f}); expect higher times.")


def main():
    options = parse_arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # Ends the running server on the way
                                                             # out.
    bench = Bench(options)
    describe_machine(bench)
    begun = time.monotonic()
    names = [name for given in options.name for name in GROUPS.get(given, [given])]
    for name in dict.fromkeys(names):  # Each name once.
        CLAIMS[name](bench)
    print(f"\n{time.monotonic() - begun:.0f} s")
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(bench.results, file, indent=2, sort_keys=True)
            file.write("\n")
    return 0 if any(bench.results.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
