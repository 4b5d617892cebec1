"""Tests of tools/linting/tidy.py: clang-tidy over small repositories, in groups and with its cache."""
import json
import os
import shutil
import sys
import tempfile
import unittest
from unittest import mock

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from linting import tidy  # noqa: E402
from linting.tidy import Source  # noqa: E402

CONFIG = "Checks: '-*,modernize-use-nullptr,misc-unused-using-decls,misc-use-internal-linkage'\n"
CLEAN = '#include "a/number.h"\n\nint number() { return one; }\n'
HEADER = "// A number.\n#pragma once\nconstexpr int one = 1;\nint number();\n"
NULL = '#include "a/number.h"\n\nint number() { return one; }\n\nnamespace {\nconst char* const text = 0;\n}\n'


class Repository(unittest.TestCase):
    def setUp(self):
        self.root = os.path.realpath(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.root)
        self.cache = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.cache)
        environment = mock.patch.dict(os.environ, {"XDG_CACHE_HOME": self.cache})
        environment.start()
        self.addCleanup(environment.stop)
        self.write(".clang-tidy", CONFIG)
        self.write("src/a/number.h", HEADER)

    def write(self, path: str, text: str) -> None:
        os.makedirs(os.path.dirname(f"{self.root}/{path}"), exist_ok=True)
        with open(f"{self.root}/{path}", "w", encoding="utf-8") as stream:
            stream.write(text)

    def sources(self, *paths: str) -> list[Source]:
        return [Source(path, ("-std=c++20", f"-I{self.root}/src")) for path in paths]


