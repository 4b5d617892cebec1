#!/usr/bin/env python3
"""Runs all tests, step by step: ./test [STEP...]. The output of each step goes to build/test/STEP.log."""
import os
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

sys.dont_write_bytecode = True
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "tools"))

import counts  # noqa: E402
import failures  # noqa: E402
import processes  # noqa: E402
from counts import Count  # noqa: E402

LOGS = os.path.join(ROOT, "build", "test")
FUZZ_SECONDS = int(os.environ.get("FUZZ_SECONDS", "5"))  # For each fuzz target.
UNIT_TEST_PARTS = {"starling_tests": 2}  # Of a program, that run at the same time. Others: 1.
# The interop files of the step io_uring: every protocol, both clients, and what talks to other servers.
URING_FILES = ("echo", "close", "pause", "compression", "limits", "http", "tls", "events", "history", "socketio",
               "socketio-engine", "socketio-recovery", "socketio-client", "websocket-client", "gateway-webhooks",
               "gateway-socketio", "cluster-behaviours", "cluster-native", "operations")
URING_FUZZ = ("lifetime",)  # The fuzz targets that run real workers. They run on io_uring too.
SANITIZER_ENV = {
    "ASAN_OPTIONS": "strict_string_checks=1:detect_stack_use_after_return=1:" +
                    os.environ.get("ASAN_OPTIONS", ""),
    "UBSAN_OPTIONS": "print_stacktrace=1:" + os.environ.get("UBSAN_OPTIONS", ""),
    "TSAN_OPTIONS": "second_deadlock_stack=1:" + os.environ.get("TSAN_OPTIONS", ""),
}


class Runner:
    def __init__(self) -> None:
        self.step = ""
        self.failed: list[str] = []  # The names for the last lines of the output.
        self.broken: set[str] = set()  # Builds that failed.
        self.built: set[str] = set()
        # The sanitizers of these compilers fail if addresses are randomised too far.
        fixed = ["setarch", "--addr-no-randomize"]
        usable = shutil.which(fixed[0]) and subprocess.run(
            [*fixed, "true"], capture_output=True).returncode == 0
        self.fixed_addresses = fixed if usable else []

    def log(self) -> str:
        return os.path.join(LOGS, f"{self.step}.log")

    def read_log(self) -> str:
        return read(self.log())

    def run(self, title: str, *command: str, env: dict[str, str] | None = None,
            seconds_max: float = 1800) -> int:
        return processes.run(title, list(command), self.log(), ROOT, env, seconds_max)

    def fails(self, *names: str) -> None:
        self.failed += [f"{self.step}: {name}" for name in names]

    def tail(self, lines: int = failures.BLOCK_LINES_MAX, log: str = "") -> None:
        show(read(log or self.log()).rstrip().split("\n")[-lines:])
        print(f"  all of it: {os.path.relpath(log or self.log(), ROOT)}", flush=True)

    def show_failures(self, found: list[failures.Failure]) -> None:
        """Prints the output of the failed tests, or the end of the log if the log names none."""
        self.fails(*[failure.name for failure in found] or ["no test is named; see above"])
        lines = failures.report(found)
        if not lines:
            return self.tail()
        show(lines)
        print(f"  all of it: {os.path.relpath(self.log(), ROOT)}", flush=True)

    def build(self, preset: str, *targets: str) -> bool:
        key = " ".join((preset, *targets))
        if key in self.built:
            return True
        if key in self.broken:
            print(f"  not run, since the {preset} build failed")
            self.fails(f"not run, since the {preset} build failed")
            return False
        arguments = [word for target in targets for word in ("--target", target)]
        status = (self.run(f"configure {preset}", "cmake", "--preset", preset)
                  or self.run(f"build {preset}", "cmake", "--build", "--preset", preset, *arguments))
        (self.broken if status else self.built).add(key)
        if status:
            print(f"  the {preset} build failed:")
            self.tail()
            self.fails(f"build of {preset}")
        return status == 0

    def programs(self) -> bool:
        return self.build("release", "starling", "examples/all", "tests/interop/all", "bench/all")


def read(path: str) -> str:
    with open(path, encoding="utf-8", errors="replace") as stream:
        return stream.read()


def show(lines: list[str]) -> None:
    print("".join(f"    {line[:failures.LINE_CHARACTERS_MAX]}\n" for line in lines), end="")


def lint(runner: Runner) -> Count:
    total = Count()
    for name in ("lint_test", "names_test", "tidy_test", "counts_test", "failures_test", "dev_test",
                 "instructions_test", "curves_test", "docs_test", "recipes_test", "setup_test", "distribution_test"):
        start = len(runner.read_log())
        status = runner.run(name, sys.executable, f"tools/{name}.py")
        log = runner.read_log()[start:]
        count = counts.unittest(log, status)
        if count.failed:
            runner.fails(*[failure.name for failure in failures.unittest(log)] or [name])
        total += count
    status = runner.run("lint", sys.executable, "tools/lint")
    total += Count(failed=1) if status else Count(passed=1)
    if status:
        runner.fails("tools/lint")
    if total.failed:
        runner.tail()
    return total


