#!/usr/bin/env python3
"""What the metrics cost the data path: instructions of an echo and of a publication to 50 clients of `starling serve`,
counted by callgrind with the admin listener and without it.

    bench/metrics_cost.py [--build FOLDER]

Each count is the difference of two runs with different numbers of messages, so what the admin listener does at its
start is left out, and what it does for each message is in.
"""
import argparse
import json
import pathlib
import sys
import tempfile

import instructions
import peers

PATHS = [{"path": "/", "kind": "echo"}, {"path": "/room", "kind": "broadcast"}]
SCENARIOS = {
    "echo of 64 bytes": (instructions.echo, 500, 8500),
    "publication to 50": (lambda port, units: instructions.fan_out(port, units, "/room", "/room"), 20, 420),
}


def count(program: pathlib.Path, drive, units: int, admin: bool) -> int:
    with tempfile.TemporaryDirectory() as folder:
        port, counts = peers.free_port(), []
        config = {"listen": [f"127.0.0.1:{port}"], "workers": 1, "websocket": PATHS}
        if admin:
            config["admin"] = {"listen": f"127.0.0.1:{peers.free_port()}", "key": "0123456789abcdef"}
        path = pathlib.Path(folder) / "starling.yaml"
        path.write_text(json.dumps(config))
        with instructions.counted_command([str(program), "serve", "--config", str(path)], port, folder, counts):
            drive(port, units)
        return round(counts[0].instructions)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("--build", type=pathlib.Path, default=peers.HERE.parent / "build/release")
    program = parser.parse_args().build / "starling"
    for name, (drive, few, many) in SCENARIOS.items():
        cost = {admin: (count(program, drive, many, admin) - count(program, drive, few, admin)) / (many - few)
                for admin in (False, True)}
        print(f"{name}: {cost[False]:,.0f} instructions without the admin listener, {cost[True]:,.0f} with it: "
              f"{cost[True] / cost[False]:.4f} x")
    return 0


if __name__ == "__main__":
    sys.exit(main())
