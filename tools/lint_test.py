"""Tests of tools/lint: for each rule, an input that it finds and an input that it accepts."""
import contextlib
import io
import os
import sys
import unittest
from unittest import mock

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from linting import calls, exceptions, guides, layers, lengths, pages, reference, source, style, text  # noqa: E402
from linting.source import File, Finding  # noqa: E402

TABLE = """
| layer | holds | kind | includes |
|---|---|---|---|
| `base` | buffers | base | → |
| `ws` | frames | pure | → |
| `net` | loop | I/O | → |
| `server` | connections | I/O | → net ws |
| `app` | main | program | → |
"""
SKELETON = [File(f"src/{name}/x.h", "") for name in ("base", "ws", "net", "server", "app")]


def found(findings) -> list[str]:
    return [f"{f.path}:{f.line} {f.rule}" for f in findings]


class Layers(unittest.TestCase):
    table = layers.parse(TABLE)

    def includes(self, path: str, line: str) -> list[str]:
        return found(layers.check_includes([*SKELETON, File(path, line + "\n")], self.table))

    def test_rows(self):
        self.assertEqual(sorted(self.table), ["app", "base", "net", "server", "ws"])
        self.assertEqual(self.table["server"].to, {"base", "net", "ws"})
        self.assertEqual(self.table["base"].to, frozenset())
        self.assertEqual(self.table["app"].to, frozenset())

    def test_includes_that_pass(self):
        for path, line in [
            ("src/ws/a.cpp", '#include "ws/x.h"'),
            ("src/ws/a.cpp", '#include "base/x.h"'),
            ("src/ws/a.cpp", "#include <starling/websocket.h>"),
            ("src/server/a.cpp", '#include "net/x.h"'),
            ("src/app/main.cpp", "#include <starling/server.h>"),
            ("src/app/main.cpp", '#include "app/x.h"'),
            ("tests/ws/a_test.cpp", '#include "ws/x.h"'),
            ("include/starling/a.h", "#include <starling/http.h>"),
            ("examples/echo.cpp", "#include <starling/server.h>"),
            ("src/ws/a.cpp", '// #include "net/x.h" would be wrong'),
        ]:
            self.assertEqual(self.includes(path, line), [], line)

    def test_includes_that_fail(self):
        for path, line in [
            ("src/ws/a.cpp", '#include "net/x.h"'),
            ("src/base/a.h", '#include "ws/x.h"'),
            ("src/net/a.cpp", '  #  include "server/x.h"'),
            ("src/ws/a.cpp", '#include "x.h"'),
            ("src/ws/a.cpp", '#include "ws/missing.h"'),
            ("src/app/main.cpp", '#include "server/x.h"'),
            ("src/app/main.cpp", '#include "base/x.h"'),
            ("include/starling/a.h", '#include "net/x.h"'),
            ("examples/echo.cpp", '#include "ws/x.h"'),
        ]:
            self.assertEqual(self.includes(path, line), [f"{path}:1 layers"], line)

    def test_table_matches_the_folders(self):
        self.assertEqual(found(layers.check_table(SKELETON, self.table)), [])
        more = [*SKELETON, File("src/extra/a.h", "")]
        self.assertIn("src/extra", str(list(layers.check_table(more, self.table))[0]))
        self.assertIn("no src/app", str(list(layers.check_table(SKELETON[:-1], self.table))[0]))

    def test_a_folder_in_a_folder_may_be_a_layer(self):
        text = TABLE.rstrip("\n") + "\n| `server/files` | files | I/O | → ws server |\n"
        table = layers.parse(text)
        inner = File("src/server/files/a.h", '#include "server/a.h"\n#include "ws/x.h"\n')
        outer = File("src/server/b.cpp", '#include "server/files/a.h"\n')
        files = [*SKELETON, File("src/server/a.h", ""), inner, outer]
        self.assertEqual(found(layers.check_table(files, table)), [])
        self.assertEqual(found(layers.check_includes(files, table)), ["src/server/b.cpp:1 layers"])
        strange = File("src/server/files/c.cpp", '#include "net/x.h"\n')
        self.assertEqual(found(layers.check_includes([*SKELETON, strange], table)),
                         ["src/server/files/c.cpp:1 layers"])
        more = [*files, File("src/server/extra/a.h", "")]
        self.assertIn("src/server/extra has no row", str(list(layers.check_table(more, table))[0]))

    def test_table_has_no_cycle(self):
        table = layers.parse(TABLE.replace("| loop | I/O | → |", "| loop | I/O | → server |"))
        messages = " ".join(map(str, layers.check_table(SKELETON, table)))
        self.assertIn("cycle: net → server", messages)

    def test_pure_layers_include_no_layer_that_is_not(self):
        table = layers.parse(TABLE.replace("| frames | pure | → |", "| frames | pure | → net |"))
        messages = " ".join(map(str, layers.check_table(SKELETON, table)))
        self.assertIn("ws is pure, net is not", messages)

    def test_pure(self):
        for line in ["#include <sys/socket.h>", "#include <unistd.h>", "#include <thread>",
                     "#include <random>", "auto t = std::chrono::steady_clock::now();",
                     "time(nullptr);", "RAND_bytes(p, 4);", "std::thread t;"]:
            bad = [File("src/ws/a.cpp", line + "\n")]
            self.assertEqual(found(layers.check_pure(bad, self.table)), ["src/ws/a.cpp:1 pure"], line)
            elsewhere = [File("src/net/a.cpp", line + "\n")]
            self.assertEqual(found(layers.check_pure(elsewhere, self.table)), [], line)
        for line in ["#include <chrono>", "// steady_clock::now() is the caller's",
                     "uint64_t now_ms;", "next_time(0);"]:
            good = [File("src/ws/a.cpp", line + "\n")]
            self.assertEqual(found(layers.check_pure(good, self.table)), [], line)

    def test_an_inner_folder_of_a_pure_layer_may_do_io(self):
        table = layers.parse(TABLE + "| `ws/client` | sockets | I/O | → net ws |\n")
        inner = [File("src/ws/client/a.cpp", "#include <unistd.h>\n")]
        self.assertEqual(found(layers.check_pure(inner, table)), [])
        outer = [File("src/ws/a.cpp", "#include <unistd.h>\n")]
        self.assertEqual(found(layers.check_pure(outer, table)), ["src/ws/a.cpp:1 pure"])

    def test_heavy_headers(self):
        one = File("src/http/parser.cpp", "#include <boost/beast/http.hpp>\n")
        two = File("src/http/other.cpp", "#include <boost/beast/core.hpp>\n")
        header = File("src/http/a.h", "#include <spdlog/spdlog.h>\n")
        bench = File("bench/beast_echo.cpp", "#include <boost/beast.hpp>\n")
        self.assertEqual(found(layers.check_heavy([one, bench])), [])
        self.assertEqual(found(layers.check_heavy([one, two])), ["src/http/other.cpp:1 heavy"])
        self.assertEqual(found(layers.check_heavy([header])), ["src/http/a.h:1 heavy"])


