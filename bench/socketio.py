"""bench/socketio.py: measures the claims about Socket.IO, with Node's socket.io in the same run."""

import peers
from tables import BUSY, LATENCY, busy, latency, ratio, table


def compare(bench, claim, mode, arguments, rounds=None):
    """Returns the medians, and a function that divides a server's value by Node's."""
    contenders = [peers.starling_socketio(bench.build), peers.node_socketio()]
    contenders = [(peer, [], 1) for peer in contenders]
    results = bench.compare(claim, mode, contenders, arguments, rounds)
    node = results.get(peers.NODE_SOCKETIO, {})
    return results, lambda r, field: ratio(r[field], node.get(field))


def ack(bench, claim, in_flight):
    arguments = bench.timed() + ["--connections", 50, "--in-flight", in_flight]
    results, of_node = compare(bench, claim, "socketio-ack", arguments)
    rows = [
        [name, r["server_us"], of_node(r, "server_us"), r["per_second"], *latency(r), *busy(r)]
        for name, r in results.items()
    ]
    columns = ["server", "CPU µs/message", "× Node", "messages/s", *LATENCY, *BUSY]
    title = f"Socket.IO: emit with ack, 64 bytes, 50 clients, {in_flight} in flight"
    table(title, columns, rows)


def ack_1(bench):
    ack(bench, "socketio-ack", 1)


def ack_16(bench):
    ack(bench, "socketio-ack16", 16)


def fan_out(bench, claim, rate):
    # A server that is a tenth of a second behind gets no more events until it has caught up.
    # Otherwise, Node would deliver many events after the run, and its CPU time per delivery would
    # be wrong.
    window = max(1, rate // 10)
    arguments = bench.timed() + ["--connections", 500, "--rate", rate, "--window", window]
    results, of_node = compare(bench, claim, "socketio-fanout", arguments)
    rows = [
        [name, r["per_second"], f"{r['per_second'] / r['wanted_per_second']:.1%}", r["server_us"]]
        + [of_node(r, "server_us"), r["missing"], r["p50_us"] / 1000, r["p99_us"] / 1000, *busy(r)]
        for name, r in results.items()
    ]
    columns = ["server", "deliveries/s", "of wanted", "CPU µs/delivery", "× Node"]
    columns += ["late by > 3 s or lost", "p50 ms", "p99 ms", *BUSY]
    title = f"Socket.IO: 1 emitter, {rate:,} broadcasts/s of 64 bytes, 500 receivers"
    table(title, columns, rows)


def fan_out_fast(bench):
    fan_out(bench, "socketio-fanout", 2000)


def fan_out_slow(bench):
    """Uses a rate that Node can keep. Beyond that rate, latencies only grow with the length of the run."""
    fan_out(bench, "socketio-fanout200", 200)


def idle(bench):
    count = bench.connections(10_000)
    arguments = ["--connections", count, "--heap-path", "/heap"]
    results, of_node = compare(bench, "socketio-idle", "socketio-idle", arguments, rounds=1)
    rows = [
        [name, r["heap_bytes"], of_node(r, "heap_bytes"), r["heap_bytes_after"]]
        + [r["dirty_bytes"], r["dirty_bytes_after"], count / r["seconds"]]
        for name, r in results.items()
    ]
    columns = ["server", "heap bytes", "× Node", "after a message"]
    columns += ["private bytes", "after a message", "connected/s"]
    table(f"Socket.IO: memory per idle connected socket, {count:,} sockets", columns, rows)


def connect(bench):
    arguments = bench.timed() + ["--connections", 50]
    results, of_node = compare(bench, "socketio-connect", "socketio-connect", arguments)
    rows = [
        [name, r["server_us"], of_node(r, "server_us"), r["per_second"], *latency(r), *busy(r)]
        for name, r in results.items()
    ]
    columns = ["server", "CPU µs/connection", "× Node", "connections/s", *LATENCY, *BUSY]
    table("Socket.IO: connect, upgrade, CONNECT, close; 50 at once", columns, rows)


def polling(bench):
    arguments = bench.timed() + ["--connections", 50]
    results, of_node = compare(bench, "socketio-polling", "socketio-polling", arguments)
    rows = [
        [name, r["per_second"], of_node(r, "per_second"), r["server_us"], *latency(r), *busy(r)]
        for name, r in results.items()
    ]
    columns = ["server", "requests/s", "× Node", "CPU µs/request", *LATENCY, *BUSY]
    title = "Socket.IO over polling: a POST with an event, the GET of its ack; 50 clients"
    table(title, columns, rows)


CLAIMS = {
    "socketio-ack": ack_1,
    "socketio-ack16": ack_16,
    "socketio-fanout": fan_out_fast,
    "socketio-fanout200": fan_out_slow,
    "socketio-idle": idle,
    "socketio-connect": connect,
    "socketio-polling": polling,
}
