#!/usr/bin/env python3
"""bench/million.py: many idle WebSockets on one machine: what they need of starling's memory and of the kernel's, and
what their pings cost.

    bench/million.py [CONNECTIONS]      1,000,000, in some minutes; it needs about 11 GiB of free memory
    bench/million.py 50000

A process may have only so many descriptors, so there are as many servers (bench/starling_echo, one worker, a ping after
25 s of silence) as that limit asks for, and a client (bench/idle_client.py) for each, with loopback addresses of its
own. It stops opening, and says so, before less than --reserve-gib of memory are left.

What is printed:

    servers     growth of the proportional memory (Pss) of the servers' processes
    clients     the same of the clients, which are Python programs and not what is measured
    kernel      the fall of MemAvailable, without the two: sockets, files and epoll entries of both ends. Other programs
                move it as well, so it is right on a quiet machine only
    slabs       the part of it that the kernel's allocator of small objects tells (Slab of /proc/meminfo)

The idle connections are watched for --idle-seconds: CPU of the servers, divided by the pings that the clients answered.
"""

import argparse
import contextlib
import json
import os
import pathlib
import resource
import subprocess
import sys
import time

import peers
import tables

GIB = 1 << 30
RESERVED_DESCRIPTORS = 1_000
WARM = 16  # Connections of each process before memory is read the first time.
STEP = 1_000  # Connections that a client opens before memory is looked at again.
ANSWER_SECONDS_MAX = 120
SLABS_SHOWN = 12


class Stop(Exception):
    """The machine cannot do more. The text says why."""


def meminfo():
    """{name: bytes}"""
    lines = pathlib.Path("/proc/meminfo").read_text().splitlines()
    return {name: int(rest.split()[0]) * 1024 for name, _, rest in (line.partition(":") for line in lines)}


def slabs():
    """{name: bytes in use} of the kernel's allocator; empty where only root may know and this is another user."""
    found = {}
    with contextlib.suppress(OSError):
        for line in pathlib.Path("/proc/slabinfo").read_text().splitlines()[2:]:
            words = line.split()
            found[words[0]] = int(words[2]) * int(words[3])
    return found


def tcp_pages():
    """Pages in the buffers of all TCP sockets, of /proc/net/sockstat."""
    for line in pathlib.Path("/proc/net/sockstat").read_text().splitlines():
        words = line.split()
        if words[0] == "TCP:":
            return int(words[words.index("mem") + 1])
    return 0


def cpu_ns(pid):
    """Of all threads of the process."""
    return sum(int(file.read_text().split()[0]) for file in pathlib.Path(f"/proc/{pid}/task").glob("*/schedstat"))


