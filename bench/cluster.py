#!/usr/bin/env python3
"""Socket.IO nodes over Redis: what a broadcast costs when its emitter is on one node and its 500 clients on
another, beside one node alone; how long fetchSockets() takes over 3 nodes of 1,000 sockets each, and with one of
them frozen. starling, and Node's socket.io with the same adapters, and a redis-server of this run's own.

    bench/cluster.py [RATE] [SECONDS] [ROUNDS] [MODE ...]

RATE: broadcasts a second. MODE: native, classic, sharded, streams, or with connection state recovery
native-recovery and streams-recovery, which are measured only if they are named, and then the broadcasts alone. A
server without a mode that is named is left out. It needs the release build and tests/node_modules. The load generator and Redis have the first core, the nodes the other ones.
"""
import contextlib
import json
import math
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import urllib.request

import peers

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.environ.get("STARLING_BUILD", os.path.join(ROOT, "build", "release"))
CLIENTS, NODES, SOCKETS = 500, 3, 1000
MODES = {"starling": ["native", "classic", "sharded", "streams"], "Node": ["classic", "sharded", "streams"]}
FROZEN_SECONDS = 11  # Two questions of 5 s.


def command(kind: str, port: int, cluster: list[str]) -> list[str]:
    if kind == "starling":
        return [str(peers.program(BUILD, "starling_socketio")), str(port), "1", *cluster]
    return ["node", "--expose-gc", str(peers.HERE / "socketio_server.mjs"), str(port), *cluster]


@contextlib.contextmanager
def nodes(kind: str, count: int, cluster: list[str]):
    """Yields [(port, process id)]."""
    cores = os.sched_getaffinity(0) - peers.client_cores() or os.sched_getaffinity(0)
    with contextlib.ExitStack() as stack:
        found = []
        for _ in range(count):
            port = peers.free_port()
            process = stack.enter_context(peers.started(command(kind, port, cluster), port, cores))
            found.append((port, process.pid))
        yield found


def bench(*words) -> list[str]:
    return [os.path.join(BUILD, "starling"), "bench", "--json", *map(str, words)]


def load(*words) -> dict:
    done = subprocess.run(bench(*words), stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          preexec_fn=lambda: os.sched_setaffinity(0, peers.client_cores()))
    if not done.stdout:
        raise peers.Missing(done.stderr.strip())
    return json.loads(done.stdout.splitlines()[-1])


def fan_out(kind: str, cluster: list[str], rate: int, seconds: int) -> dict:
    with nodes(kind, 2 if cluster else 1, cluster) as found:
        pids = ",".join(str(pid) for _, pid in found)
        publisher, hearers = found[0][0], found[-1][0]
        return load("--scenario", "socketio-fanout", "--event", "pub", "--connections", CLIENTS, "--rate", rate,
                    "--seconds", seconds, "--timeout-s", 3, "--server-pid", pids,
                    "--publish-url", f"http://127.0.0.1:{publisher}/", f"http://127.0.0.1:{hearers}/")


def fetch_sockets(kind: str, cluster: list[str], seconds: int) -> tuple[dict, dict]:
    """With all nodes; from the moment on when the last one is frozen."""
    with nodes(kind, NODES, cluster) as found:
        idle = [subprocess.Popen(bench("--scenario", "socketio-idle", "--connections", SOCKETS, "--seconds", 600,
                                       f"http://127.0.0.1:{port}/"), stdout=subprocess.DEVNULL) for port, _ in found]
        port = found[0][0]
        try:
            while sockets(port) < NODES * SOCKETS:
                load("--scenario", "socketio-ack", "--event", "who", "--connections", 1, "--seconds", 1,
                     f"http://127.0.0.1:{port}/")
            asked = load("--scenario", "socketio-ack", "--event", "who", "--connections", 1, "--seconds", seconds,
                         f"http://127.0.0.1:{port}/")
            os.kill(found[-1][1], signal.SIGSTOP)
            return asked, load("--scenario", "socketio-ack", "--event", "who", "--connections", 1, "--warmup", 0,
                               "--seconds", FROZEN_SECONDS, "--timeout-s", 8, f"http://127.0.0.1:{port}/")
        finally:
            os.kill(found[-1][1], signal.SIGCONT)
            for process in idle:
                process.kill()
                process.wait()


def sockets(port: int) -> int:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/sockets") as answer:
        return int(answer.read())


def main() -> None:
    rate, seconds, rounds = (int(word) for word in [*sys.argv[1:4], *["200", "5", "3"][len(sys.argv) - 1:]])
    named = sys.argv[4:]
    broadcasts: dict[tuple[str, str], list[dict]] = {}
    questions: dict[tuple[str, str], list[tuple[dict, dict]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        port = peers.free_port()
        redis = ["redis-server", "--bind", "127.0.0.1", "--port", str(port), "--save", "", "--dir", folder]
        with peers.started(redis, port, peers.client_cores()):
            for _ in range(rounds):
                for kind in ["starling", "Node"]:
                    has = [mode for mode in named if kind == "starling" or not mode.startswith("native")]
                    modes = has if named else MODES[kind]
                    for mode in ["", *modes] if modes else []:
                        cluster = [f"redis://127.0.0.1:{port}", mode] if mode else []
                        broadcasts.setdefault((kind, mode), []).append(fan_out(kind, cluster, rate, seconds))
                        if mode in MODES[kind] and not any(name.endswith("-recovery") for name in named):
                            questions.setdefault((kind, mode), []).append(fetch_sockets(kind, cluster, seconds))
    print(f"{rate} broadcasts/s of 64 bytes to {CLIENTS} clients of another node")
    for (kind, mode), runs in broadcasts.items():
        alone = statistics.median(run["server_cpu"]["us"] for run in broadcasts[kind, ""])
        cost = statistics.median(run["server_cpu"]["us"] for run in runs)
        print(f"{kind} {mode or 'one node'}: {cost:.2f} µs of CPU of the nodes per delivery, {cost / alone:.2f} x one "
              f"node; p50 {middle(runs, 'p50'):.1f} ms, p99 {middle(runs, 'p99'):.1f} ms, "
              f"missing {max(run['missing'] for run in runs)}")
    if questions:
        print(f"fetchSockets() over {NODES} nodes of {SOCKETS} sockets")
    for (kind, mode), runs in questions.items():
        whole, frozen = ([run[i] for run in runs] for i in (0, 1))
        print(f"{kind} {mode}: p50 {middle(whole, 'p50'):.1f} ms, p99 {middle(whole, 'p99'):.1f} ms; with a frozen node "
              f"p50 {middle(frozen, 'p50'):.1f} ms, the slowest {middle(frozen, 'max'):.1f} ms")


def middle(runs: list[dict], quantile: str) -> float:
    """Milliseconds; nan: nothing was answered."""
    found = [run["latency_us"][quantile] for run in runs if run["latency_us"][quantile] is not None]
    return statistics.median(found) / 1000 if found else math.nan


if __name__ == "__main__":
    main()
