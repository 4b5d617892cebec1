#!/usr/bin/env python3
"""How long an echo waits while a large topic gets publications: whether a fan-out holds the loop of the server.

    bench/fairness.py [--build FOLDER] [--compare FOLDER] [--subscribers N] [--rate N] [--each]

One connection sends 200 messages a second to /echo of `starling_broadcast`, whatever the server does, so that a wait
is not hidden; first alone, then while a topic with N subscribers gets publications. The server is on one core, the
echo and the subscribers are on another one. The echo is a real-time process, which root may start: otherwise its wait
for the core that the subscribers use counts as the server's. --compare: another build folder's server by turns.
--each: the server's program sends to each subscriber, without a topic.
"""
import argparse
import contextlib
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

import curve_measures
import peers
import run
import tables

ECHOES_PER_SECOND = 200
OPENING_SECONDS_MAX = 120
PAYLOAD = 64


def command(options, port, path, *more):
    url = f"ws://127.0.0.1:{port}"
    return [str(options.generator), "bench", "--json", *map(str, more), "--size", str(PAYLOAD), url + path]


def on_cores(cores, comes_first):
    def prepare():
        os.sched_setaffinity(0, cores)
        if comes_first:
            with contextlib.suppress(PermissionError):  # main() says so.
                os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
        else:
            os.nice(10)

    return prepare


def may_be_real_time():
    before = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
        os.sched_setscheduler(0, *before)
    except PermissionError:
        return False
    return True


def finished(process):
    """The result of a load that has ended. A delivery that came too late is no failure of the run."""
    out, said = process.communicate(timeout=OPENING_SECONDS_MAX)
    if not out.strip():
        raise peers.Missing(f"a load has ended with {process.returncode}: {said.strip()[-400:]}")
    return json.loads(out.splitlines()[-1])


@contextlib.contextmanager
def load(words, cores, comes_first=False):
    process = subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=on_cores(cores, comes_first)
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


def echo(options, port, cores):
    words = command(options, port, "/echo", "--connections", 1, "--rate", ECHOES_PER_SECOND, "--seconds", options.seconds)
    with load(words, cores, comes_first=True) as process:
        return finished(process)["latency_us"]


def wait_for_subscribers(pid, count, process):
    deadline = time.monotonic() + OPENING_SECONDS_MAX
    while len(os.listdir(f"/proc/{pid}/fd")) < count:
        if process.poll() is not None or time.monotonic() > deadline:
            raise peers.Missing(f"{count:,} subscribers did not connect: {process.stderr.read()[-400:]}")
        time.sleep(0.1)


def peak_mib(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return float("nan")


def measure(options, build, server_cores, client_cores):
    """One run: the echo alone, the echo beside the fan-out, the fan-out."""
    with peers.starling(build).serve("fanout", server_cores) as (port, pid):
        alone = echo(options, port, client_cores)
        path = "/publish-each" if options.each else "/publish"
        publisher = ["--publish-url", f"ws://127.0.0.1:{port}{path}", "--rate", options.rate, "--timeout-s", 30]
        more = ["--scenario", "fanout", "--connections", options.subscribers, "--server-pid", pid]
        more += ["--warmup", 1, "--seconds", options.seconds + 4]
        with load(command(options, port, "/subscribe", *more, *publisher), client_cores) as fan_out:
            wait_for_subscribers(pid, options.subscribers, fan_out)
            time.sleep(1)
            beside = echo(options, port, client_cores)
            done = finished(fan_out)
        return {
            "alone": alone,
            "beside": beside,
            "per_second": done["per_second"],
            "missing": done["missing"],
            "server_us": done["server_cpu"]["us"],
            "delivered_ms": milliseconds(done["latency_us"]["p50"]),
            "peak_mib": peak_mib(pid),
        }


def milliseconds(microseconds):
    return float("nan") if microseconds is None else microseconds / 1000


def middle(rounds, value):
    return statistics.median(value(one) for one in rounds)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    root = peers.HERE.parent / "build/release"
    parser.add_argument("--build", type=pathlib.Path, default=root)
    parser.add_argument("--compare", type=pathlib.Path, help="another build folder")
    parser.add_argument("--generator", type=pathlib.Path, help="the program starling; that of --build if absent")
    parser.add_argument("--subscribers", type=int, default=curve_measures.connections_per_process())
    parser.add_argument("--rate", type=int, default=20, help="publications in a second")
    parser.add_argument("--each", action="store_true", help="no topic: the program sends to each subscriber")
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    options.generator = options.generator or options.build / "starling"
    cores = sorted(os.sched_getaffinity(0))
    builds = [options.build, *([options.compare] if options.compare else [])]
    found = {build: [] for build in builds}
    if not may_be_real_time():
        print("fairness: without root, the echo also waits for its own core", file=sys.stderr)
    try:
        for _ in range(options.rounds):
            for build in builds:
                found[build].append(measure(options, build, {cores[0]}, {cores[-1]}))
    except (peers.Missing, OSError, subprocess.TimeoutExpired) as failure:
        print(f"fairness: {failure}", file=sys.stderr)
        return 1
    rows = []
    for build, rounds in found.items():
        row = [str(build)]
        for which in ("alone", "beside"):
            row += [middle(rounds, lambda one, p=p, w=which: milliseconds(one[w][p])) for p in ("p50", "p99", "max")]
        row += [middle(rounds, lambda one, n=n: one[n]) for n in ("delivered_ms", "per_second", "server_us", "missing", "peak_mib")]
        rows.append(row)
    columns = ["server", "alone p50 ms", "p99 ms", "max ms", "beside p50 ms", "p99 ms", "max ms"]
    columns += ["delivery p50 ms", "deliveries/s", "CPU µs/delivery", "late by > 30 s", "peak MiB"]
    title = f"Echo beside {options.rate} publications a second of {PAYLOAD} bytes to {options.subscribers:,} subscribers"
    tables.table(title, columns, rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