class Lengths(unittest.TestCase):
    @staticmethod
    def function(header: str, lines: int) -> str:
        return header + " {\n" + "    work();\n" * (lines - 2) + "}\n"

    def test_files(self):
        for count, rules in [(500, []), (501, ["file-length"]), (800, ["file-length"]),
                             (801, ["file-length-hard"])]:
            files = [File("src/a.cpp", "x;\n" * count)]
            self.assertEqual([f.rule for f in lengths.check_files(files)], rules, count)
        self.assertEqual(list(lengths.check_files([File("docs/a.md", "x\n" * 900)])), [])

    def test_functions_of_every_shape(self):
        for header in [
            "void f()",
            "int Class::f(int a, std::string b) const noexcept",
            "auto f() -> std::vector<int>",
            "template <class T>\nvoid f(T&& value)",
            "struct Result f(struct Input input)",
            "Class::Class(int a) : a_(a), b_{1, 2}, c_{}",
            "Class::Class()\n    : a_{1},\n      b_(2)",
            "TEST(Suite, does_something)",
            "bool operator==(const A& a, const A& b)",
            "namespace a {\nnamespace {\nclass B : public C<int> {\npublic:\n    B()",
            "enum class E : uint8_t { a, b };\nconst std::array<int, 2> t = {{1, 2}};\nvoid f()",
            'constexpr char text[] = R"({{{ )";\nvoid f()',
            "#define OPEN {\nvoid f()",
            'extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size)',
            "const auto handler = [](int a)",
        ]:
            short = [File("src/a.cpp", self.function(header, 60))]
            self.assertEqual(found(lengths.check_functions(short)), [], header)
            long = [File("src/a.cpp", self.function(header, 71))]
            self.assertEqual(len(found(lengths.check_functions(long))), 1, header)

    def test_what_is_not_a_function(self):
        for header in ["namespace a", "class A", "struct A : B<int>", "enum class E",
                       "constexpr Row rows[] =", "inline const std::map<int, int> m ="]:
            files = [File("src/a.cpp", self.function(header, 200).replace("work();", "1,"))]
            self.assertEqual(found(lengths.check_functions(files)), [], header)

    def test_lambdas_count_to_their_function(self):
        body = "void f() {\n    g([] {\n" + "        work();\n" * 66 + "    });\n}\n"
        self.assertEqual(found(lengths.check_functions([File("a.cpp", body)])), [])
        functions = lengths.functions(File("a.cpp", body))
        self.assertEqual([(f.name, f.first_line, f.last_line) for f in functions], [("f", 1, 70)])

    def test_python_functions(self):
        text = "def f():\n" + "    pass\n" * 70
        self.assertEqual(found(lengths.check_functions([File("a.py", text)])),
                         ["a.py:1 function-length"])
        self.assertEqual(found(lengths.check_functions([File("a.py", text[:-9])])), [])


