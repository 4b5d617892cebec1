"""Tests of tools/counts.py and of tools/processes.py."""
import json
import os
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import counts  # noqa: E402
from counts import Count  # noqa: E402

ORPHAN = """
import sys
sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv[1])
import processes
processes.adopt_orphans()
status = processes.run("x", ["sh", "-c", "sleep 60 & exit 7"], sys.argv[2], "/")
print(status, len(processes.sweep()), processes.children())
"""


class Counting(unittest.TestCase):
    def gtest(self, tests: list[dict] | None, log: str, status: int) -> Count:
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "report.json")
            if tests is not None:
                with open(path, "w", encoding="utf-8") as stream:
                    json.dump({"testsuites": [{"testsuite": tests}]}, stream)
            return counts.gtest(path, log, status)

    def test_gtest(self):
        passed = {"status": "RUN", "result": "COMPLETED"}
        failed = {"status": "RUN", "result": "COMPLETED", "failures": [{"failure": "x"}]}
        skipped = {"status": "RUN", "result": "SKIPPED"}
        filtered = {"status": "NOTRUN", "result": "SUPPRESSED"}
        for tests, status, expected in [
            ([passed, passed, filtered], 0, Count(2, 0, 0)),
            ([passed, failed, skipped], 1, Count(1, 1, 1)),
            ([passed], 66, Count(1, 1, 0)),
            ([filtered], 0, Count(0, 1, 0)),
        ]:
            self.assertEqual(self.gtest(tests, "", status), expected)

    def test_gtest_that_died(self):
        log = "[       OK ] A.b (0 ms)\n[  FAILED  ] A.c (1 ms)\n[ RUN      ] A.d\n==1==ERROR"
        self.assertEqual(self.gtest(None, log, 1), Count(1, 1, 0))
        self.assertEqual(self.gtest(None, "", 127), Count(0, 1, 0))

    def test_node(self):
        for mark in "#ℹ":
            log = "".join(f"{mark} {k} {v}\n" for k, v in
                          [("tests", 6), ("pass", 3), ("fail", 1), ("cancelled", 1), ("skipped", 1)])
            self.assertEqual(counts.node(log, 1), Count(3, 2, 1))
        self.assertEqual(counts.node("", 1), Count(0, 1, 0))
        self.assertEqual(counts.node("# pass 4\n# fail 0\n", 0), Count(4, 0, 0))

    def test_unittest(self):
        self.assertEqual(counts.unittest("Ran 5 tests in 1s\n\nOK (skipped=1)\n", 0), Count(4, 0, 1))
        self.assertEqual(counts.unittest("Ran 5 tests in 1s\n\nFAILED (failures=1, errors=1)\n", 1),
                         Count(3, 2, 0))
        self.assertEqual(counts.unittest("SyntaxError", 1), Count(0, 1, 0))

    def test_what_was_not_run_on_io_uring(self):
        skipped = "ok 2 - with io_uring # SKIP not run on io_uring: a sandbox forbids it\n# pass 1\n# fail 0\n# skipped 1\n"
        self.assertEqual(counts.uring_refused(skipped), "not run on io_uring: a sandbox forbids it")
        self.assertEqual(counts.node(skipped, 0), Count(1, 0, 1))
        self.assertEqual(counts.uring_refused("ok 2 - with io_uring\n"), "")

    def test_the_last_line(self):
        self.assertEqual(str(Count(3, 0, 0) + Count(1, 2, 0)), "4 passed, 2 failed")
        self.assertEqual(str(Count(3, 0, 1)), "3 passed, 0 failed, 1 skipped")


class Processes(unittest.TestCase):
    def test_nothing_stays_behind(self):
        tools = os.path.dirname(os.path.abspath(__file__))
        with tempfile.TemporaryDirectory() as folder:
            out = subprocess.run([sys.executable, "-c", ORPHAN, tools, f"{folder}/log"],
                                 capture_output=True, text=True).stdout
        self.assertEqual(out.strip().split("\n")[-1], "7 1 []")


if __name__ == "__main__":
    unittest.main()
