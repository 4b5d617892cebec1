#!/usr/bin/env python3
"""What a publication to a channel with a history costs in a cluster, where the history is in Redis, beside one
node, which has it in memory: the time until the publisher has its answer, and events a second.

    bench/history.py [EVENTS] [ROUNDS]

It needs the release build (or STARLING_BUILD) and redis-server, and prints the medians of ROUNDS and their ratio.
"""
import contextlib
import http.client
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

import peers

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.environ.get("STARLING_BUILD", os.path.join(ROOT, "build", "release"))
KEY, BATCH = "a-key-for-publishers", 100


@contextlib.contextmanager
def redis(folder: str):
    path = os.path.join(folder, "redis.sock")
    process = subprocess.Popen(["redis-server", "--port", "0", "--unixsocket", path, "--save", "", "--dir", folder],
                               stdout=subprocess.DEVNULL)
    try:
        while not os.path.exists(path):
            time.sleep(0.01)
        yield f"redis+unix://{path}"
    finally:
        process.kill()
        process.wait()


@contextlib.contextmanager
def node(folder: str, cluster: str):
    port = peers.free_port()
    config = {"listen": [{"address": f"127.0.0.1:{port}"}], "workers": 1,
              "events": {"enabled": True, "api_key": KEY,
                         "channels": [{"pattern": "news", "history": {"messages": 1000, "seconds": 600}}]}}
    if cluster:
        config["cluster"] = {"url": cluster}
    file = os.path.join(folder, f"{port}.yaml")
    with open(file, "w", encoding="utf-8") as out:
        json.dump(config, out)
    program = [os.path.join(BUILD, "starling"), "serve", "--config", file]
    with peers.started(program, port, os.sched_getaffinity(0)):
        yield port


def publish(connection: http.client.HTTPConnection, body) -> None:
    connection.request("POST", "/api/publish", json.dumps(body), {"X-Api-Key": KEY})
    answer = connection.getresponse()
    text = answer.read()
    if answer.status != 200:
        raise RuntimeError(text.decode())


def measure(port: int, events: int) -> dict:
    connection = http.client.HTTPConnection("127.0.0.1", port)
    event = {"channel": "news", "event": "x" * 100}
    for _ in range(20):
        publish(connection, event)
    times = []
    for _ in range(events):
        begin = time.perf_counter()
        publish(connection, event)
        times.append(time.perf_counter() - begin)
    begin = time.perf_counter()
    for _ in range(max(1, events // 10)):
        publish(connection, [event] * BATCH)
    rate = max(1, events // 10) * BATCH / (time.perf_counter() - begin)
    times.sort()
    return {"p50 in µs": statistics.median(times) * 1e6, "p99 in µs": times[len(times) * 99 // 100] * 1e6,
            "events a second": rate}


def main() -> None:
    events = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    results: dict[str, list[dict]] = {"memory": [], "Redis": []}
    with tempfile.TemporaryDirectory() as folder, redis(folder) as url:
        for _ in range(rounds):
            for kind, found in results.items():
                with node(folder, url if kind == "Redis" else "") as port:
                    found.append(measure(port, events))
    for name in results["memory"][0]:
        memory, remote = (statistics.median(one[name] for one in results[kind]) for kind in ("memory", "Redis"))
        print(f"{name:16} memory {memory:10.0f}   Redis {remote:10.0f}   ratio {remote / memory:.2f}")


if __name__ == "__main__":
    main()
