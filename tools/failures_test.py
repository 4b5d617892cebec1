"""Tests of tools/failures.py."""
import os
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import failures  # noqa: E402
from failures import Failure  # noqa: E402

NODE = """TAP version 13
# Error: no such module
# Node.js v20
# Subtest: /tests/dies.test.mjs
not ok 1 - /tests/dies.test.mjs
  ---
  failureType: 'testCodeFailure'
  exitCode: 1
  ...
# Subtest: outer
    # Subtest: inner
        # Subtest: right
        ok 1 - right
          ---
          duration_ms: 1
          ...
        # Subtest: number \\#2
        not ok 2 - number \\#2
          ---
          location: '/tests/a.test.mjs:6:5'
          failureType: 'testCodeFailure'
          error: |-
            Expected values to be strictly equal:

            1 !== 2
          stack: |-
            TestContext.<anonymous> (file:///tests/a.test.mjs:6:46)
            Test.run (node:internal/test_runner/test:796:25)
          ...
        1..2
    not ok 1 - inner
      ---
      failureType: 'subtestsFailed'
      ...
    1..1
not ok 2 - outer
  ---
  failureType: 'subtestsFailed'
  ...
# Subtest: hook
    # Subtest: one
    not ok 1 - one
      ---
      failureType: 'cancelledByParent'
      ...
    1..1
not ok 3 - hook
  ---
  failureType: 'hookFailed'
  error: 'no server'
  ...
"""

GTEST = """[ RUN      ] A.right
[       OK ] A.right (0 ms)
[ RUN      ] A.wrong
a.cpp:7: Failure
[  FAILED  ] A.wrong (1 ms)
[ RUN      ] A.leaks
==1==ERROR: AddressSanitizer: x
[       OK ] A.leaks (1 ms)
"""


class Finding(unittest.TestCase):
    def test_node(self):
        found = failures.node(NODE)
        self.assertEqual([failure.name for failure in found], [
            "/tests/dies.test.mjs", "outer > inner > number #2", "hook > one", "hook"])
        dies, wrong, cancelled, hook = (failure.said for failure in found)
        self.assertEqual(dies[-2:], ["# Error: no such module", "# Node.js v20"])
        self.assertIn("location: '/tests/a.test.mjs:6:5'", wrong)
        self.assertIn("  1 !== 2", wrong)
        self.assertIn("  TestContext.<anonymous> (file:///tests/a.test.mjs:6:46)", wrong)
        self.assertNotIn("node:internal", "\n".join(wrong))
        self.assertEqual(cancelled, [])
        self.assertIn("error: 'no server'", hook)
        self.assertEqual(failures.node("ok 1 - a\nnot ok 2 - b # SKIP\n"), [])

    def test_gtest(self):
        self.assertEqual(failures.gtest(GTEST), [
            Failure("A.wrong", ["[ RUN      ] A.wrong", "a.cpp:7: Failure", "[  FAILED  ] A.wrong (1 ms)"]),
            Failure("A.leaks", ["[ RUN      ] A.leaks", "==1==ERROR: AddressSanitizer: x",
                                "[       OK ] A.leaks (1 ms)"])])

    def test_gtest_that_died(self):
        self.assertEqual(failures.gtest("[ RUN      ] A.b\nSegmentation fault\n"),
                         [Failure("A.b (did not end)", ["[ RUN      ] A.b", "Segmentation fault"])])
        log = "[ RUN      ] A.b\n[       OK ] A.b (0 ms)\n[  PASSED  ] 1 test.\n==1==ERROR: LeakSanitizer: x\n"
        self.assertEqual([failure.name for failure in failures.gtest(log)], ["at the end of the program"])
        self.assertEqual(failures.gtest("cannot open shared object\n")[0].said, ["cannot open shared object"])

    def test_unittest(self):
        log = "====\nFAIL: test_a (m.T)\n----\nTraceback\n====\nERROR: test_b (m.T)\n----\n"
        self.assertEqual([failure.name for failure in failures.unittest(log)], ["test_a (m.T)", "test_b (m.T)"])


class Reporting(unittest.TestCase):
    def test_what_is_printed_is_bounded(self):
        for count, lines in [(0, 0), (1, 5), (1, 1000), (3, 1000), (500, 1000), (500, 0)]:
            found = [Failure(f"test {i}", [f"{j} {'x' * 1000}" for j in range(lines)]) for i in range(count)]
            printed = failures.report(found)
            self.assertLessEqual(len(printed), failures.LINES_MAX + 1)
            self.assertTrue(all(len(line) <= failures.LINE_CHARACTERS_MAX for line in printed))
            shown = [line for line in printed if line.startswith("failed: ")]
            self.assertEqual(len(shown) > 0, count > 0 and lines > 0)
        self.assertLessEqual(len(failures.names(["x"] * 1000)), failures.NAMES_MAX + 1)

    def test_what_is_left_out_is_counted(self):
        self.assertEqual(failures.report([Failure("a", ["x"] * 100)])[-1],
                         f"  ... {100 - failures.BLOCK_LINES_MAX + 1} more lines")
        self.assertEqual(failures.report([Failure("a", ["x", "y"])]), ["failed: a", "  x", "  y"])


if __name__ == "__main__":
    unittest.main()