class Calls(unittest.TestCase):
    def calls(self, path: str, line: str) -> list[str]:
        return found(calls.check_calls([File(path, line + "\n")]))

    def test_banned(self):
        for path, line in [
            ("src/ws/a.cpp", "strcpy(a, b);"), ("bench/a.cpp", "sprintf(a, b);"),
            ("src/ws/a.cpp", "int x = rand();"), ("tests/a.cpp", 'std::system("ls");'),
            ("src/ws/a.cpp", "using namespace std;"), ("src/ws/a.cpp", 'std::cout << "x";'),
            ("src/net/a.cpp", "std::this_thread::sleep_for(1s);"), ("tests/a.cpp", "::usleep(5);"),
            ("src/ws/a.cpp", "exit(1);"), ("src/net/a.cpp", 'std::getenv("HOME");'),
        ]:
            self.assertEqual(self.calls(path, line), [f"{path}:1 calls"], line)

    def test_allowed(self):
        for path, line in [
            ("src/ws/a.cpp", "snprintf(a, n, b);"), ("src/app/main.cpp", 'std::cout << "x";'),
            ("src/ws/a.cpp", "// strcpy(a, b) is banned"), ("src/ws/a.cpp", 'f("rand()");'),
            ("src/ws/a.cpp", "operand(1);"), ("src/ws/a.cpp", "std::system_error error(code);"),
            ("src/ws/a.cpp", "std::generic_category(); loop.exit(1);"),
            ("bench/a.cpp", "std::this_thread::sleep_for(1s);"),
            ("src/ws/a.cpp", "using namespace std::chrono_literals;"),
        ]:
            self.assertEqual(self.calls(path, line), [], line)

    def test_tests_assert(self):
        helper = "void check_all(int a) {\n    EXPECT_EQ(a, 1);\n}\n"
        for body, expected in [
            ("    EXPECT_TRUE(f());\n", []),
            ("    check_all(1);\n", []),
            ("    run(1);\n", ["tests/ws/a_test.cpp:4 tests"]),
        ]:
            file = File("tests/ws/a_test.cpp", helper + "TEST(A, b) {\n" + body + "}\n")
            self.assertEqual(found(calls.check_tests([file])), expected, body)
        disabled = File("tests/a_test.cpp", "TEST(A, DISABLED_b) {\n    FAIL();\n}\n")
        self.assertEqual(found(calls.check_tests([disabled])), ["tests/a_test.cpp:1 tests"])

    def test_node_tests_assert(self):
        good = File("tests/interop/a.test.mjs", "import assert from 'node:assert';\ntest('a');\n")
        bad = File("tests/interop/a.test.mjs", "test('a', () => {});\n")
        only = File("tests/interop/a.test.mjs", "test.only('a', () => { assert(1); });\n")
        self.assertEqual(found(calls.check_tests([good])), [])
        for file in (bad, only):
            self.assertEqual(found(calls.check_tests([file])), ["tests/interop/a.test.mjs:1 tests"])


