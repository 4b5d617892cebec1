#!/usr/bin/env python3
"""What TLS costs: starling beside OpenSSL's defaults, and beside nginx that ends TLS in front of starling.

    bench/tls.py [--build FOLDER] [--rounds N] [--seconds S] [--json FILE] [PART ...]

memory: growth of the proportional memory (Pss) for each idle connection after a message: objects of the libraries
    (bench/tls_library.cpp), and wss connections of the servers.
handshakes: CPU time of a connection with a small HTTP request, whole and resumed, ECDSA P-256 and RSA 2048, by
    `openssl s_time`.
echo: CPU time of a message over wss, 20 connections.
fanout: CPU time of a delivery over wss, 1 publisher, 200 subscribers, 500 messages/s of 64 bytes.

The server's time is that of all its processes: of nginx's worker and of starling behind it.
"""
import argparse
import base64
import contextlib
import json
import os
import pathlib
import re
import resource
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile

import loads
import peers
from deflate import cpu_ns, medians
from tables import table

IDLE_CONNECTIONS, WARM = 3000, 64
LOAD_SECONDS_MAX = 60
VERSIONS = {"1.3": "-tls1_3", "1.2": "-tls1_2"}
KEYS = {"ECDSA P-256": ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"], "RSA 2048": ["rsa:2048"]}
METHODS = {"openssl": "OpenSSL's defaults", "released": "OpenSSL, buffers released, no sessions kept", "starling": "starling"}
ECHOES = {
    "64 B, 1 in flight": [],
    "64 B, 16 in flight": ["--depth", "16"],
    "16 KiB, 1 in flight": ["--size", "16384"],
}
NGINX = """
daemon off;
worker_processes 1;
worker_rlimit_nofile 18000;
error_log {folder}/error.log;
pid {folder}/nginx.pid;
events {{ worker_connections 17000; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port} ssl backlog=4096;
        ssl_certificate {chain};
        ssl_certificate_key {key};
        ssl_protocols TLSv1.2 TLSv1.3;
        tcp_nodelay on;
        location = /healthz {{ return 200 "ok"; }}
        location / {{
            proxy_pass http://127.0.0.1:{behind};
            proxy_http_version 1.1;
            proxy_set_header Host $http_host;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection "upgrade";
            proxy_read_timeout 1h;
        }}
    }}
}}
"""
ROUTES = [{"path": "/echo", "kind": "echo", "origins": ["*"]}, {"path": "/all", "kind": "broadcast", "origins": ["*"]}]


def make_certificate(folder, name):
    """(chain, key): files of a self-signed certificate."""
    stem = pathlib.Path(folder, re.sub(r"\W", "", name))
    chain, key = f"{stem}.pem", f"{stem}.key"
    subprocess.run(["openssl", "req", "-x509", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-newkey", *KEYS[name],
                    "-keyout", key, "-out", chain], check=True, capture_output=True)
    os.chmod(key, 0o644)  # nginx's worker may be another user.
    return chain, key


class Tls:
    def __init__(self, options, folder):
        self.options, self.build, self.folder = options, options.build, folder
        cores = sorted(os.sched_getaffinity(0))
        self.client_cores, self.server_cores = peers.client_cores(), set(cores[1:2] or cores)
        self.certificates = {name: make_certificate(folder, name) for name in KEYS}
        self.results = {}

    def rounds(self, name, keys, measure):
        """{key: {field: median}}; each round measures each key once, so that all see the same machine."""
        runs = {key: [] for key in keys}
        for _ in range(self.options.rounds):
            for key, several in runs.items():
                several.append(measure(*key))
        found = {key: medians(several) for key, several in runs.items()}
        self.results[name] = {", ".join(key): value for key, value in found.items()}
        return found

    # ---- servers --------------------------------------------------------------------------------

    @contextlib.contextmanager
    def starling(self, certificate):
        """Yields (port, process id). `certificate`: None: without TLS."""
        port = peers.free_port()
        config = {"listen": [f"127.0.0.1:{port}"], "workers": 1, "websocket": ROUTES, "admin": {"enabled": False}}
        if certificate:
            config["tls"] = {"certificates": [{"cert": certificate[0], "key": certificate[1]}]}
        path = pathlib.Path(self.folder, f"{port}.yaml")
        path.write_text(json.dumps(config))
        command = [peers.program(self.build, "../starling"), "serve", "--config", path]
        with peers.started(command, port, self.server_cores) as process:
            yield port, process.pid

    @contextlib.contextmanager
    def server(self, name, key="ECDSA P-256"):
        """Yields (port, process ids)."""
        if name == "starling":
            with self.starling(self.certificates[key]) as (port, pid):
                yield port, [pid]
            return
        nginx = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin")
        if not nginx:
            raise peers.Missing("nginx is not installed")
        with self.starling(None) as (behind, pid), tempfile.TemporaryDirectory(prefix="starling-bench-") as folder:
            os.chmod(folder, 0o755)
            port = peers.free_port()
            chain, private = self.certificates[key]
            conf = pathlib.Path(folder, "nginx.conf")
            conf.write_text(NGINX.format(folder=folder, port=port, behind=behind, chain=chain, key=private))
            command = [nginx, "-e", f"{folder}/error.log", "-p", folder, "-c", conf]
            with peers.started(command, port, self.server_cores) as process:
                yield port, [peers.only_child(process.pid), pid]

    # ---- memory ---------------------------------------------------------------------------------

    def library(self, method, version):
        words = [peers.program(self.build, "tls_library"), method, version, IDLE_CONNECTIONS]
        words += self.certificates["ECDSA P-256"]
        done = subprocess.run([str(word) for word in words], capture_output=True, text=True, check=True,
                              timeout=LOAD_SECONDS_MAX)
        return json.loads(done.stdout)

    def idle(self, name, version):
        with self.server(name) as (port, pids), contextlib.ExitStack() as held:
            for _ in range(WARM):
                held.enter_context(exchanged(port, version))
            before = pss(pids)
            for _ in range(IDLE_CONNECTIONS):
                held.enter_context(exchanged(port, version))
            # The ciphers of the last connections are still there.
            with contextlib.suppress(TimeoutError):
                exchanged(port, version, then_wait_s=2)
            return {"pss_bytes": (pss(pids) - before) / IDLE_CONNECTIONS}

    def memory(self):
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
        keys = [(method, version) for version in VERSIONS for method in METHODS]
        found = self.rounds("library memory", keys, self.library)
        rows = [[f"TLS {version}, {METHODS[method]}", int(one["heap_bytes"]), int(one["pss_bytes"]),
                 f"{one['pss_bytes'] / found['openssl', version]['pss_bytes']:.2f}"]
                for (method, version), one in found.items()]
        table("Server's side of an idle TLS connection", ["", "heap bytes", "Pss bytes", "× OpenSSL's defaults"], rows)
        keys = [(name, version) for version in VERSIONS for name in ("starling", "nginx + starling")]
        servers = self.rounds("server memory", keys, self.idle)
        rows = [[f"TLS {version}, {name}", int(one["pss_bytes"]),
                 f"{one['pss_bytes'] / found['openssl', version]['pss_bytes']:.2f}"]
                for (name, version), one in servers.items()]
        table("Idle wss connection of a server", ["", "Pss bytes", "× OpenSSL's defaults alone"], rows)

    # ---- handshakes -----------------------------------------------------------------------------

    def handshake(self, name, key, version, kind):
        with self.server(name, key) as (port, pids):
            words = ["openssl", "s_time", "-connect", f"127.0.0.1:{port}", "-www", "/healthz", VERSIONS[version],
                     "-new" if kind == "whole" else "-reuse", "-time", str(max(1, round(self.options.seconds)))]
            cpu = cpu_ns(pids[0])
            done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=LOAD_SECONDS_MAX,
                                  preexec_fn=lambda: os.sched_setaffinity(0, self.client_cores))
            cpu = cpu_ns(pids[0]) - cpu
            count = re.search(r"^(\d+) connections in \d+ real seconds", done.stdout, re.MULTILINE)
            if not count:
                raise peers.Missing(f"openssl s_time: {done.stderr.strip()}")
            # It prints an r for each connection that was resumed.
            marks = "".join(line for line in done.stdout.splitlines() if re.fullmatch(r"[rt*23]+", line))
            return {"us": cpu / 1000 / int(count[1]), "resumed": marks.count("r") / max(1, len(marks))}

    def handshakes(self):
        keys = [(name, key, version, kind) for key in KEYS for version in VERSIONS for kind in ("whole", "resumed")
                for name in ("starling", "nginx")]
        found = self.rounds("handshakes", keys, self.handshake)
        rows = []
        for key in KEYS:
            for version in VERSIONS:
                for kind in ("whole", "resumed"):
                    ours, theirs = (found[name, key, version, kind] for name in ("starling", "nginx"))
                    rows.append([f"TLS {version}, {key}, {kind}", ours["us"], theirs["us"], f"{ours['us'] / theirs['us']:.2f}",
                                 f"{ours['resumed']:.0%}, {theirs['resumed']:.0%}"])
        table("A connection with one request, CPU µs", ["handshake", "starling", "nginx", "starling / nginx", "resumed"], rows)

    # ---- messages -------------------------------------------------------------------------------

    def load(self, name, scenario, path, *more):
        with self.server(name) as (port, pids):
            words = [peers.program(self.build, "../starling"), "bench", "--json", "--insecure", "--scenario", scenario,
                     "--server-pid", ",".join(map(str, pids)), "--seconds", self.options.seconds, "--warmup", 0.5,
                     *more, f"wss://127.0.0.1:{port}{path}"]
            done = subprocess.run([str(word) for word in words], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                  check=False, timeout=LOAD_SECONDS_MAX,
                                  preexec_fn=lambda: os.sched_setaffinity(0, self.client_cores))
            result = loads.fields(scenario, done)
            return {field: result[field] for field in ("server_us", "per_second", "missing") if result[field] is not None}

    def echo(self):
        keys = [(name, words) for words in ECHOES for name in ("starling", "nginx + starling")]
        found = self.rounds("echo", keys, lambda name, words: self.load(
            name, "echo", "/echo", "--connections", 20, *ECHOES[words]))
        rows = []
        for words in ECHOES:
            ours, theirs = (found[name, words]["server_us"] for name in ("starling", "nginx + starling"))
            rows.append([words, ours, theirs, f"{ours / theirs:.2f}"])
        table("Echo over wss, CPU µs/message", ["message", "starling", "nginx + starling", "ratio"], rows)

    def fanout(self):
        keys = [("starling",), ("nginx + starling",)]
        found = self.rounds("fanout", keys, lambda name: self.load(
            name, "fanout", "/all", "--connections", 200, "--rate", 500, "--timeout-s", loads.LATE_SECONDS_MAX))
        rows = [[name, one["server_us"], one["per_second"], int(one["missing"])] for (name,), one in found.items()]
        table("Fan-out over wss", ["server", "CPU µs/delivery", "deliveries/s", "late by > 3 s or lost"], rows)


