"""Reads from the output of test programs how many tests passed and failed."""
import json
import os
import re
from dataclasses import dataclass


@dataclass
class Count:
    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __add__(self, other: "Count") -> "Count":
        return Count(self.passed + other.passed, self.failed + other.failed,
                     self.skipped + other.skipped)

    def __str__(self) -> str:
        text = f"{self.passed} passed, {self.failed} failed"
        return f"{text}, {self.skipped} skipped" if self.skipped else text


def gtest(report_path: str, log: str, status: int) -> Count:
    """Reads the JSON report, or the log if the program died before it wrote a report."""
    if not os.path.exists(report_path):
        return Count(passed=len(re.findall(r"^\[       OK \]", log, re.MULTILINE)),
                     failed=max(1, len(re.findall(r"^\[  FAILED  \] .* \(\d+ ms\)", log, re.MULTILINE))))
    with open(report_path, encoding="utf-8") as stream:
        report = json.load(stream)
    count = Count()
    for suite in report["testsuites"]:
        for test in suite["testsuite"]:
            if test.get("failures"):
                count.failed += 1
            elif test["result"] == "SKIPPED":
                count.skipped += 1
            elif test["status"] == "RUN":
                count.passed += 1
    if status != 0 and count.failed == 0:
        count.failed = 1  # A sanitizer reported a fault at the end.
    if count.passed + count.failed == 0:
        count.failed = 1  # Nothing ran.
    return count


def node(log: str, status: int) -> Count:
    """Reads the summary of `node --test`, of any reporter."""
    said: dict[str, int] = {}
    for key, value in re.findall(r"^(?:#|ℹ) (\w+) (\d+)\s*$", log, re.MULTILINE):
        said[key] = int(value)
    count = Count(said.get("pass", 0), said.get("fail", 0) + said.get("cancelled", 0),
                  said.get("skipped", 0) + said.get("to" "do", 0))
    if (status != 0 or count.passed == 0) and count.failed == 0:
        count.failed = 1
    return count


def unittest(log: str, status: int) -> Count:
    ran = re.findall(r"^Ran (\d+) tests? in", log, re.MULTILINE)
    said = dict(re.findall(r"(failures|errors|skipped)=(\d+)", log))
    failed = int(said.get("failures", 0)) + int(said.get("errors", 0))
    skipped = int(said.get("skipped", 0))
    if (status != 0 or not ran) and failed == 0:
        failed = 1
    return Count(max(0, (int(ran[-1]) if ran else 0) - failed - skipped), failed, skipped)


def uring_refused(log: str) -> str:
    """Why a test did not run on io_uring; "" if it did. tests/interop/io.test.mjs and fuzz/lifetime_fuzz.cpp print it."""
    found = re.search(r"not run on io_uring: .*", log)
    return found.group() if found else ""
