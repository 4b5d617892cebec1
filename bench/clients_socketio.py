"""bench/clients_socketio.py: the Socket.IO client beside Node's, against the same server of starling."""

import json
import os
import shutil
import statistics
import subprocess

import peers
from tables import ratio, table

NODE = "socket.io-client 4.8"


def commands(build):
    node = shutil.which("node")
    if not node:
        raise peers.Missing("Node.js is not installed")
    script = peers.HERE / "client_socketio.mjs"
    return {"starling": [peers.program(build, "client_socketio")], NODE: [node, script]}


def once(bench, command, port, in_flight):
    """Runs one client on the client's core, and returns its line of JSON as a dictionary."""
    whole = [*command, port, 50, bench.options.seconds, in_flight]
    done = subprocess.run(
        [str(part) for part in whole],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        preexec_fn=lambda: os.sched_setaffinity(0, bench.client_cores),
    )
    if done.returncode != 0:
        raise peers.Missing(done.stderr.strip() or f"the client ended with {done.returncode}")
    return json.loads(done.stdout)


def ack(bench, claim, in_flight):
    runs = {}
    for _ in range(bench.options.rounds):
        for name, command in commands(bench.build).items():
            server = peers.starling_socketio(bench.build)
            with server.serve("socketio-ack", set(bench.server_cores[:1])) as (port, _pid):
                runs.setdefault(name, []).append(once(bench, command, port, in_flight))
    results = {
        name: {field: statistics.median(run[field] for run in several) for field in several[0]}
        for name, several in runs.items()
    }
    bench.results[claim] = results
    node = results[NODE]["client_us"]
    rows = [
        [name, r["client_us"], ratio(r["client_us"], node), r["per_second"], f"{r['client_busy']:.0%}"]
        for name, r in results.items()
    ]
    columns = ["client", "CPU µs/message", "× Node", "messages/s", "client busy"]
    table(f"Socket.IO client: emit with ack, 64 bytes, 50 sockets on one loop, {in_flight} in flight", columns, rows)


CLAIMS = {
    "client-socketio": lambda bench: ack(bench, "client-socketio", 1),
    "client-socketio16": lambda bench: ack(bench, "client-socketio16", 16),
}
