"""bench/loads.py: the command line of a load and its result, for bench/run.py.

A load that a user can run as well is `starling bench`; the program `load` runs the others.
"""

import json

import peers

SCENARIOS = {
    "echo": "echo",
    "fanout": "fanout",
    "handshake": "connect",
    "socketio-ack": "socketio-ack",
    "socketio-fanout": "socketio-fanout",
    "socketio-connect": "socketio-connect",
    "socketio-polling": "socketio-polling",
}
FANOUTS = {"fanout", "socketio-fanout"}
# Options of the program `load`, and what `starling bench` calls them.
NAMES = {
    "--connections": "--connections",
    "--in-flight": "--depth",
    "--window": "--depth",
    "--payload": "--size",
    "--rate": "--rate",
    "--seconds": "--seconds",
    "--warmup": "--warmup",
}
PATHS = {"--path", "--publish-path"}
LATE_SECONDS_MAX = 3  # A delivery of a fan-out that is later counts as lost.


def command(build, mode, port, pids, arguments):
    """The words of a command line. `arguments`: those of the program `load`."""
    words = [str(word) for word in arguments]
    given = dict(zip(words[::2], words[1::2]))
    if mode not in SCENARIOS or any(name not in NAMES and name not in PATHS for name in given):
        return [str(peers.program(build, "load")), mode, "--port", str(port), "--server-pid", str(pids), *words]
    scheme = "http" if mode.startswith("socketio-") else "ws"
    url = f"{scheme}://127.0.0.1:{port}"
    made = [str(peers.program(build, "../starling")), "bench", "--json", "--server-pid", str(pids)]
    made += ["--scenario", SCENARIOS[mode]]
    for name, value in given.items():
        if name in NAMES:
            made += [NAMES[name], value]
    if mode in FANOUTS:
        made += ["--publish-url", url + given.get("--publish-path", given.get("--path", "/"))]
        made += ["--timeout-s", str(LATE_SECONDS_MAX)]
    if mode == "socketio-fanout":
        made += ["--event", "pub"]
    return [*made, url + given.get("--path", "/")]


def fields(mode, done):
    """{field: number} of a load that has ended; raises Missing if it has failed."""
    lines = done.stdout.splitlines()
    result = json.loads(lines[-1]) if lines else {}
    errors = result.get("errors", {})
    if done.returncode != 0 and (not errors or set(errors) > {"undelivered"}):
        words = "; ".join(f"{count} x {name}" for name, count in errors.items())
        raise peers.Missing(words or done.stderr.strip() or f"the load ended with {done.returncode}")
    if "latency_us" not in result:
        return result
    late = {name: float("nan") if value is None else value for name, value in result["latency_us"].items()}
    return {
        "mode": mode,
        "messages": result["count"],
        "per_second": result["per_second"],
        "wanted_per_second": result["wanted_per_second"],
        "missing": result["missing"],
        "server_us": result["server_cpu"]["us"],
        "server_busy": result["server_cpu"]["busy"],
        "client_us": result["client_cpu"]["us"],
        "client_busy": result["client_cpu"]["busy"],
        "p50_us": late["p50"],
        "p99_us": late["p99"],
        "p999_us": late["p999"],
        "max_us": late["max"],
        "bytes_each": result["server_bytes_each"],
    }
