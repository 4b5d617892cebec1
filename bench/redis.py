#!/usr/bin/env python3
"""CPU time of a client of Redis per message: starling's client (src/redis/client) beside redis-benchmark, which
is hiredis, with one connection and the same number of commands under way. A redis-server of this run's own.

    bench/redis.py [MESSAGES] [ROUNDS]
"""
import os
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
CLIENT = os.path.join(ROOT, "build", "release", "redis_test_client")
BYTES, AT_ONCE = 64, 512


def cpu_seconds(process: subprocess.Popen) -> float:
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"{process.args[0]} failed")
    return usage.ru_utime + usage.ru_stime


def start(socket: str) -> subprocess.Popen:
    process = subprocess.Popen([CLIENT, f"unix://{socket}"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    wait(process, "ready")
    return process


def say(process: subprocess.Popen, line: str) -> None:
    process.stdin.write(line + "\n")
    process.stdin.flush()


def wait(process: subprocess.Popen, line: str) -> str:
    while text := process.stdout.readline():
        if text.startswith(line):
            return text
    sys.exit(f"the client ended before {line!r}")


def publish(socket: str, messages: int) -> tuple[float, float]:
    """CPU seconds of the publisher and of a subscriber that receives all."""
    receiver, sender = start(socket), start(socket)
    say(receiver, "quiet\nsubscribe channel ch")
    while subprocess.run(["redis-cli", "-s", socket, "PUBSUB", "NUMSUB", "ch"], capture_output=True,
                         text=True, check=True).stdout.split() != ["ch", "1"]:
        pass
    say(sender, f"publish_many ch {messages} {BYTES} {AT_ONCE}")
    if wait(sender, "done") != f"done {messages} 0\n":
        sys.exit("publishes failed")
    while True:
        say(receiver, "received")
        if wait(receiver, "received") == f"received {messages}\n":
            break
        time.sleep(0.01)
    sender.stdin.close()  # Ends the program.
    receiver.stdin.close()
    return cpu_seconds(sender), cpu_seconds(receiver)


def benchmark(socket: str, messages: int) -> float:
    return cpu_seconds(subprocess.Popen(
        ["redis-benchmark", "-s", socket, "-n", str(messages), "-P", str(AT_ONCE), "-c", "1", "-q",
         "PUBLISH", "ch", "x" * BYTES], stdout=subprocess.DEVNULL))


def main() -> None:
    messages = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    with tempfile.TemporaryDirectory() as folder:
        socket = os.path.join(folder, "redis.sock")
        server = subprocess.Popen(["redis-server", "--port", "0", "--unixsocket", socket, "--save", "", "--daemonize",
                                   "no", "--dir", folder], stdout=subprocess.DEVNULL)
        try:
            while not os.path.exists(socket):
                time.sleep(0.01)
            rows: dict[str, list[float]] = {"publish": [], "receive": [], "redis-benchmark publish": []}
            for _ in range(rounds):
                sent, received = publish(socket, messages)
                for name, seconds in zip(rows, (sent, received, benchmark(socket, messages))):
                    rows[name].append(seconds / messages * 1e6)
        finally:
            server.kill()
            server.wait()
    for name, values in rows.items():
        print(f"{name:24} {statistics.median(values):.2f} µs of CPU per message ({1 / statistics.median(values):.2f} "
              f"million per CPU second; {', '.join(f'{v:.2f}' for v in values)})")


if __name__ == "__main__":
    main()
