"""bench/clients.py: WebSocket clients side by side, against starling's echo server."""

import json
import os
import shutil
import statistics
import subprocess
import sys

import peers
from tables import ratio, table

CLIENT_SECONDS_MAX = 120
RAW = "raw epoll"
STORM = 10_000


def native(program):
    return lambda bench: [peers.program(bench.build, program)]


def npm_ws(_):
    node = shutil.which("node")
    if not node or not (peers.HERE.parent / "tests/node_modules/ws").exists():
        raise peers.Missing("not installed (Node.js and tests/node_modules)")
    return [node, "--expose-gc", peers.HERE / "client_ws.mjs"]


CLIENTS = {
    RAW: native("client_raw"),
    "starling": native("client_starling"),
    "Boost.Beast": native("client_beast"),
    "libwebsockets": native("client_lws"),
    "Node ws": npm_ws,
}


def once(bench, command, arguments):
    """One run of one client, on a core of its own, with a new server: the line that it prints."""
    with peers.starling(bench.build).serve("echo", set(bench.server_cores[:1])) as (port, _):
        command = [*command(bench), arguments[0], port, *arguments[1:]]
        done = subprocess.run(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=CLIENT_SECONDS_MAX,
            preexec_fn=lambda: os.sched_setaffinity(0, bench.client_cores),
        )
    if done.returncode != 0:
        raise peers.Missing(done.stderr.strip() or f"ended with {done.returncode}")
    return json.loads(done.stdout)


def compare(bench, claim, names, arguments, rounds=None):
    """{name: {field: median}} over the rounds, without the clients that cannot run."""
    runs, missing = {}, set()
    for _ in range(rounds or bench.options.rounds):
        for name in names:
            if name in missing:
                continue
            try:
                runs.setdefault(name, []).append(once(bench, CLIENTS[name], arguments))
            except (peers.Missing, subprocess.TimeoutExpired) as reason:
                missing.add(name)
                print(f"{claim}: without {name}: {reason}", file=sys.stderr)
    medians = {
        name: {field: statistics.median(run[field] for run in several) for field in several[0]}
        for name, several in runs.items()
        if name not in missing
    }
    bench.results[claim] = medians
    return medians


def echo(bench, claim, in_flight):
    results = compare(bench, claim, CLIENTS, ["echo", 50, in_flight, bench.options.seconds])
    raw = results.get(RAW, {}).get("client_us")
    rows = [
        [name, r["client_us"], ratio(r["client_us"], raw), r["per_second"], f"{r['client_busy']:.0%}"]
        for name, r in results.items()
    ]
    columns = ["client", "CPU µs/message", "× raw", "messages/s", "client busy"]
    table(f"Clients: echo, 64 bytes, 50 connections on one loop, {in_flight} in flight", columns, rows)


def idle(bench):
    count = bench.connections()
    names = [name for name in CLIENTS if name != RAW]
    results = compare(bench, "client-idle", names, ["idle", count], rounds=1)
    ours = results.get("starling", {}).get("heap_bytes")
    rows = [[name, r["heap_bytes"], ratio(r["heap_bytes"], ours)] for name, r in results.items()]
    title = f"Clients: heap per idle connection after a message, {count:,} on one loop"
    table(title, ["client", "heap bytes", "× starling"], rows)


def storm(bench):
    names = [name for name in CLIENTS if name not in (RAW, "libwebsockets")]
    results = compare(bench, "client-storm", names, ["storm", STORM])
    ours = results.get("starling", {}).get("client_us")
    rows = [
        [name, r["client_us"], ratio(r["client_us"], ours), r["per_second"]]
        for name, r in results.items()
    ]
    title = f"Clients: {STORM:,} connections opened and closed by one loop, 50 at once"
    table(title, ["client", "CPU µs/connection", "× starling", "connections/s"], rows)


CLAIMS = {
    "client-echo": lambda bench: echo(bench, "client-echo", 1),
    "client-echo16": lambda bench: echo(bench, "client-echo16", 16),
    "client-idle": idle,
    "client-storm": storm,
}
