"""Runs commands one after the other. The output goes to a file, and the terminal shows progress. No
process that a command started is left running."""
import ctypes
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field

PR_SET_CHILD_SUBREAPER = 36
QUIET_SECONDS_MAX = 20  # Without a terminal: the longest time without a line.


def adopt_orphans() -> None:
    """After this call, a process whose parent ends becomes a child of this process, so sweep() finds it."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def children() -> list[tuple[int, str]]:
    """The id and name of each running child of this process."""
    found, me = [], os.getpid()
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            with open(f"/proc/{entry}/stat", encoding="utf-8", errors="replace") as stream:
                name, _, rest = stream.read().partition("(")[2].rpartition(")")
        except OSError:
            continue
        state, parent = rest.split()[:2]
        if int(parent) == me and state != "Z":
            found.append((int(entry), name))
    return found


def sweep() -> list[str]:
    """Ends the processes that commands have left running. Returns their names."""
    names: list[str] = []
    for attempt in range(50):
        left = children()
        if not left:
            break
        for pid, name in left:
            if attempt == 0:
                names.append(name)
            try:
                os.kill(pid, signal.SIGTERM if attempt < 20 else signal.SIGKILL)
            except ProcessLookupError:
                pass
        time.sleep(0.1)
    reap()
    return names


def reap() -> None:
    try:
        while os.waitpid(-1, os.WNOHANG)[0] > 0:
            pass
    except ChildProcessError:
        pass


class Progress:
    """The progress of a step: on a terminal its last output, elsewhere a line from time to time."""

    def __init__(self, title: str, log: str):
        self.title, self.log = title, log
        self.started = self.spoken = time.monotonic()

    def seconds(self) -> float:
        return time.monotonic() - self.started

    def tick(self) -> None:
        if sys.stdout.isatty():
            print(f"\r\033[K  {self.title} … {self.seconds():.0f} s  {self.last_line():.60}", end="", flush=True)
        elif time.monotonic() - self.spoken >= QUIET_SECONDS_MAX:
            self.spoken = time.monotonic()
            print(f"  {self.title} … {self.seconds():.0f} s  {self.last_line():.100}", flush=True)

    def done(self) -> None:
        if sys.stdout.isatty():
            print("\r\033[K", end="", flush=True)

    def last_line(self) -> str:
        try:
            with open(self.log, "rb") as stream:
                stream.seek(max(0, os.path.getsize(self.log) - 400))
                lines = stream.read().decode(errors="replace").replace("\r", "\n").split("\n")
        except OSError:
            return ""
        return next((line.strip() for line in reversed(lines) if line.strip()), "")


def start(command: list[str], log: str, cwd: str, env: dict[str, str]) -> subprocess.Popen:
    with open(log, "ab") as stream:
        stream.write(("$ " + " ".join(command) + "\n").encode())
        stream.flush()
        return subprocess.Popen(command, cwd=cwd, env={**os.environ, **env}, stdin=subprocess.DEVNULL,
                                stdout=stream, stderr=subprocess.STDOUT, start_new_session=True)


def stop(process: subprocess.Popen) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
            process.wait(5)
            return
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue


@dataclass
class Job:
    command: list[str]
    log: str  # The output is appended to it.
    env: dict[str, str] = field(default_factory=dict)


def run(title: str, command: list[str], log: str, cwd: str, env: dict[str, str] | None = None,
        seconds_max: float = 1800) -> int:
    """Runs a command and returns its exit status. The output is appended to `log`."""
    return run_together(title, [Job(command, log, env or {})], cwd, seconds_max)[0]


def run_together(title: str, jobs: list[Job], cwd: str, seconds_max: float = 1800) -> list[int]:
    """Runs commands at the same time, each with a log of its own, and returns their exit statuses."""
    progress = Progress(title, jobs[0].log)
    running = [start(job.command, job.log, cwd, job.env) for job in jobs]
    try:
        for at, process in enumerate(running):
            progress.log = jobs[at].log
            while not ended(process, 1):
                progress.tick()
                if progress.seconds() > seconds_max:
                    return [give_up(process, job, seconds_max) for process, job in zip(running, jobs)]
        return [process.returncode for process in running]
    finally:
        progress.done()
        for process in running:
            if process.poll() is None:
                stop(process)


def ended(process: subprocess.Popen, seconds: float) -> bool:
    try:
        process.wait(seconds)
        return True
    except subprocess.TimeoutExpired:
        return False


def give_up(process: subprocess.Popen, job: Job, seconds_max: float) -> int:
    """The status of a process whose time is over: 124 if it still runs."""
    if process.poll() is not None:
        return process.returncode
    with open(job.log, "a", encoding="utf-8") as stream:
        stream.write(f"\nended after {seconds_max:.0f} s\n")
    return 124