@unittest.skipUnless(shutil.which(tidy.CLANG_TIDY), f"needs {tidy.CLANG_TIDY}")
class Running(Repository):
    def check(self, *paths: str) -> tuple[list[str], int]:
        """Findings, and how often clang-tidy ran for them."""
        run = tidy.Tidy(self.root)
        found = tidy.check_groups(run, [self.sources(*paths)])
        return [f"{f.path}:{f.line} {f.rule}" for f in found], run.runs

    def test_a_finding_has_its_place(self):
        self.write("src/a/first.cpp", CLEAN)
        self.assertEqual(self.check("src/a/first.cpp"), ([], 1))
        self.write("src/a/first.cpp", NULL)
        self.assertEqual(self.check("src/a/first.cpp")[0], ["src/a/first.cpp:6 modernize-use-nullptr"])

    def test_a_finding_in_a_header(self):
        self.write("src/a/first.cpp", CLEAN)
        self.write("src/a/number.h", HEADER + "constexpr const char* none = 0;\n")
        self.assertEqual(self.check("src/a/first.cpp")[0], ["src/a/number.h:5 modernize-use-nullptr"])

    def test_places_in_a_group(self):
        self.write("src/a/first.cpp", CLEAN)
        self.write("src/a/second.cpp", "\n#include <utility>\nnamespace {\nusing std::swap;\nvoid* none = 0;\n}\n")
        self.write("src/a/third.cpp", "int main() { return 0; }\n")
        self.write("src/a/fourth.cpp", "int main() { return 0; }\n")
        paths = [f"src/a/{name}.cpp" for name in ("first", "second", "third", "fourth")]
        self.assertEqual(self.check(*paths), (["src/a/second.cpp:4 misc-unused-using-decls",
                                               "src/a/second.cpp:5 modernize-use-nullptr"], 1))

    def test_what_cannot_be_parsed_fails(self):
        for text in ("int f() { return missing; }\n", '#include "a/missing.h"\n', "}\n"):
            self.write("src/a/first.cpp", text)
            self.assertEqual(self.check("src/a/first.cpp"), (["src/a/first.cpp:1 tidy"], 1), text)

    def test_files_that_clash_are_checked_apart(self):
        self.write("src/a/first.cpp", "namespace {\nint twice = 1;\n}\n")
        self.write("src/a/second.cpp", "namespace {\nint twice = 1;\nvoid* none = 0;\n}\n")
        found, runs = self.check("src/a/first.cpp", "src/a/second.cpp")
        self.assertEqual((found, runs), (["src/a/second.cpp:3 modernize-use-nullptr"], 3))
        self.assertEqual(self.check("src/a/first.cpp", "src/a/second.cpp"), (found, 0))

    def test_a_file_that_cannot_be_parsed_hides_no_other(self):
        self.write("src/a/first.cpp", "int f() { return missing; }\n")
        self.write("src/a/second.cpp", NULL)
        self.write("src/a/third.cpp", CLEAN.replace("number()", "other()"))
        found, _ = self.check("src/a/first.cpp", "src/a/second.cpp", "src/a/third.cpp")
        self.assertEqual([f for f in found if "linkage" not in f],
                         ["src/a/first.cpp:1 tidy", "src/a/second.cpp:6 modernize-use-nullptr"])

    def test_the_cache_knows_what_did_not_change(self):
        self.write("src/a/first.cpp", NULL)
        found, runs = self.check("src/a/first.cpp")
        self.assertEqual(runs, 1)
        self.write("src/a/unrelated.h", "// Nothing.\n")
        self.assertEqual(self.check("src/a/first.cpp"), (found, 0))

    def test_a_change_ends_what_the_cache_knows(self):
        self.write("src/a/deep.h", "// Deep.\n#pragma once\n")
        self.write("src/a/number.h", '#include "deep.h"\n' + HEADER)
        self.write("src/a/first.cpp", CLEAN)
        self.assertEqual(self.check("src/a/first.cpp"), ([], 1))
        for path, text in [("src/a/deep.h", "// Deep.\n#pragma once\nconstexpr const char* none = 0;\n"),
                           ("src/a/first.cpp", NULL), (".clang-tidy", CONFIG + "UseColor: false\n")]:
            self.write(path, text)
            found, runs = self.check("src/a/first.cpp")
            self.assertEqual((runs, found[-1].split(" ")[0][:6]), (1, "src/a/"), path)
            self.assertEqual(self.check("src/a/first.cpp"), (found, 0), path)

    def test_a_cache_that_is_not_whole_is_not_believed(self):
        self.write("src/a/first.cpp", NULL)
        found, _ = self.check("src/a/first.cpp")
        kept = os.listdir(tidy.cache_folder())
        self.assertEqual(len(kept), 1)
        with open(os.path.join(tidy.cache_folder(), kept[0]), "w", encoding="utf-8") as stream:
            stream.write('{"findings": [')
        self.assertEqual(self.check("src/a/first.cpp"), (found, 1))

    def test_another_clone_has_the_same_cache(self):
        self.write("src/a/first.cpp", NULL)
        found, _ = self.check("src/a/first.cpp")
        clone = self.root + "-clone"
        shutil.copytree(self.root, clone)
        self.addCleanup(shutil.rmtree, clone)
        self.root = clone
        self.assertEqual(self.check("src/a/first.cpp"), (found, 0))
        self.write("src/a/first.cpp", CLEAN)
        self.assertEqual(self.check("src/a/first.cpp"), ([], 1))