def build(runner: Runner) -> Count:
    # The preset `debug` is `tsan` without its sanitizer, and is not built once more.
    return Count(failed=0 if runner.programs() else 1)


def unit_tests(runner: Runner, preset: str, *programs: str) -> Count:
    # The release build compiles examples and benchmarks; again here, they would take as long as the tests.
    if not runner.build(preset, *programs):
        return Count(failed=1)
    total = Count()
    for program in programs:
        total += gtest(runner, preset, program)
    return total


def gtest(runner: Runner, preset: str, program: str) -> Count:
    """Runs a program in parts at the same time: most of its tests wait more than they compute."""
    parts = UNIT_TEST_PARTS.get(program, 1)
    reports = [os.path.join(LOGS, f"{preset}-{program}-{part}.json") for part in range(parts)]
    jobs = [processes.Job([*runner.fixed_addresses, f"build/{preset}/{program}",
                           f"--gtest_output=json:{report}", "--gtest_color=no"],
                          report.replace(".json", ".log"),
                          {**SANITIZER_ENV, "GTEST_TOTAL_SHARDS": str(parts), "GTEST_SHARD_INDEX": str(part)})
            for part, report in enumerate(reports)]
    for path in reports + [job.log for job in jobs]:
        if os.path.exists(path):
            os.remove(path)
    statuses = processes.run_together(program, jobs, ROOT, 900)
    total = Count()
    for report, job, status in zip(reports, jobs, statuses):
        log = read(job.log)
        with open(runner.log(), "a", encoding="utf-8") as stream:
            stream.write(log)
        count = counts.gtest(report, log, status)
        if count.failed:
            runner.show_failures(failures.gtest(log))
        total += count
    return total


def asan(runner: Runner) -> Count:
    return unit_tests(runner, "asan", "starling_tests", "starling_memory_tests")


def tsan(runner: Runner) -> Count:
    return unit_tests(runner, "tsan", "starling_tests", "starling_lines")


def fuzz_one(runner: Runner, name: str, io: str) -> tuple[str, int, str]:
    """Replays the corpus, then mutates it for FUZZ_SECONDS. New inputs stay in build/. Returns the title of this
    run, the status of the target, and its log."""
    title = name if io == "epoll" else f"{name}-{io}"
    found = os.path.join(ROOT, "build", "fuzz", "found", title)
    seeds = os.path.join(ROOT, "fuzz", "corpus", name)
    log = os.path.join(LOGS, f"fuzz-{title}.log")
    os.makedirs(found, exist_ok=True)
    open(log, "w", encoding="utf-8").close()
    folders = [found] + ([seeds] if os.path.isdir(seeds) else [])
    dictionary = os.path.join(ROOT, "fuzz", f"{name}.dict")
    options = [f"-artifact_prefix={LOGS}/{title}-", "-rss_limit_mb=2048", "-timeout=10"]
    if os.path.exists(dictionary):
        options.append(f"-dict={dictionary}")
    for limit in ("-runs=0", f"-max_total_time={FUZZ_SECONDS}"):
        process = processes.start([*runner.fixed_addresses, f"build/asan/{name}_fuzz", limit, *options, *folders],
                                  log, ROOT, {**SANITIZER_ENV, "STARLING_IO": io})
        try:
            status = process.wait(FUZZ_SECONDS + 120)
        except subprocess.TimeoutExpired:
            processes.stop(process)
            status = 124
        if status != 0:
            return title, status, log
    return title, 0, log


def fuzz(runner: Runner) -> Count:
    if not runner.build("asan", "fuzz/all"):
        return Count(failed=1)
    names = sorted(f[:-len("_fuzz.cpp")] for f in os.listdir(os.path.join(ROOT, "fuzz"))
                   if f.endswith("_fuzz.cpp"))
    total = Count()
    runs = [(name, "epoll") for name in names] + [(name, "io_uring") for name in URING_FUZZ]
    with ThreadPoolExecutor(2) as pool:
        for title, status, log in pool.map(lambda run: fuzz_one(runner, *run), runs):
            refused = counts.uring_refused(read(log))
            print(f"  {title}: {'failed' if status else refused or 'right'}", flush=True)
            total += Count(failed=1) if status else Count(skipped=1) if refused else Count(passed=1)
            if status:
                runner.tail(30, log)
                runner.fails(f"{title} fuzz")
    return total if names else Count(failed=1)


