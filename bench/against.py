#!/usr/bin/env python3
"""bench/against.py BUILD: this build beside another build of starling, row by row, in one run.

It shows what a change costs, if BUILD is the build folder of the commit before the change. The two
builds take turns, round by round. A row shows the median of each build and their ratio. The names of
the rows are those of bench/run.py: echo echo16 echo16k fanout handshake idle socketio-ack socketio-ack16
socketio-idle gateway gateway-send gateway-users gateway-idle.
"""

import argparse

import gateway
import gateway_peers
import peers
import run
from tables import ratio, table

COUNT = ["--connections"]
# Name: the mode of the load generator, its arguments, the compared field, and the program that
# serves.
ROWS = {
    "echo": ("echo", [*COUNT, 50], "server_us", peers.starling),
    "echo16": ("echo", [*COUNT, 50, "--in-flight", 16], "server_us", peers.starling),
    "echo16k": ("echo", [*COUNT, 50, "--payload", 16384], "server_us", peers.starling),
    "fanout": ("fanout", [*run.PATHS, *COUNT, 500, "--rate", 2000], "server_us", peers.starling),
    "handshake": ("handshake", [*COUNT, 50], "server_us", peers.starling),
    "idle": ("idle", ["--heap-path", "/heap", *COUNT, 15000], "heap_bytes", peers.starling),
    "socketio-ack": ("socketio-ack", [*COUNT, 50, "--in-flight", 1], "server_us",
                     peers.starling_socketio),
    "socketio-ack16": ("socketio-ack", [*COUNT, 50, "--in-flight", 16], "server_us",
                       peers.starling_socketio),
    "socketio-idle": ("socketio-idle", ["--heap-path", "/heap", *COUNT, 10000], "heap_bytes",
                      peers.starling_socketio),
    "gateway": ("echo", gateway.MESSAGE, "server_us", gateway_peers.starling),
    "gateway-send": ("control-send", gateway.SEND, "server_us", gateway_peers.starling),
    "gateway-users": ("control-users", [*gateway.USERS, "--in-flight", 16], "server_us",
                      gateway_peers.starling),
    "gateway-idle": ("idle", [*gateway.IDLE, *COUNT, 15000], "heap_bytes", gateway_peers.starling),
}


def named(make, build, name):
    peer = make(build)
    peer.name = name
    return peer


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("other", help="the build folder to compare with")
    parser.add_argument("name", nargs="*", default=list(ROWS), help=", ".join(ROWS))
    parser.add_argument("--build", default=str(peers.HERE.parent / "build/release"))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0, help="measured in each round")
    options = parser.parse_args()
    options.connections = None
    bench = run.Bench(options)
    rows = []
    for name in options.name:
        mode, arguments, field, make = ROWS[name]
        contenders = [(named(make, options.other, "other"), [], 1),
                      (named(make, options.build, "this"), [], 1)]
        timed = [] if "idle" in mode else bench.timed()
        rounds = 1 if "idle" in mode else options.rounds
        got = bench.compare(name, mode, contenders, timed + arguments, rounds)
        other, this = (got.get(build, {}).get(field) for build in ("other", "this"))
        rows.append([name, field, other, this, ratio(this, other) if this else "–"])
    table(f"This build beside {options.other}", ["row", "field", "other", "this", "this / other"],
          rows)


if __name__ == "__main__":
    main()
