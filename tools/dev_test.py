"""Tests of ./dev and of tools/select_tests.py: selecting no test is a failure."""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "tools"))

import select_tests  # noqa: E402

LISTING = """Running main() from ./googletest/src/gtest_main.cc
Cookie.
  ReadsOne
  ReadsMany
HttpParser.
  RefusesACookieOfTwoLines
Sizes/Limits.
  Hold/0  # GetParam() = 1
  Hold/1  # GetParam() = 2
"""
TESTS = ["Cookie.ReadsOne", "Cookie.ReadsMany", "HttpParser.RefusesACookieOfTwoLines", "Sizes/Limits.Hold/0",
         "Sizes/Limits.Hold/1"]

# Stand-ins for CMake, the test program and Node.js, which print how they were called.
CMAKE = """#!/bin/bash
if [[ $* == *' -n' ]]; then for ((i = 0; i < ${STEPS:-0}; ++i)); do echo "[$i/$STEPS] c++"; done; exit; fi
echo "cmake $*"
"""
PROGRAM = """#!/bin/bash
[[ $1 == --gtest_list_tests ]] && cat "$(dirname "$0")/listing" && exit
echo "tests $*"
"""
NODE = """#!/bin/bash
echo "node $*"
"""


class Selecting(unittest.TestCase):
    def test_names_of_a_listing(self):
        self.assertEqual(select_tests.names(LISTING), TESTS)

    def test_names_match_in_any_case(self):
        for word in ("cookie", "COOKIE", "*Cookie*"):
            self.assertEqual(select_tests.select(TESTS, [word]), (TESTS[:3], []), word)
        self.assertEqual(select_tests.select(TESTS, ["hold/1", "readsone"]), ([TESTS[0], TESTS[4]], []))

    def test_each_word_must_match(self):
        self.assertEqual(select_tests.select(TESTS, ["cookie", "cokie"])[1], ["cokie"])
        self.assertEqual(select_tests.near(TESTS, "cokie"), ["Cookie"])


class Dev(unittest.TestCase):
    """Runs the script ./dev in a folder of its own."""

    def setUp(self):
        self.root = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.root)
        for name in ("dev", "tools/select_tests.py"):
            os.makedirs(os.path.dirname(os.path.join(self.root, name)), exist_ok=True)
            shutil.copy(os.path.join(ROOT, name), os.path.join(self.root, name))
        for preset in ("debug", "asan", "release"):
            self.write(f"build/{preset}/build.ninja", "")
            self.write(f"build/{preset}/starling_tests", PROGRAM, 0o755)
            self.write(f"build/{preset}/listing", LISTING)
        self.write("bin/cmake", CMAKE, 0o755)
        self.write("tests/run-node.sh", NODE, 0o755)
        self.write("tests/interop/tls.test.mjs", "")
        self.write("fuzz/frame_fuzz.cpp", "")

    def write(self, name: str, text: str, mode: int = 0o644):
        path = os.path.join(self.root, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, mode)

    def dev(self, *arguments: str, steps: int = 0):
        path = os.path.join(self.root, "bin") + os.pathsep + os.environ["PATH"]
        return subprocess.run([os.path.join(self.root, "dev"), *arguments], text=True, capture_output=True,
                              env={**os.environ, "PATH": path, "STEPS": str(steps)}, timeout=60)

    def test_selects_unit_tests_in_any_case(self):
        done = self.dev("test", "cookie")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("--gtest_filter=" + ":".join(TESTS[:3]), done.stdout)

    def test_without_names_all_tests_run(self):
        done = self.dev("test")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("--gtest_filter=*", done.stdout)

    def test_a_name_that_matches_nothing_fails_and_runs_nothing(self):
        for arguments in (("test", "cokie"), ("test", "cookie", "cokie"), ("sanitize", "address", "cokie")):
            done = self.dev(*arguments)
            self.assertEqual(done.returncode, 1, arguments)
            self.assertIn("no unit test's name contains 'cokie'; near it: Cookie", done.stderr)
            self.assertNotIn("--gtest_filter", done.stdout)

    def test_a_program_that_lists_nothing_fails(self):
        self.write("build/debug/listing", "cannot run\n")
        done = self.dev("test", "cookie")
        self.assertEqual(done.returncode, 1)
        self.assertIn("cannot run", done.stderr)

    def test_node_tests_by_a_part_of_their_file_name(self):
        done = self.dev("test", "TLS.test.mjs")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(f"node {self.root}/tests/interop/tls.test.mjs", done.stdout)
        done = self.dev("test", "ssl.test.mjs")
        self.assertEqual(done.returncode, 1)
        self.assertIn("no node test's file name contains 'ssl.test.mjs'", done.stderr)
        self.assertNotIn("node", done.stdout)

    def test_a_fuzz_target_that_is_not_there_fails(self):
        done = self.dev("fuzz", "fram", "1")
        self.assertEqual(done.returncode, 2)
        self.assertIn("no fuzz target 'fram'", done.stderr)

    def test_all_may_read_what_a_package_installs(self):
        for name in ("setup/install", "setup/clients/install"):
            self.write(name, "#!/bin/bash\n", 0o755)
        self.write("bin/cpack", '#!/bin/bash\nmkdir "$2"; mkdir "$2/folder"; : >"$2/a.deb"\n', 0o755)
        old = os.umask(0o077)
        self.addCleanup(os.umask, old)
        done = self.dev("package")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue(done.stdout.endswith("build/packages/a.deb\n"), done.stdout)
        self.assertEqual(os.stat(os.path.join(self.root, "build/packages/folder")).st_mode & 0o777, 0o755)

    def test_clangd_reads_the_database_that_a_build_makes(self):
        with open(os.path.join(ROOT, ".clangd"), encoding="utf-8") as file:
            folder = re.search(r"^  CompilationDatabase: (\S+)$", file.read(), re.MULTILINE).group(1)
        shutil.rmtree(os.path.join(self.root, "build/release"))
        done = self.dev("build")
        preset = re.search(r"^cmake --preset (\w+)$", done.stdout, re.MULTILINE).group(1)
        with open(os.path.join(ROOT, "CMakePresets.json"), encoding="utf-8") as file:
            presets = {entry["name"]: entry for entry in json.load(file)["configurePresets"]}
        base = presets[presets[preset]["inherits"]]
        self.assertEqual(base["cacheVariables"]["CMAKE_EXPORT_COMPILE_COMMANDS"], "ON")
        self.assertEqual(base["binaryDir"].replace("${sourceDir}/", "").replace("${presetName}", preset), folder)

    def test_a_long_build_says_so(self):
        self.assertIn("build debug: 200 steps, which take minutes", self.dev("test", steps=200).stderr)
        self.assertEqual(self.dev("test", steps=3).stderr, "")


if __name__ == "__main__":
    unittest.main()