class Text(unittest.TestCase):
    def test_words(self):
        for line in ["// TO" "DO: later", "# FIX" "ME", "see /ho" "me/someone/x", "/wo" "rk/main"]:
            self.assertEqual(found(text.check_words([File("a.h", line)])), ["a.h:1 words"], line)
        for line in ["the method", "a/ho" "me/x", "GET /homepage", "https://example.com/wo" "rk/a"]:
            self.assertEqual(found(text.check_words([File("a.h", line)])), [], line)

    def test_nolint(self):
        for line in ["f();  // NOLINT", "f();  // NOLINT: it is right", "f();  // NOLINT(a-check)",
                     "// NOLINTBEGIN(a-check): reason", "f();  // NOLINT(*): reason"]:
            self.assertEqual(found(text.check_nolint([File("a.h", line)])), ["a.h:1 nolint"], line)
        for line in ["f();  // NOLINT(a-check): a reason.", "// NOLINTNEXTLINE(a-check,b-check): a reason."]:
            self.assertEqual(found(text.check_nolint([File("a.h", line)])), [], line)
        self.assertEqual(found(text.check_nolint([File("a.md", "// NOLINT")])), [])

    def test_space(self):
        for line in ["x; \n", "x;\r\n", "x;", "\tx;\n", "x;\n\n"]:
            self.assertEqual(len(found(text.check_space([File("a.h", line)]))), 1, repr(line))
        for path, line in [("a.h", "x;\n"), ("a.md", "two  \nlines\n"), ("a.h", "")]:
            self.assertEqual(found(text.check_space([File(path, line)])), [], repr(line))

    def test_headers(self):
        good = File("src/ws/a.h", "// ws/a.h: frames.\n#pragma once\n")
        self.assertEqual(found(text.check_headers([good])), [])
        self.assertEqual(len(found(text.check_headers([File("src/ws/a.h", "#pragma once\n")]))), 2)


ENGLISH = """# Rooms

[中文](rooms.zh.md)

A room has a `name`: see [topics](topics.md#what-a-topic-is) and [below](#limits).

```sh room
starling serve --root www  # One room.
```

    starling connect ws://localhost:8080/chat

    client → server

## Limits

| key | default |
|---|---|
| `rooms_max` | 10 |
"""
CHINESE = """# 房间

[English](rooms.md)

房间有 `name`:见[下文](#限制)和[主题](topics.zh.md#什么是-topic)。

```sh room
starling serve --root www  # 一个房间。
```

    starling connect ws://localhost:8080/chat

    客户端 → 服务器

## 限制

| 键 | 默认值 |
|---|---|
| `rooms_max` | 10 |
"""
TOPICS = [File("docs/topics.md", "[中文](topics.zh.md)\n# What a `topic` is\n"),
          File("docs/topics.zh.md", "[English](topics.md)\n# 什么是 `topic`\n")]


class Reference(unittest.TestCase):
    LEAVES = [("a", {"description": "x | y here"}, False), ("b[].c", {"description": "`auto`"}, True)]
    ENGLISH = {"a": "x \\| y here", "b[].c": "`auto`"}
    CHINESE = {"a": "甲 \\| 乙", "b[].c": "`auto`"}

    def test_keys(self):
        for english, chinese, message in [
            ({}, {}, ""),
            ({}, {"a": "x \\| y"}, "docs/configuration.zh.md:1: `a` has no Chinese"),
            ({}, {"a": None}, "docs/configuration.zh.md:1: the table of keys has no row `a`"),
            ({"b[].c": None}, {}, "docs/configuration.md:1: the table of keys has no row `b[].c`"),
            ({"a": "x"}, {}, "docs/configuration.md:1: `a` does not say what packaging/starling.schema.json says: x | y here"),
        ]:
            meanings = [{key: text for key, text in {**guide, **change}.items() if text is not None}
                        for guide, change in ((self.ENGLISH, english), (self.CHINESE, chinese))]
            findings = [str(finding) for finding in reference.check_keys(meanings, self.LEAVES)]
            self.assertEqual(len(findings), 1 if message else 0, message)
            self.assertIn(message, "".join(findings))

    def test_texts(self):
        for found_texts, message in [
            ({"The `x`": "那个 `x`", "{} or {}": "{} 或 {}"}, ""),
            ({"{} or {}": "{} 或 {}"}, 'part has a text without Chinese: add "The `x`": "..."'),
            ({"The `x`": "那个 `x`", "{} or {}": "{} 或 {}", "Gone": "没有"}, 'part does not have this text any more: "Gone"'),
            ({"The `x`": "那个 x", "{} or {}": "{} 或 {}"}, "other words in backticks"),
            ({"The `x`": "那个 `x`", "{} or {}": "{} 或"}, "other words in backticks or other {}"),
        ]:
            findings = [str(one) for one in reference.check_texts("part", ["The `x`", "{} or {}"], found_texts)]
            self.assertEqual(len(findings), 1 if message else 0, message)
            self.assertIn(message, "".join(findings))

    def test_a_text_that_a_comma_cuts(self):
        self.assertEqual(list(reference.cut_texts({"a": [{"description": "The text, all of it"}]})), [])
        self.assertEqual(list(reference.cut_texts({"a": [{"description": "The text", "all of it": None}]})),
                         ['/a/0: "all of it" is no key; put the text before it in quotes'])