def install(runner: Runner) -> Count:
    if not runner.programs():
        return Count(failed=1)
    status = runner.run("install", "bash", "packaging/check", "build/release", seconds_max=600)
    passed = runner.read_log().count("\nok: ")
    if status:
        runner.tail()
        runner.fails("packaging/check")
    return Count(passed=passed, failed=1 if status else 0)


def run_node(runner: Runner, title: str, *files: str, **env: str) -> Count:
    """Runs these files of tests/; all of them without `files`."""
    if not runner.programs():
        return Count(failed=1)
    start = len(runner.read_log())
    status = runner.run(title, "tests/run-node.sh", *files,
                        env={"STARLING_BUILD": os.path.join(ROOT, "build", "release"), **env}, seconds_max=1800)
    log = runner.read_log()[start:]
    count = counts.node(log, status)
    if count.failed:
        runner.show_failures(failures.node(log))
    return count


def node_files(folder: str) -> list[str]:
    return sorted(f"{folder}/{name}" for name in os.listdir(os.path.join(ROOT, "tests", folder))
                  if name.endswith(".test.mjs"))


def node(runner: Runner) -> Count:
    """Most interop tests wait more than they compute, so two files run at the same time. A browser needs both cores."""
    return (run_node(runner, "interop tests", *node_files("interop"), NODE_TEST_FILES="2")
            + run_node(runner, "browser tests", *node_files("browser")))


def io_uring(runner: Runner) -> Count:
    """Some interop tests; the unit tests of net have it beside epoll. The first file tells whether the programs run
    on io_uring: they run on epoll where the kernel or a sandbox refuses it, and that would test nothing new."""
    first = run_node(runner, "is there an io_uring", "interop/io.test.mjs", STARLING_IO="io_uring")
    refused = counts.uring_refused(runner.read_log())
    if refused:
        print(f"  {refused}", flush=True)
    if refused or first.failed:
        return first
    files = [f"interop/{name}.test.mjs" for name in URING_FILES]
    return first + run_node(runner, "interop tests on io_uring", *files, STARLING_IO="io_uring", NODE_TEST_FILES="2")


def instructions(runner: Runner) -> Count:
    """Counts instead of times: they are the same on a busy machine."""
    if not runner.programs():
        return Count(failed=1)
    status = runner.run("instructions", sys.executable, "bench/instructions.py", "--check", seconds_max=600)
    lines = runner.read_log().split("\n")
    failed = [line.partition(": ")[2] for line in lines if line.startswith("FAILED: ")]
    if status:
        runner.tail()
        runner.fails(*failed or ["bench/instructions.py"])
    return Count(passed=sum(line.startswith("ok: ") for line in lines), failed=len(failed) or int(status != 0))


STEPS = [
    ("lint", "the repository's own rules", lint),
    ("build", "release build: program, examples, benchmarks", build),
    ("asan", "unit tests with AddressSanitizer and UndefinedBehaviorSanitizer", asan),
    ("tsan", "tests of several threads with ThreadSanitizer", tsan),
    ("fuzz", f"fuzz targets: corpus, then {FUZZ_SECONDS} s each", fuzz),
    ("install", "installed package, used by other projects", install),
    ("instructions", "instructions of a message, beside those of bench/instructions.json", instructions),
    ("node", "interop and browser tests", node),
    ("io_uring", "some interop tests with io_uring in place of epoll", io_uring),
]
ALIASES = {"unit": "asan"}


def run_step(runner: Runner, name: str, title: str, action) -> Count:
    started = time.monotonic()
    print(f"== {name}: {title}", flush=True)
    runner.step = name
    open(runner.log(), "w", encoding="utf-8").close()
    count = action(runner)
    for left in processes.sweep():
        print(f"  ended what was left running: {left}")
    print(f"   {name}: {count} ({time.monotonic() - started:.0f} s)", flush=True)
    return count


def main(arguments: list[str]) -> int:
    wanted = {ALIASES.get(a, a) for a in arguments}
    unknown = wanted - {name for name, _, _ in STEPS}
    if unknown:
        print(f"unknown step: {', '.join(sorted(unknown))}; there are "
              f"{', '.join([name for name, _, _ in STEPS] + list(ALIASES))}", file=sys.stderr)
        return 2
    os.makedirs(LOGS, exist_ok=True)
    processes.adopt_orphans()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    runner, total, started = Runner(), Count(), time.monotonic()
    try:
        for name, title, action in STEPS:
            if not wanted or name in wanted:
                total += run_step(runner, name, title, action)
    except KeyboardInterrupt:
        processes.sweep()
        print("\ninterrupted", file=sys.stderr)
        return 130
    print(f"== {time.monotonic() - started:.0f} s")
    for name in failures.names(runner.failed):
        print(f"failed: {name[:failures.LINE_CHARACTERS_MAX]}")
    print(total)
    return 1 if total.failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
