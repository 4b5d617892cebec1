#!/usr/bin/env python3
"""bench/curves.py: how cost grows with connections, sizes, load and topics, as curves beside other servers.

    bench/curves.py [--build FOLDER] [--only NAME]... [--quick] [--rounds N] [--json FILE] [--pictures FOLDER]
    bench/curves.py --draw        draws the pictures again from the figures, without measuring

Writes the figures to bench/curves.json and a picture for each curve to docs/curves. --only: measures these curves and
keeps the figures of the others. --quick: few points and one round, into build/curves unless files are named.
"""

import argparse
import json
import os
import pathlib
import platform
import re
import signal
import sys
import time

import curve_measures as measures
import peers
import run
from svg_curves import Chart, Line, draw

ROOT = peers.HERE.parent
FIGURES = peers.HERE / "curves.json"
PICTURES = ROOT / "docs/curves"


def websockets(build):
    return [peers.starling(build), peers.beast(build), peers.node_ws()]


def beside_floor(contenders, build):
    """With what the kernel alone costs: where its line bends as well, the bend is the kernel's."""
    return [*contenders, peers.floor(build)]


def socketios(build):
    return [peers.starling_socketio(build), peers.node_socketio()]


def connections(m, build):
    return measures.over_connections(m, beside_floor(websockets(build), build)), {}


def socketio_connections(m, build):
    return measures.over_connections(m, socketios(build), "socketio-ack", False), {}


def sizes(m, build):
    most = measures.LARGEST_MESSAGE
    contenders = [peers.starling_large(build, most), peers.starling_keeping(build, most), peers.beast(build),
                  peers.node_ws()]
    return measures.over_sizes(m, beside_floor(contenders, build)), {}


def memory(m, build):
    return measures.over_held(m, websockets(build)), {}


def socketio_memory(m, build):
    return measures.over_held(m, socketios(build), "socketio-idle"), {}


def load(m, build):
    return measures.over_load(m, websockets(build))


def topics(m, build):
    contenders = [(peers.starling_topics(build), False), (peers.node_topics("Node ws", "ws"), False)]
    return measures.over_topics(m, contenders), {}


def rooms(m, build):
    contenders = [(peers.starling_topics(build), True), (peers.node_topics(peers.NODE_SOCKETIO, "socketio"), True)]
    return measures.over_topics(m, contenders), {}


# Name: what measures it, and its picture: title, names of the axes, which of them are logarithmic (x, y).
CURVES = {
    "connections": (connections, "Echo of 64 bytes, all connections active", "connections", "CPU µs/message",
                    True, True),
    "socketio-connections": (socketio_connections, "Socket.IO: emit with ack, 64 bytes, all sockets active",
                             "sockets", "CPU µs/message", True, True),
    "sizes": (sizes, "Echo over 8 connections, 1 in flight", "payload of a message", "CPU µs/message", True, True),
    "memory": (memory, "Memory of an idle connection after a message", "connections", "bytes per connection",
               True, True),
    "socketio-memory": (socketio_memory, "Socket.IO: memory of an idle socket", "sockets", "bytes per socket",
                        True, True),
    "load": (load, "p99 of an echo of 64 bytes, 50 connections", "% of the most that the server does", "p99 µs",
             False, True),
    "topics": (topics, "Join and leave of a WebSocket, 100 sockets", "topics", "CPU µs each", True, True),
    "rooms": (rooms, "Join and leave of a Socket.IO room, 100 sockets", "rooms", "CPU µs each", True, True),
}
SECOND_KINDS = ("leave", "memory kept")  # Dashed, beside the solid line of the same server.


def lines_of(found, most):
    """The lines of a picture: one color for each server, the first one for starling."""
    colors = {}
    lines = []
    for name in sorted(found, key=lambda name: (not name.startswith("starling"), name)):
        server, _, kind = name.partition(", ")
        color = colors.setdefault(server, len(colors))
        label = f"{name} (of {most[name] / 1000:.0f}k/s)" if name in most else name
        lines.append(Line(label, [tuple(point) for point in found[name]], color, kind in SECOND_KINDS))
    return lines


def picture(name, figures):
    _, title, x_name, y_name, x_log, y_log = CURVES[name]
    lines = lines_of(figures["lines"], figures["most"])
    return draw(Chart(title, x_name, y_name, lines, x_log, y_log, name == "sizes"), name)


def draw_all(results, folder):
    folder.mkdir(parents=True, exist_ok=True)
    for name, figures in results["curves"].items():
        (folder / f"{name}.svg").write_text(picture(name, figures), encoding="utf-8")


def machine():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        models = [row.partition(":")[2].strip() for row in file if row.startswith("model name")]
    return f"{models[0] if models else platform.machine()}, {os.cpu_count()} cores, Linux {platform.release()}"


def kept(path):
    if not path.exists():
        return {}
    return json.loads(path.read_text(encoding="utf-8"))["curves"]


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", action="append", choices=CURVES, help="a curve to measure; may be repeated")
    parser.add_argument("--build", default=str(ROOT / "build/release"))
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--quick", action="store_true", help="few points, to try it out")
    parser.add_argument("--draw", action="store_true", help="measures nothing")
    parser.add_argument("--json", metavar="FILE", type=pathlib.Path, help="the figures")
    parser.add_argument("--pictures", metavar="FOLDER", type=pathlib.Path)
    options = parser.parse_args()
    options.json = options.json or (ROOT / "build/curves/curves.json" if options.quick else FIGURES)
    options.pictures = options.pictures or (ROOT / "build/curves" if options.quick else PICTURES)
    options.connections, options.seconds = None, 1.0  # What run.Bench reads.
    return options


def measure(options):
    """All figures; they are written after each curve, so that a run that is ended has not been in vain."""
    m = measures.Measurer(run.Bench(options), options.rounds or (1 if options.quick else 3), options.quick)
    curves = kept(options.json)
    options.json.parent.mkdir(parents=True, exist_ok=True)
    for name in options.only or CURVES:
        begun = time.monotonic()
        lines, most = CURVES[name][0](m, options.build)
        if not any(points for line, points in lines.items() if line.startswith("starling")):
            sys.exit(f"curves: {name}: starling was not measured; {options.json} keeps its former figures")
        curves[name] = {"lines": {line: points for line, points in lines.items() if points}, "most": most}
        print(f"{name}: {time.monotonic() - begun:.0f} s", flush=True)
        for line, points in curves[name]["lines"].items():
            print(f"    {line}: " + ", ".join(f"{x:,}: {y:,}" for x, y in points), flush=True)
        results = {"machine": machine(), "curves": {name: curves[name] for name in CURVES if name in curves}}
        options.json.write_text(written(results), encoding="utf-8")
    return results


def written(results):
    """JSON with the points of a line on one line, so that a new run is a readable change."""
    text = json.dumps(results, indent=2, sort_keys=True, ensure_ascii=False)
    return re.sub(r"\[[\s\d.,e\[\]-]+\]", lambda points: " ".join(points[0].split()), text) + "\n"


def main():
    options = parse_arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # Ends the running servers on the way out.
    if options.draw:
        results = json.loads(options.json.read_text(encoding="utf-8"))
    else:
        results = measure(options)
    draw_all(results, options.pictures)
    return 0 if all(figures["lines"] for figures in results["curves"].values()) else 1


if __name__ == "__main__":
    sys.exit(main())