class Grouping(Repository):
    def groups(self, files: dict[str, str]) -> list[list[str]]:
        groups = tidy.groups_of(self.sources(*files), lambda s: tidy.definitions(files[s.path]))
        return sorted([source.path for source in group] for group in groups)

    def test_files_that_are_compiled_alike_are_a_group(self):
        self.assertEqual(self.groups({"a/x.cpp": "", "a/y.cpp": "", "b/x.cpp": ""}),
                         [["a/x.cpp", "a/y.cpp", "b/x.cpp"]])
        sources = [*self.sources("a/x.cpp"), Source("a/y.cpp", ("-O2",))]
        self.assertEqual(len(tidy.groups_of(sources)), 2)
        many = self.sources(*(f"a/{i}.cpp" for i in range(tidy.GROUP_FILES_MAX + 1)))
        self.assertEqual([len(group) for group in tidy.groups_of(many)], [tidy.GROUP_FILES_MAX, 1])

    def test_files_that_define_the_same_name_are_apart(self):
        for text in ["struct Row {", "enum class Row {", "class Row final : public A {", "using Row = int;",
                     "void Row(int a) {", "const std::vector<int>& Row(", "constexpr int Row[] = {",
                     'constexpr std::string_view Row = "";', "TEST(Suite, row) {", "std::string Row{};"]:
            self.assertEqual(len(self.groups({"a/x.cpp": text + "\n", "a/y.cpp": text + "\n"})), 2, text)
        for text in ["struct Row;", "using fake::Row;", "using namespace Row;", "namespace Row = starling::row;",
                     "void Class::row(int a) {", "    int row = 1;", "int main() {", "// struct Row {",
                     'extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {']:
            self.assertEqual(len(self.groups({"a/x.cpp": text + "\n", "a/y.cpp": text + "\n"})), 1, text)


class Database(Repository):
    def configure(self, *paths: str, command: str = "c++ -Ia -Werror -o x.o -c x.cpp") -> str:
        entries = [{"directory": f"{self.root}/build/debug", "file": f"{self.root}/{path}", "command": command}
                   for path in paths]
        self.write("build/debug/compile_commands.json", json.dumps(entries))
        return f"{self.root}/build/debug/compile_commands.json"

    def test_sources_and_their_arguments(self):
        database = self.configure("src/a/x.cpp", "tests/y.cpp", "src/a/x.cpp")
        self.assertEqual(tidy.sources_of(database, self.root, ("src",)), [Source("src/a/x.cpp", ("-Ia",))])

    def test_stale(self):
        database = f"{self.root}/build/debug/compile_commands.json"
        self.assertTrue(tidy.is_stale(database, self.root))
        self.write("src/a/x.cpp", "")
        self.write("CMakeLists.txt", "")
        self.configure("src/a/x.cpp")
        self.assertFalse(tidy.is_stale(database, self.root))
        self.write("src/a/new.cpp", "")
        self.assertTrue(tidy.is_stale(database, self.root))
        os.remove(f"{self.root}/src/a/new.cpp")
        later = os.path.getmtime(database) + 5
        os.utime(f"{self.root}/CMakeLists.txt", (later, later))
        self.assertTrue(tidy.is_stale(database, self.root))
        os.utime(database, (later, later))
        self.assertFalse(tidy.is_stale(database, self.root))
        os.remove(f"{self.root}/src/a/x.cpp")
        self.assertTrue(tidy.is_stale(database, self.root))

    def test_without_clang_tidy(self):
        known, tidy.CLANG_TIDY = tidy.CLANG_TIDY, "clang-tidy-of-no-machine"
        try:
            found = tidy.check_tidy(self.root)
        finally:
            tidy.CLANG_TIDY = known
        self.assertEqual([(f.path, f.rule) for f in found], [(".clang-tidy", "tidy")])
        self.assertIn("is missing", found[0].message)

    @unittest.skipUnless(shutil.which(tidy.CLANG_TIDY), f"needs {tidy.CLANG_TIDY}")
    def test_a_preset_that_cannot_be_configured(self):
        self.write("CMakePresets.json", "{}")
        found = tidy.check_tidy(self.root)
        self.assertEqual([(f.path, f.rule) for f in found], [("CMakePresets.json", "tidy")])

    def test_old_results_go(self):
        now = 1e9
        for leaf, days in [("new.json", 1), ("old.json", 31), ("left.cpp", 2), ("running.cpp", 0)]:
            self.write(f"build/tidy/{leaf}", "")
            os.utime(f"{self.root}/build/tidy/{leaf}", (now - days * 86400, now - days * 86400))
        tidy.clean(f"{self.root}/build/tidy", now)
        self.assertEqual(sorted(os.listdir(f"{self.root}/build/tidy")), ["new.json", "running.cpp"])


if __name__ == "__main__":
    unittest.main()