class Client:
    def __init__(self, port, number):
        command = [sys.executable, str(peers.HERE / "idle_client.py"), str(port), str(number)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.last = {"open": 0, "pings": 0, "closed": 0}

    def ask(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise Stop(f"a client has ended with {self.process.wait()}")
        self.last = json.loads(line)
        if "error" in self.last:
            raise Stop(f"a client: {self.last['error']}")
        return self.last

    def end(self):
        self.process.stdin.close()
        try:
            self.process.wait(ANSWER_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()


class Memory:
    """At one moment."""

    def __init__(self, servers, clients):
        self.available = meminfo()["MemAvailable"]
        self.slab = meminfo()["Slab"]
        self.slabs = slabs()
        self.tcp_bytes = tcp_pages() * resource.getpagesize()
        self.servers = sum(map(peers.pss, servers))
        self.clients = sum(peers.pss(client.process.pid) for client in clients)


def require_room(connections, processes):
    """Before anything is opened: limits that are sure to stop it."""
    files_max = int(pathlib.Path("/proc/sys/fs/file-max").read_text())
    in_use = int(pathlib.Path("/proc/sys/fs/file-nr").read_text().split()[0])
    wanted = 2 * connections + 100 * processes  # Both ends.
    if in_use + wanted > files_max:
        raise Stop(f"fs.file-max is {files_max:,}, and {in_use + wanted:,} files would be open")


def open_all(clients, shares, reserve, report):
    """Stops before less than `reserve` bytes are left."""
    for number, (client, share) in enumerate(zip(clients, shares)):
        for first in range(0, share, STEP):
            available = meminfo()["MemAvailable"]
            if available < reserve:
                raise Stop(f"only {available / GIB:.1f} GiB are available")
            client.ask(f"open {min(STEP, share - first)}")
        report(number + 1)


def print_memory(before, after, count):
    servers = after.servers - before.servers
    clients = after.clients - before.clients
    kernel = before.available - after.available - servers - clients
    rows = [
        [name, value / GIB, round(value / count)]
        for name, value in [
            ("servers (Pss)", servers),
            ("clients (Pss)", clients),
            ("kernel, both ends", kernel),
            ("of it, slabs", after.slab - before.slab),
            ("of it, buffers of TCP", after.tcp_bytes - before.tcp_bytes),
        ]
    ]
    tables.table(f"Memory of {count:,} idle connections", ["whose", "GiB", "bytes/connection"], rows)
    grown = {name: value - before.slabs.get(name, 0) for name, value in after.slabs.items()}
    largest = sorted(grown, key=grown.get, reverse=True)[:SLABS_SHOWN]
    rows = [[name, round(grown[name] / count)] for name in largest if grown[name] >= count]
    if rows:
        tables.table("Slabs of the kernel, both ends", ["slab", "bytes/connection"], rows)


def watch_idle(servers, clients, seconds, count):
    began = time.monotonic()
    pings = sum(client.ask("count")["pings"] for client in clients)
    cpu = sum(map(cpu_ns, servers))
    while (left := began + seconds - time.monotonic()) > 0:
        time.sleep(min(left, 10))
        print(f"idle for {time.monotonic() - began:.0f} s", file=sys.stderr)
    pings = sum(client.ask("count")["pings"] for client in clients) - pings
    cpu = sum(map(cpu_ns, servers)) - cpu
    took = time.monotonic() - began
    closed = sum(client.last["closed"] for client in clients)
    rows = [
        ["pings answered each second", pings / took],
        ["CPU of all servers, % of one core", cpu / took / 1e7],
        ["CPU µs/ping and pong", cpu / 1e3 / pings if pings else None],
        ["CPU µs/connection and minute", cpu / 1e3 / count / (took / 60)],
        ["connections that the server closed", closed],
    ]
    tables.table(f"{count:,} connections, idle for {took:.0f} s", ["", "figure"], rows)


def measure(options):
    most = options.per_process
    processes = -(-options.connections // most)
    shares = [options.connections // processes + (i < options.connections % processes) for i in range(processes)]
    require_room(options.connections, processes)
    print(f"{processes} servers and as many clients, {max(shares):,} connections each", file=sys.stderr)
    peer = peers.starling(options.build)
    with contextlib.ExitStack() as ends:
        started = [ends.enter_context(peer.serve("echo", os.sched_getaffinity(0))) for _ in shares]
        servers = [pid for _, pid in started]
        clients = []
        for number, (port, _) in enumerate(started):
            clients.append(Client(port, number))
            ends.callback(clients[-1].end)
            clients[-1].ask(f"open {WARM}")
        before = Memory(servers, clients)
        began = time.monotonic()

        def report(processes_done):
            count = sum(client.last["open"] for client in clients) - WARM * len(clients)
            available = meminfo()["MemAvailable"]
            print(
                f"{count:,} open by {processes_done} processes, {time.monotonic() - began:.0f} s,"
                f" {available / GIB:.2f} GiB available",
                file=sys.stderr,
            )

        try:
            open_all(clients, shares, options.reserve_gib * GIB, report)
        except Stop as reason:
            print(f"million: stops opening: {reason}", file=sys.stderr)
        count = sum(client.last["open"] for client in clients) - WARM * len(clients)
        if count > 0:
            print_memory(before, Memory(servers, clients), count)
            watch_idle(servers, clients, options.idle_seconds, count)
        ends.callback(print, "closing", file=sys.stderr)
    return 0 if count == options.connections else 1


def main():
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("connections", nargs="?", type=int, default=1_000_000)
    parser.add_argument("--build", type=pathlib.Path, default=peers.HERE.parent / "build/release")
    parser.add_argument("--per-process", type=int, default=limit - RESERVED_DESCRIPTORS)
    parser.add_argument("--idle-seconds", type=float, default=60)
    parser.add_argument("--reserve-gib", type=float, default=2.0, help="memory that stays free; 2 at least")
    options = parser.parse_args()
    options.reserve_gib = max(options.reserve_gib, 2.0)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    try:
        return measure(options)
    except (Stop, peers.Missing) as reason:
        print(f"million: {reason}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
