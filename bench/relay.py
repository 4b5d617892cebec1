#!/usr/bin/env python3
"""An echo over the node that owns the session and over another one, by polling and by a WebSocket.

    bench/relay.py [BUILD [MESSAGES [ROUNDS [CLUSTER ...]]]]

CLUSTER: `native`, starling's own relay between its nodes; `engine`, two nodes of starling with `node_engine`, which speak the protocol
of @socket.io/cluster-engine; `node`, two Node.js nodes that speak it (tests/interop/cluster_engine_node.mjs: the repository's own
program on npm's engine.io, not npm's @socket.io/cluster-engine). All three without the word.

Starts for each cluster a redis-server and two nodes (bench/starling_socketio of the build folder with one worker each). One client
sends an event in a POST and gets its acknowledgement by a GET, over the owner ("right") and over the other node ("wrong"), and then
the same in frames of a WebSocket. The clusters and their two nodes alternate in each round. The table has the CPU time of the owner,
of the other node and of Redis for each message, and the median of the time from the event to the acknowledgement.
"""

import json
import pathlib
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, closing

from instructions import Client, frame

PATH = "/socket.io/?EIO=4&transport=polling"
REPOSITORY = pathlib.Path(__file__).resolve().parent.parent


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def wait_until_listening(port: int) -> None:
    until = time.monotonic() + 20
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.02)


def cpu_us(pid: int) -> float:
    """Of all its threads, which live as long as the process."""
    threads = pathlib.Path(f"/proc/{pid}/task").iterdir()
    return sum(int((thread / "schedstat").read_text(encoding="ascii").split()[0]) for thread in threads) / 1000


def echo(client: Client, path: str, messages: int) -> list[float]:
    """The milliseconds of each message."""
    times = []
    for number in range(messages):
        begun = time.monotonic()
        client.request(f"POST {path}", f'42{number}["echo","{"x" * 48}"]'.encode())
        while b"43" not in (got := client.request(f"GET {path}")):
            if got == b"2":
                client.request(f"POST {path}", b"3")
        times.append((time.monotonic() - begun) * 1000)
    return times


def echo_in_frames(client: Client, messages: int) -> list[float]:
    times = []
    for number in range(messages):
        begun = time.monotonic()
        client.socket.sendall(frame(f'42{number}["echo","{"x" * 48}"]'.encode()))
        while not (got := client.message()).startswith(b"43"):
            if got == b"2":
                client.socket.sendall(frame(b"3"))
        times.append((time.monotonic() - begun) * 1000)
    return times


def upgrade(client: Client, path: str) -> None:
    client.upgrade(path.replace("transport=polling", "transport=websocket"))
    client.socket.sendall(frame(b"2probe"))
    if client.message() != b"3probe":
        raise RuntimeError("the probe has failed")
    client.socket.sendall(frame(b"5"))


def open_session(owner: int) -> str:
    with closing(Client(owner)) as client:
        path = f"{PATH}&sid={json.loads(client.request(f'GET {PATH}')[1:])['sid']}"
        client.request(f"POST {path}", b"40")
        client.request(f"GET {path}")
        return path


def measure(port: int, path: str, kind: str, messages: int, processes: list) -> tuple[list[float], list[float]]:
    with closing(Client(port)) as client:
        if kind == "WebSocket":
            upgrade(client, path)
        run = (lambda count: echo(client, path, count)) if kind == "polling" else (lambda count: echo_in_frames(client, count))
        run(100)
        before = [cpu_us(process.pid) for process in processes]
        times = run(messages)
        return [cpu_us(process.pid) - old for process, old in zip(processes, before)], times


def command(cluster: str, build: pathlib.Path, port: int, redis: str) -> list[str]:
    if cluster == "node":
        return ["node", str(REPOSITORY / "tests/interop/cluster_engine_node.mjs"), str(port), redis, '{"delay": 0}']
    mode = {"native": "native", "engine": "classic-engine"}[cluster]
    return [str(build / "bench/starling_socketio"), str(port), "1", redis, mode]


def show(medians: dict, clusters: list[str]) -> None:
    print("| cluster, transport, node | CPU µs/message, owner | other node | Redis | all, wrong / right | p50 ms |")
    print("|---|---:|---:|---:|---:|---:|")
    for cluster in clusters:
        for kind in ("polling", "WebSocket"):
            right, wrong = medians[cluster, kind, "right"], medians[cluster, kind, "wrong"]
            for name, (redis, owner, other, p50) in (("right", right), ("wrong", wrong)):
                ratio = f"{sum(wrong[:3]) / sum(right[:3]):.1f}" if name == "wrong" else ""
                print(f"| {cluster}, {kind}, {name} | {owner:.0f} | {other:.0f} | {redis:.0f} | {ratio} | {p50:.2f} |")
    if {"native", "engine"} <= set(clusters):
        native, engine = (sum(medians[cluster, "polling", "wrong"][:3]) for cluster in ("native", "engine"))
        print(f"engine / native, polling, wrong: {engine / native:.2f}")


def main() -> int:
    build = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "build/release")
    messages = int(sys.argv[2]) if len(sys.argv) > 2 else 10000
    rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 3
    clusters = sys.argv[4:] or ["native", "engine", "node"]
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())

        def start(*words: str) -> subprocess.Popen:
            process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=REPOSITORY / "tests")
            stack.callback(process.wait)
            stack.callback(process.kill)
            return process

        started = {}
        for cluster in clusters:
            redis_port, *ports = (free_port() for _ in range(3))
            processes = [start("redis-server", "--port", str(redis_port), "--bind", "127.0.0.1", "--save", "", "--dir", folder)]
            wait_until_listening(redis_port)
            for port in ports:
                processes.append(start(*command(cluster, build.resolve(), port, f"redis://127.0.0.1:{redis_port}")))
                wait_until_listening(port)
            started[cluster] = processes, ports
        time.sleep(2)  # The nodes meet.
        sums = {}
        for kind in ("polling", "WebSocket"):
            for _ in range(rounds):
                for cluster, (processes, ports) in started.items():
                    for node, port in (("right", ports[0]), ("wrong", ports[1])):
                        spent, times = measure(port, open_session(ports[0]), kind, messages, processes)
                        sums.setdefault((cluster, kind, node), []).append(
                            (*(each / messages for each in spent), statistics.median(times)))
        show({name: [statistics.median(column) for column in zip(*rows)] for name, rows in sums.items()}, clusters)
    return 0


if __name__ == "__main__":
    sys.exit(main())