class Guides(unittest.TestCase):
    def check(self, english: str, chinese: str) -> list[str]:
        files = [File("docs/rooms.md", english), File("docs/rooms.zh.md", chinese), *TOPICS]
        return [str(finding) for finding in guides.check_guides(files)]

    def test_same_structure_passes(self):
        self.assertEqual(self.check(ENGLISH, CHINESE), [])

    def test_differences_are_found(self):
        for old, new, message in [
            ("## 限制", "### 限制", "15: headings: line 15 of docs/rooms.md has '##', here is '###'"),
            ("## 限制\n", "\n", "1: headings: line 15 of docs/rooms.md has '##', here is 'nothing'"),
            ("--root www", "--root web", "8: code: line 8 of docs/rooms.md has 'starling serve --root www', "
                                         "here is 'starling serve --root web'"),
            ("sh room", "sh", "7: code: line 7 of docs/rooms.md has 'sh room', here is 'sh'"),
            ("8080/chat", "8080/echo", "11: code: line 11 of docs/rooms.md has"),
            ("→ 服务器", "", "13: code: line 13 of docs/rooms.md has 'a drawing', here is '    客户端'"),
            ("| 10 |", "| 10 | 20 |", "17: tables: line 17 of docs/rooms.md has 3 rows of 2 columns, here is 3 rows"),
            ("| `rooms_max` | 10 |\n", "", "17: tables: "),
            ("`rooms_max`", "rooms_max", "1: line 19 of docs/rooms.md has `rooms_max`"),
            ("`name`", "`name` (`名字`)", "5: docs/rooms.md does not have `名字`"),
            ("topics.zh.md#", "topics.md#", "5: link: docs/rooms.md has none that is topics.md#什么是-topic"),
            ("(#限制)", "(#limits)", "5: link: docs/rooms.md has none that is #limits in Chinese"),
            ("[下文](#限制)", "下文", "1: link: no #限制"),
            ("`name`", "`name` run（）", "5: a call has the brackets of ASCII: run（）"),
            ("[English](rooms.md)", "", "1: one of the first lines is [English](rooms.md)"),
        ]:
            self.assertIn(old, CHINESE)
            findings = self.check(ENGLISH, CHINESE.replace(old, new))
            self.assertIn(f"docs/rooms.zh.md:{message}", "\n".join(findings), new)

    def test_the_english_guide_names_headings_that_exist(self):
        wrong = self.check(ENGLISH.replace("(#limits)", "(#bounds)"), CHINESE.replace("[下文](#限制)", "下文"))
        self.assertEqual(wrong, ["docs/rooms.md:5: no such heading: #bounds [guides]"])

    def test_a_guide_alone_is_found(self):
        for path in ("docs/a.md", "docs/a.zh.md", "README.md", "README.zh.md"):
            self.assertEqual(found(guides.check_guides([File(path, "")])), [f"{path}:1 guides"])
        for path in ("CHANGELOG.md", "examples/README.md"):
            self.assertEqual(found(guides.check_guides([File(path, "")])), [])

    def test_samples_differ_only_in_comments(self):
        for language, english, chinese in [
            ("cpp", "run();  // Ends.\n// Twice,\n// then once.\nf(\"http://a\");",
             "run();  // 结束。\n// 共三次\nf(\"http://a\");"),
            ("yaml", "a: 1  # One.\nb: \"#2\"", "a: 1  # 一。\nb: \"#2\""),
            ("html", "<p>a</p>\n<!-- A\nparagraph. -->", "<p>a</p>\n<!-- 段落。 -->"),
        ]:
            def with_sample(guide: str, sample: str) -> str:
                return f"{guide}\n```{language}\n{sample}\n```\n"

            self.assertEqual(self.check(with_sample(ENGLISH, english), with_sample(CHINESE, chinese)), [], language)
            for wrong in (chinese.replace("a", "c"), chinese + "\nmore", "// 没有"):
                self.assertEqual(len(self.check(with_sample(ENGLISH, english), with_sample(CHINESE, wrong))), 1, wrong)


