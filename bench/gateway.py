"""bench/gateway.py: the claims about the gateway, beside a gateway of Node's and beside Pushpin."""

import resource

import gateway_peers
import peers
from tables import BUSY, LATENCY, busy, latency, ratio, table

WS = ["--path", "/ws", "--named", "yes"]
JSON = [*WS, "--kind", "json"]
MESSAGE = [*JSON, "--connections", 200, "--naps", "yes"]
SEND = [*JSON, "--connections", 50, "--in-flight", 50]
USERS = [*JSON, "--connections", 5000]
# A frame to the same number of connections, without names: each delivery is a call of send().
FLOOR = ["--path", "/subscribe", "--publish-path", "/publish", "--connections", 5000]
FLOOR += ["--rate", 1_000_000, "--window", 1]
# After as many clients as connect at once, the gateway has allocated what its connections to the application need.
IDLE = [*JSON, "--warm", 500, "--heap-path", "/heap"]
PINGS = [*WS, "--pinging", 1000, "--rate", 10_000, "--list-rate", 10, "--warmup", 2]


def both(bench):
    """starling and Node's gateway, which has the same control API."""
    return [(make(bench.build), [], 1) for make in (gateway_peers.starling, gateway_peers.node)]


def message(bench):
    contenders = [*both(bench), (gateway_peers.Pushpin(bench.build), [], 1)]
    results = bench.compare("gateway", "echo", contenders, bench.timed() + MESSAGE)
    node, pushpin = (
        results.get(name, {}).get("server_us") for name in (gateway_peers.NODE, gateway_peers.PUSHPIN)
    )
    rows = [
        [name, r["server_us"], ratio(r["server_us"], node), ratio(r["server_us"], pushpin)]
        + [r["per_second"], *latency(r), *busy(r)]
        for name, r in results.items()
    ]
    columns = ["gateway", "CPU µs/message", "× Node", "× Pushpin", "messages/s", *LATENCY, *BUSY]
    title = "Gateway: a message of 64 bytes to the application, its reply back; 200 clients"
    table(title, columns, rows)


def floor_of(bench, claim, mode, peer, arguments):
    """{name: fields} of a server without a gateway's work."""
    return bench.compare(f"{claim}-floor", mode, [(peer, [], 1)], bench.timed() + arguments)


def cpu(result, *others):
    """The CPU time of a result, and its ratio to each of the others."""
    return [result["server_us"], *(ratio(result["server_us"], o.get("server_us")) for o in others)]


def send(bench):
    """Each request names one of 50 clients: two calls of send() for the floor's one."""
    claim = "gateway-send"
    floor = floor_of(bench, claim, "echo", peers.floor(bench.build), ["--connections", 50])
    results = bench.compare(claim, "control-send", both(bench), bench.timed() + SEND)
    base = next(iter(floor.values()), {})
    node = results.get(gateway_peers.NODE, {})
    rows = [
        [name, *cpu(r, base, {} if r is base else node), r["per_second"], *latency(r), *busy(r)]
        for name, r in [*floor.items(), *results.items()]
    ]
    columns = ["gateway", "CPU µs/send", "× floor", "× Node", "sends/s", *LATENCY, *BUSY]
    table("Gateway: 64 bytes to one connection by the control API, 50 in flight", columns, rows)


def named(peer, name):
    peer.name = name
    return peer


def users(bench):
    """One request on its way: each delivery is a call of send(). Several: deliveries leave together."""
    claim = "gateway-users"
    contenders = [
        (named(peer, f"{peer.name}, {count} on the way"), ["--in-flight", count], 1)
        for count in (1, 16)
        for peer, _, _ in both(bench)
    ]
    floor = floor_of(bench, claim, "fanout", peers.events_floor(bench.build), FLOOR)
    results = bench.compare(claim, "control-users", contenders, bench.timed() + USERS)
    base = next(iter(floor.values()), {})
    rows = []
    for name, r in [*floor.items(), *results.items()]:
        node = results.get(name.replace("starling", gateway_peers.NODE), {})
        rows.append([name, *cpu(r, base, node), r["per_second"], int(r["missing"])])
        rows[-1] += [r["p50_us"] / 1000, r["p99_us"] / 1000, *busy(r)]
    columns = ["gateway", "CPU µs/delivery", "× floor", "× Node", "deliveries/s"]
    columns += ["late by > 3 s or lost", "answer p50 ms", "answer p99 ms", *BUSY]
    table("Gateway: 64 bytes to 5,000 connections by the names of 5,000 users", columns, rows)


def idle(bench):
    count = bench.connections()
    arguments = [*IDLE, "--connections", count]
    results = bench.compare("gateway-idle", "idle", both(bench), arguments, rounds=1)
    node = results.get(gateway_peers.NODE, {}).get("heap_bytes")
    rows = [
        [name, r["heap_bytes"], ratio(r["heap_bytes"], node), r["dirty_bytes"], count / r["seconds"]]
        for name, r in results.items()
    ]
    columns = ["gateway", "heap bytes", "× Node", "private bytes", "connected/s"]
    title = f"Gateway: memory per idle connection with user and token after a message, {count:,}"
    table(title, columns, rows)


LISTED_MAX = 20_000
DESCRIPTORS_BESIDE = 600  # For connections to the application, and for the files that a process has open anyway.


def listing(bench):
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    count = min(LISTED_MAX, limit - DESCRIPTORS_BESIDE)
    arguments = [*PINGS, "--connections", count, "--seconds", bench.options.seconds]
    results = bench.compare("gateway-list", "control-list", both(bench), arguments)
    rows = [
        [name, r["alone_p99_us"] / 1000, r["listing_p99_us"] / 1000]
        + [(r["listing_p99_us"] - r["alone_p99_us"]) / 1000, r["listing_max_us"] / 1000]
        + [r["lists_per_second"], r["list_bytes"], f"{r['alone_busy']:.0%}", f"{r['listing_busy']:.0%}"]
        for name, r in results.items()
    ]
    columns = ["gateway", "p99 ms", "p99 ms while listing", "growth", "max", "lists/s", "bytes"]
    columns += ["busy", "while listing"]
    title = f"Gateway: 10,000 pings/s of 1,000 clients while {count:,} connections are listed"
    table(title, columns, rows)
    if count < LISTED_MAX:
        print(f"\nA process may have {limit:,} descriptors here, hence no more connections.")


CLAIMS = {
    "gateway": message,
    "gateway-send": send,
    "gateway-users": users,
    "gateway-idle": idle,
    "gateway-list": listing,
}