def exchanged(port, version, then_wait_s=None):
    """A WebSocket over TLS that has got its message back. With `then_wait_s`: waits so long for one more, in vain."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.minimum_version = context.maximum_version = getattr(ssl.TLSVersion, f"TLSv{version.replace('.', '_')}")
    plain = socket.create_connection(("127.0.0.1", port), timeout=10)
    wire = context.wrap_socket(plain)
    key = base64.b64encode(os.urandom(16)).decode()
    wire.sendall(f"GET /echo HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                 f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode())
    got = b""
    while b"\r\n\r\n" not in got:
        got += wire.recv(4096) or sys.exit("the server has closed a connection")
    wire.sendall(b"\x81\xc0\0\0\0\0" + b"x" * 64)
    got = got.partition(b"\r\n\r\n")[2]
    while len(got) < 66:
        got += wire.recv(4096) or sys.exit("the server has closed a connection")
    if then_wait_s:
        with wire:
            wire.settimeout(then_wait_s)
            wire.recv(1)
    return wire


def pss(pids):
    return sum(map(peers.pss, pids))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parts = ["memory", "handshakes", "echo", "fanout"]
    parser.add_argument("part", nargs="*", default=parts, help=" ".join(parts))
    parser.add_argument("--build", default=str(peers.HERE.parent / "build/release"))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2.0, help="measured in each round")
    parser.add_argument("--json", metavar="FILE", help="also write the medians to FILE")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="starling-bench-") as folder:
        os.chmod(folder, 0o755)
        bench = Tls(options, folder)
        for part in options.part:
            if part not in parts:
                sys.exit(f"unknown: {part}")
            try:
                getattr(bench, part)()
            except peers.Missing as reason:
                print(f"{part}: {reason}", file=sys.stderr)
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(bench.results, indent=1) + "\n")


if __name__ == "__main__":
    main()