class Pages(unittest.TestCase):
    def pages(self, path: str, line: str) -> list[str]:
        return found(pages.check_pages([File(path, line + "\n")]))

    def test_markup_and_code_from_text(self):
        for line in [
            "item.innerHTML = name;", "item.outerHTML += name;", "list.insertAdjacentHTML('beforeend', name);",
            "document.write(name);", "frame.srcdoc = text;", "eval(text);", "new Function(text)();",
            "setTimeout('go()', 1);", '<a href="javascript:go()">', '<img src="a.png" onerror="go()">',
            "link.setAttribute('onclick', text);", "new DOMParser().parseFromString(text, 'text/html');",
        ]:
            self.assertEqual(self.pages("web/chat/chat.js", line), ["web/chat/chat.js:1 pages"], line)

    def test_elements_from_text(self):
        for path, line in [
            ("web/chat/chat.js", "item.textContent = name;"), ("web/chat/chat.js", "setTimeout(connect, 1000);"),
            ("web/chat/chat.js", "socket.onmessage = ({ data }) => show(data);"), ("web/a.html", '<p id="on">'),
            ("web/chat/chat.js", "retrieval(1);"), ("tests/browser/a.test.mjs", "document.write(1);"),
        ]:
            self.assertEqual(self.pages(path, line), [], line)


class Style(unittest.TestCase):
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

    def test_shell(self):
        bad = File("x", "#!/bin/bash\nif true; then\n", True)
        good = File("x", "#!/bin/bash\nif true; then :; fi\n", True)
        closed = File("x", "#!/bin/bash\n", False)
        self.assertEqual(found(style.check_shell([bad], self.root)), ["x:1 shell"])
        self.assertEqual(found(style.check_shell([good], self.root)), [])
        self.assertEqual(found(style.check_shell([closed], self.root)), ["x:1 shell"])

    @unittest.skipUnless(style.shutil.which(style.CLANG_FORMAT), "needs clang-format")
    def test_format(self):
        import tempfile
        version = style.clang_format_version()
        self.assertGreater(version, 0)
        with tempfile.TemporaryDirectory() as root:
            os.mkdir(f"{root}/src")
            with open(f"{root}/.clang-format", "w") as config:
                config.write("BasedOnStyle: Google\n")
            for content, wanted, expected in [("int  x ;\n", version, ["src/a.h:1 format"]),
                                              ("int  x ;\n", version + 1, []), ("int x;\n", version, [])]:
                with open(f"{root}/src/a.h", "w") as stream:
                    stream.write(content)
                said = io.StringIO()
                with mock.patch.object(style, "CLANG_FORMAT_VERSION", wanted), contextlib.redirect_stderr(said):
                    self.assertEqual(found(style.check_format([File("src/a.h", content)], root)), expected)
                self.assertEqual("is not checked" in said.getvalue(), wanted != version)


class Exceptions(unittest.TestCase):
    finding = Finding("src/a.cpp", 501, "file-length", "501 lines")

    def test_excused_with_a_reason(self):
        self.assertEqual(exceptions.apply([self.finding], "file-length src/a.cpp a table\n", "e"), [])

    def test_reason_needed_and_stale_ones_found(self):
        for line in ["file-length src/a.cpp", "file-length src/b.cpp gone", "words src/a.cpp because"]:
            kept = exceptions.apply([self.finding], line + "\n", "e")
            self.assertEqual([f.rule for f in kept], ["file-length", "exceptions"], line)


class Source(unittest.TestCase):
    def test_comments_and_literals_are_blank(self):
        code = 'a("x{") /* { */ + \'{\' // {\nR"j({)j" 1\'000\'000 b;'
        blank = File("a.cpp", code).code
        self.assertNotIn("{", blank)
        self.assertEqual(blank.count("\n"), 1)
        self.assertIn("1'000'000 b;", blank)

    def test_load_skips_what_is_built(self):
        import tempfile
        with tempfile.TemporaryDirectory() as root:
            for path in ("src/a.h", "build/x/b.h", "fuzz/corpus/c.txt", "node_modules/d.js", "e.bin"):
                os.makedirs(os.path.dirname(f"{root}/{path}"), exist_ok=True)
                with open(f"{root}/{path}", "w") as stream:
                    stream.write("x\n")
            self.assertEqual([f.path for f in source.load(root)], ["src/a.h"])


if __name__ == "__main__":
    unittest.main()
