"""bench/curve_measures.py: measures the points of bench/curves.py. Servers and load generators run on different cores.

A process may have only so many descriptors. Where more connections are wanted, several processes of the server share
its core, each with a load generator of its own, and their figures are added.
"""

import contextlib
import http.client
import json
import os
import resource
import statistics
import subprocess
import sys

import instructions
import loads
import peers

RUN_SECONDS_MAX = 60
RESERVED_DESCRIPTORS = 2_000
TOPIC_CLIENTS = 100
LARGEST_MESSAGE = 16 << 20


def connections_per_process():
    return min(50_000, resource.getrlimit(resource.RLIMIT_NOFILE)[1] - RESERVED_DESCRIPTORS)


def shares(count, most=None):
    """`count` connections as parts for as few processes as can hold them."""
    processes = -(-count // (most or connections_per_process()))
    return [count // processes + (i < count % processes) for i in range(processes)]


def steps(first, last, factor):
    """Whole numbers that grow by `factor`, from `first` to `last`, both among them."""
    found = []
    value = float(first)
    while round(value) < last:
        found.append(round(value))
        value *= factor
    return [*found, last]


def added(results):
    """CPU time of the servers for each message, over several processes that did the same."""
    count = sum(r["messages"] for r in results)
    return sum(r["server_us"] * r["messages"] for r in results) / count


class Measurer:
    """Owner: bench/curves.py. `bench` is run.Bench: the build, the cores."""

    def __init__(self, bench, rounds, quick):
        self.bench = bench
        self.rounds = rounds
        self.quick = quick
        self.missing = {}  # (name of a server, why) of those that have been left out.

    def pinned(self, words):
        return subprocess.Popen(
            [str(word) for word in words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=lambda: os.sched_setaffinity(0, self.bench.client_cores),
        )

    @contextlib.contextmanager
    def servers(self, peer, use, count=1):
        """[(port, process id)] of `count` processes on the core of the server."""
        with contextlib.ExitStack() as running:
            cores = set(self.bench.server_cores[:1])
            yield [running.enter_context(peer.serve(use, cores)) for _ in range(count)]

    def load(self, peer, mode, counts, arguments):
        """One run; the results of all load generators."""
        with self.servers(peer, mode, len(counts)) as running, contextlib.ExitStack() as ended:
            started = []
            for (port, pid), count in zip(running, counts):
                words = loads.command(self.bench.build, mode, port, pid, [*arguments, "--connections", count])
                process = self.pinned(words)
                ended.callback(end, process)
                started.append((process, words))
            results = []
            for process, words in started:
                out, said = process.communicate(timeout=RUN_SECONDS_MAX)
                done = subprocess.CompletedProcess(words, process.returncode, out, said)
                results.append(loads.fields(mode, done))
            return results

    def tried(self, peer, what, measure):
        """What `measure` returns; None if this server cannot do it, with a line that says why."""
        try:
            return measure()
        except (peers.Missing, instructions.Failed, subprocess.TimeoutExpired, OSError) as reason:
            print(f"{what}: without {peer.name}: {reason}", file=sys.stderr)
            self.missing[f"{peer.name}, {what}"] = str(reason)
            return None

    def by_turns(self, contenders, points, measure):
        """{name: [(x, median)]}: at each point the servers take turns, round by round."""
        found = {peer.name: [] for peer in contenders}
        for x, rounds in points:
            values = {peer.name: [] for peer in contenders}
            for _ in range(rounds):
                for peer in contenders:
                    value = self.tried(peer, f"{x:,}", lambda peer=peer: measure(peer, x))
                    if value is not None:
                        values[peer.name].append(value)
            for name, several in values.items():
                if several:
                    found[name].append((x, round(statistics.median(several), 4)))
        return found


def end(process):
    if process.poll() is None:
        process.kill()
    process.wait()
    for stream in (process.stdin, process.stdout, process.stderr):
        stream.close()


def mode_of(peer):
    return "raw" if peer.name.startswith("floor") else "echo"


def over_connections(m, contenders, mode=None, several_processes=True):
    """{name: [(connections, CPU in µs)]}. Once only where opening the connections takes long."""
    most = connections_per_process()
    counts = [10, 1_000, most] if m.quick else [10, 100, 1_000, 3_000, 10_000, most]
    if several_processes and not m.quick:
        counts.append(100_000)

    def measure(peer, count):
        parts = shares(count)
        long = ["--seconds", 2, "--warmup", 4]  # All processes have opened theirs before one measures.
        timed = ["--seconds", 0.5 if count < 3_000 else 1, "--warmup", 0.4 if count < 3_000 else 1]
        return added(m.load(peer, mode or mode_of(peer), parts, timed if len(parts) == 1 else long))

    return m.by_turns(contenders, [(count, 1 if count >= 10_000 else m.rounds) for count in counts], measure)


def over_sizes(m, contenders):
    """{name: [(bytes, CPU in µs)]}"""
    sizes = [16, 4096, 1 << 20] if m.quick else [4 ** power for power in range(2, 13)]

    def measure(peer, size):
        arguments = ["--payload", size, "--seconds", 0.4 if size < 1 << 20 else 0.8, "--warmup", 0.1]
        return added(m.load(peer, mode_of(peer), [8], arguments))

    return m.by_turns(contenders, [(size, m.rounds) for size in sizes], measure)


def over_load(m, contenders):
    """{name: [(percent, p99 in µs)]}, and what each server does at most in a second."""
    timed = ["--seconds", 0.7, "--warmup", 0.2]
    most = {}
    for peer in contenders:
        several = [m.tried(peer, "at most", lambda peer=peer: m.load(peer, "echo", [50], timed)[0]["per_second"])
                   for _ in range(m.rounds)]
        if None not in several:
            most[peer.name] = round(statistics.median(several))
    able = [peer for peer in contenders if peer.name in most]
    percents = [10, 50, 100] if m.quick else range(10, 101, 10)

    def measure(peer, percent):
        rate = most[peer.name] * percent // 100
        return m.load(peer, "echo", [50], [*timed, "--rate", rate])[0]["p99_us"]

    return m.by_turns(able, [(percent, m.rounds) for percent in percents], measure), most


WARM = 200  # Connections before the first figure: what a server keeps for any number of them is there.


class Held:
    """A server whose connections become more and stay."""

    def __init__(self, m, mode, port, pid, stack):
        self.m, self.mode, self.port, self.pid, self.stack = m, mode, port, pid, stack
        self.open(WARM)
        self.count = 0
        self.before = self.memory()

    def open(self, count):
        """Opens connections that exchange one message each. Their load generator stays too."""
        words = [peers.program(self.m.bench.build, "load"), self.mode, "--port", self.port, "--server-pid", self.pid]
        process = self.m.pinned([*words, "--warm", 1, "--connections", count - 1])
        self.stack.callback(end, process)
        line = process.stdout.readline()
        if not line:
            raise peers.Missing(process.stderr.read().strip() or "the load ended")
        json.loads(line)

    def memory(self):
        """Anonymous memory; Node is asked to collect its garbage first."""
        with contextlib.suppress(http.client.HTTPException, OSError):
            asker = http.client.HTTPConnection("127.0.0.1", self.port, timeout=RUN_SECONDS_MAX)
            with contextlib.closing(asker):
                asker.request("GET", "/heap")
                asker.getresponse().read()
        return peers.pss(self.pid, "Pss_Anon")

    def grow(self, count):
        """Memory of each connection when there are `count`."""
        if count - self.count > 1:
            self.open(count - self.count)
            self.count = count
        return (self.memory() - self.before) / self.count


def over_held(m, contenders, mode="idle"):
    """{NAME: [(connections, bytes each)]}."""
    most = connections_per_process()
    counts = [1_000, 4_000] if m.quick else steps(250, most, 1.3)
    found = {}

    def note(peer, count, grown):
        found.setdefault(peer.name, []).append((count, round(grown, 1)))

    def one(peer):
        with contextlib.ExitStack() as stack:
            [(port, pid)] = stack.enter_context(m.servers(peer, mode))
            held = Held(m, mode, port, pid, stack)
            for count in counts:
                note(peer, count, held.grow(count))

    def many(peer, total):
        parts = shares(total)
        with contextlib.ExitStack() as stack:
            running = stack.enter_context(m.servers(peer, mode, len(parts)))
            several = [Held(m, mode, port, pid, stack) for port, pid in running]
            grown = [held.grow(part) for held, part in zip(several, parts)]
        note(peer, total, statistics.mean(grown))

    for peer in contenders:
        m.tried(peer, "memory", lambda peer=peer: one(peer))
        if not m.quick and mode == "idle":
            m.tried(peer, "memory of 100,000", lambda peer=peer: many(peer, 100_000))
    return found


class TopicClient(instructions.Client):
    """Asks a server of topics, in the protocol of its kind."""

    def __init__(self, port, socketio):
        super().__init__(port)
        self.socketio = socketio
        self.upgrade("/socket.io/?EIO=4&transport=websocket" if socketio else "/")
        if socketio:
            self.message()
            self.send("40")
            self.message()

    def send(self, text):
        self.socket.sendall(instructions.frame(text.encode()))

    def measure(self, count):
        """Nanoseconds of a join and of a leave beside `count` topics."""
        self.send(f'420["measure","{count}"]' if self.socketio else str(count))
        got = self.message().decode()
        while self.socketio and not got.startswith("43"):
            if got == "2":
                self.send("3")  # The pong to a ping.
            got = self.message().decode()
        text = json.loads(got[got.index("["):])[0] if self.socketio else got
        return [int(part) for part in text.split()]


def over_topics(m, contenders):
    """{"NAME, join" and "NAME, leave": [(topics, µs)]}. Each of `contenders` says whether it has rooms instead."""
    counts = [100, 10_000] if m.quick else steps(100, 1_000_000, 10 ** 0.25)
    found = {}

    def one(peer, socketio):
        with contextlib.ExitStack() as stack:
            [(port, _)] = stack.enter_context(m.servers(peer, "topics"))
            clients = [stack.enter_context(contextlib.closing(TopicClient(port, socketio)))
                       for _ in range(TOPIC_CLIENTS)]
            for count in counts[:1] * 2:  # A just-in-time compiler needs several times.
                clients[0].measure(count)
            for count in counts:
                several = [clients[0].measure(count) for _ in range(m.rounds)]
                for kind, values in zip(("join", "leave"), zip(*several)):
                    found.setdefault(f"{peer.name}, {kind}", []).append((count, statistics.median(values) / 1000))

    for peer, socketio in contenders:
        m.tried(peer, "topics", lambda peer=peer, socketio=socketio: one(peer, socketio))
    return found
