"""Tests of tools/docs: what the site's pages are made from, what the check of a site finds, and the site itself."""
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
# MkDocs and what comes with it are packages of the system's Python.
PYTHON = "/usr/bin/python3"
if os.path.realpath(sys.executable) != os.path.realpath(PYTHON) and os.path.exists(PYTHON):
    os.execv(PYTHON, [PYTHON, *sys.argv])
sys.path.insert(0, os.path.join(ROOT, "tools", "docs"))

import api_page  # noqa: E402
import api_reference  # noqa: E402
import build  # noqa: E402
import check  # noqa: E402
import config_page  # noqa: E402
import stage  # noqa: E402
import texts  # noqa: E402


class Folder(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def write(self, name: str, text: str) -> None:
        path = os.path.join(self.folder.name, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as stream:
            stream.write(text)


class Staging(Folder):
    FILES = {"docs/a.md", "docs/b.md", "docs/b.zh.md", "docs/curves/p.svg", "README.md", "README.zh.md",
             "examples/echo.cpp"}

    def staged(self, language: str = "en") -> stage.Stage:
        return stage.Stage(self.folder.name, os.path.join(self.folder.name, "out"), language, self.FILES)

    def test_links(self):
        for source, text, expected, *language in (
                ("docs/a.md", "[b](b.md#x)", "[b](b.md#x)"),
                ("docs/a.md", "[b](b.zh.md)", "[b](b.md)"),
                ("docs/b.md", "[中文](b.zh.md)", "[中文](other-language:zh/b.html)"),
                ("docs/b.zh.md", "[English](b.md)", "[English](other-language:../b.html)", "zh"),
                ("README.md", "[中文](README.zh.md)", "[中文](other-language:../zh/source/README.md.html)"),
                ("README.zh.md", "[English](README.md)", "[English](other-language:../../source/README.md.html)", "zh"),
                ("docs/a.md", "[r](../README.md#y)", "[r](source/README.md.md#y)"),
                ("README.md", "[a](docs/a.md)", "[a](../a.md)"),
                ("docs/a.md", "[e](../examples/echo.cpp)", "[e](source/examples/echo.cpp.txt)"),
                ("docs/a.md", "![p](curves/p.svg)", "![p](source/docs/curves/p.svg)"),
                ("docs/a.md", "[e](../examples)", "[e](source/examples/folder.md)"),
                ("docs/a.md", "[w](https://example.com/b.md) [x](#y)", "[w](https://example.com/b.md) [x](#y)"),
                ("docs/a.md", "`[b](c.md)`", "`[b](c.md)`"),
                ("docs/a.md", "```cpp\n[](const T& t)\n```", "```cpp\n[](const T& t)\n```")):
            one = self.staged(*language)
            self.assertEqual(stage.with_links(one, source, text, set()), expected)
            self.assertEqual(one.broken, [])

    def test_a_link_to_nothing_is_a_fault(self):
        one = self.staged()
        stage.with_links(one, "docs/a.md", "[c](c.md)", set())
        self.assertEqual(one.broken, ["docs/a.md: c.md: no such file"])

    def test_a_missing_chinese_page_is_the_english_one(self):
        for name in self.FILES:
            self.write(name, f"# {name}\n")
        one = self.staged("zh")
        stage.fill(one, ["README.md"])
        self.assertEqual(one.english_only, ["a.md"])
        for page, title in (("a.md", "# docs/a.md\n"), ("b.md", "# docs/b.zh.md\n")):
            with open(os.path.join(one.folder, page), encoding="utf-8") as stream:
                self.assertEqual(stream.read(), title)

    def test_text(self):
        self.assertEqual(stage.spaced_lists("text:\n- a\n- b\n"), "text:\n\n- a\n- b\n")
        self.assertEqual(stage.titled_code("```js app.mjs\n```\n```json sent\n```\n"),
                         '```js title="app.mjs"\n```\n```json\n```\n')
        self.assertEqual(stage.headings("# A `b` c\n```sh\n# no\n```\n## [D](e.md), f\n"), ["a-b-c", "d-f"])
        self.assertEqual(stage.with_english_marks("# 一\n## 二\n", "# One\n## Two\n"),
                         '# 一\n<a id="two"></a>\n\n## 二\n')

    def test_code_in_an_unknown_language_is_a_fault(self):
        for text, expected in (("```cpp x.cpp\n```\n", []), ("```\n```\n", []), ("```haproxy\n```\n", []),
                               ("```cpq\n```\n    ```shh\n", ["cpq", "shh"])):
            self.assertEqual(stage.unknown_languages(text), expected)

    def test_a_new_site_is_in_the_folder_of_the_old_one(self):
        self.write("old/a/gone.html", "")
        self.write("new/b/come.html", "")
        old, new = (os.path.join(self.folder.name, name) for name in ("old", "new"))
        before = os.stat(old).st_ino
        build.replace(old, new)
        self.assertEqual((os.stat(old).st_ino, check.file_names(old)), (before, {"b/come.html"}))
        build.replace(os.path.join(self.folder.name, "third"), old)
        self.assertEqual(check.file_names(os.path.join(self.folder.name, "third")), {"b/come.html"})

    def test_every_page_is_in_a_group(self):
        self.assertEqual(build.missing_pages(["a.md", "b.md"], ["a.md", "b.md"]), [])
        self.assertEqual(len(build.missing_pages(["a.md", "b.md"], ["a.md", "c.md", "a.md"])), 3)


class Checking(Folder):
    def faults(self, page: str) -> list[str]:
        self.write("index.html", page)
        self.write("other.html", "<h1 id=there>x</h1>")
        return check.check_site(self.folder.name)

    def test_finds_nothing_in_a_right_page(self):
        self.assertEqual(self.faults(
            '<a href="other.html#there">x</a><a href="https://example.com">y</a><p id=z><a href="#z">z</a>'
            '<img src="data:image/png;base64,AA"><script type="application/json">{}</script>'), [])

    def test_finds_each_fault(self):
        for page, fault in (
                ('<a href="none.html">', "no such file: none.html"),
                ('<a href="other.html#none">', "no such heading: other.html#none"),
                ('<script src="https://x.example/a.js"></script>', "loads from elsewhere: https://x.example/a.js"),
                ('<script src="//x.example/a.js"></script>', "loads from elsewhere: //x.example/a.js"),
                ('<link rel="stylesheet" href="http://x.example/a.css">', "loads from elsewhere"),
                ('<link rel="preconnect" href="https://x.example">', "loads from elsewhere"),
                ('<img src="https://x.example/a.png">', "loads from elsewhere"),
                ('<img src="none.png">', "no such file: none.png"),
                ("<script>go()</script>", "inside the page: script"),
                ("<style>a{color:red}</style>", "inside the page: style"),
                ('<td style="text-align: right">1</td>', "inside the page: td style"),
                ('<a href="other.html" onclick="go()">', "inside the page: a onclick")):
            found = self.faults(page)
            self.assertEqual(len(found), 1, page)
            self.assertIn(fault, found[0])

    def test_finds_faults_of_pictures(self):
        for inside, fault in (('<style>.a{fill:#fff}</style><use href="#part"/>', None),
                              ("<script>go()</script>", "inside the picture: script"),
                              ('<image href="https://x.example/a.png"/>', "loads from elsewhere: https://x.example/a.png"),
                              ('<use xlink:href="other.svg#a"/>', "loads from elsewhere: other.svg#a"),
                              ("<style>@import 'https://x.example/a.css';</style>", "loads from elsewhere")):
            self.write("a.svg", f'<svg xmlns="http://www.w3.org/2000/svg">{inside}</svg>')
            found = self.faults('<img src="a.svg">')
            self.assertEqual(len(found), fault is not None, found)
            self.assertIn(fault or "", "".join(found))

    def test_finds_faults_of_style_sheets(self):
        for text, count in (("a{src:url(data:font/woff2;base64,AA)}", 0), ("a{src:url('index.html')}", 0),
                            ("a{src:url(none.woff)}", 1), ('@import "https://x.example/a.css";', 1)):
            self.write("a.css", text)
            self.assertEqual(len(self.faults("<p>")), count, text)


class CloseCodes(unittest.TestCase):
    def test_the_page_has_each_code_and_reason_of_the_sources(self):
        with open(os.path.join(ROOT, "src", "ws", "fault.h"), encoding="utf-8") as stream:
            faults = re.findall(r'^    \{(\d{4}), "([^"]+)"\},', stream.read(), re.M)
        with open(os.path.join(ROOT, "docs", "close-codes.md"), encoding="utf-8") as stream:
            page = stream.read()
        self.assertGreater(len(faults), 10)
        for code, reason in faults:
            self.assertIn(f"| {code} | `{reason}` | ", page)
        for folder, _, names in os.walk(os.path.join(ROOT, "src", "server")):
            for name in names:
                with open(os.path.join(folder, name), encoding="utf-8") as stream:
                    private = re.findall(r"_code = (4\d{3});", stream.read())
                for code in private:
                    self.assertIn(f"| {code} | ", page, name)


class ApiPage(unittest.TestCase):
    def test_has_every_path_and_status(self):
        with open(os.path.join(ROOT, "docs", "openapi.yaml"), encoding="utf-8") as stream:
            text = stream.read()
        page = api_page.page(text)
        for path, methods in api_page.Description(text).root["paths"].items():
            for method, operation in methods.items():
                section = page.split(f"### {method.upper()} {path} {{#")[1].split("\n### ")[0]
                for status in operation["responses"]:
                    self.assertIn(f"| {status} | ", section, path)

    def test_types(self):
        for schema, words in (({"type": "string"}, "string"), ({"$ref": "#/components/schemas/A"}, "[A](#schema-a)"),
                              ({"type": "array", "items": {"type": "integer"}}, "list of integer"),
                              ({"enum": ["a", 1]}, '`"a"`, `1`'), ({"const": True}, "`true`"),
                              ({"type": "integer", "minimum": 1, "maximum": 9}, "integer, 1 to 9"),
                              ({"type": "integer", "default": 5}, "integer; `5` by default"),
                              ({"oneOf": [{"type": "string"}, {"const": 1}]}, "string or `1`"), ({}, "anything")):
            self.assertEqual(api_page.type_of(schema), words)
        self.assertEqual(api_page.type_of({"oneOf": [{"type": "array", "items": {}}, {"type": "integer", "minimum": 1, "default": 5}]},
                                          texts.chinese()), "任意值的列表 或 整数，至少 1；默认 `5`")

    def test_sentences(self):
        operation = {"operationId": "x", "summary": "Done", "description": "Any\n  JSON.", "security": [{"bearer": []}],
                     "responses": {}}
        for say, words in ((texts.Texts(), "Done. Any JSON."), (texts.Chinese({"Done": "已完成", "Any JSON.": "任意 JSON。"}),
                                                              "已完成。任意 JSON。")):
            self.assertIn(f"{{#x}}\n\n{words}\n\n",
                          api_page.operation_section(api_page.Description("{}", say), "get", "/x", operation))


class ConfigPage(unittest.TestCase):
    def test_has_every_key_with_its_default(self):
        with open(os.path.join(ROOT, "packaging", "starling.schema.json"), encoding="utf-8") as stream:
            page = config_page.page(stream.read())
        with open(os.path.join(ROOT, "docs", "configuration.md"), encoding="utf-8") as stream:
            keys = re.findall(r"^\| `([a-z_.\[\]]+)` \| .* \| (.*?) \| .* \|$", stream.read(), re.M)
        self.assertGreater(len(keys), 100)
        for key, default in keys:
            row = next(line for line in page.splitlines() if f"</a>`{key}` |" in line)
            self.assertEqual("required" in row.split("|")[3], default == "required", key)

    def test_a_schema_becomes_rows(self):
        schema = {"type": "object", "properties": {
            "a": {"type": "integer", "minimum": 1, "maximum": 2, "default": 1, "description": "x | y"},
            "b": {"type": "object", "properties": {"c": {"enum": ["auto", True], "default": "auto"}}},
            "d": {"type": "array", "items": {"anyOf": [{"type": "string"}, {
                "type": "object", "required": ["e"], "properties": {"e": {"type": "string"}}}]}}}}
        rows = [line for line in config_page.page(json.dumps(schema)).splitlines() if "</a>" in line]
        self.assertEqual(rows, [
            '| <a id="a"></a>`a` | integer, 1 to 2 | `1` | x \\| y<br>`STARLING_A` |',
            '| <a id="b.c"></a>`b.c` | `auto`, `true` | `"auto"` | `STARLING_B__C` |',
            '| <a id="d.e"></a>`d[].e` | text | required |  |'])
        rows = [line for line in config_page.page(json.dumps(schema), texts.chinese(), {"a": "甲，见下文"}).splitlines()
                if "</a>" in line]
        self.assertEqual(rows, [
            '| <a id="a"></a>`a` | 整数，1 至 2 | `1` | 甲，见[配置](configuration.zh.md#配置项)<br>`STARLING_A` |',
            '| <a id="b.c"></a>`b.c` | `auto`、`true` | `"auto"` | `STARLING_B__C` |',
            '| <a id="d.e"></a>`d[].e` | 文本 | 必填 |  |'])

    def test_the_meanings_of_a_guide(self):
        self.assertEqual(texts.meanings("| `a[].b` | text \\| none | `1` | x \\| y |\n| `c` | one |\n| d | e | f | g |\n"),
                         {"a[].b": "x \\| y"})

    def test_large_numbers_are_whole(self):
        self.assertEqual(config_page.type_of({"type": "integer", "minimum": 1048576, "maximum": 1099511627776}, texts.Texts()),
                         "integer, 1048576 to 1099511627776")


class ChinesePages(unittest.TestCase):
    def test_say_nothing_in_english_but_names(self):
        def read(name: str) -> str:
            with open(os.path.join(ROOT, name), encoding="utf-8") as stream:
                return stream.read()

        say = texts.chinese()
        for page in (api_page.page(read("docs/openapi.yaml"), say), api_reference.page(ROOT, "api/", say),
                     config_page.page(read("packaging/starling.schema.json"), say, texts.meanings(read("docs/configuration.zh.md")))):
            prose = re.sub(r"(?ms)^```.*?^```$|^### .*?$|`[^`\n]*`|\]\([^)]*\)|\{#[^}]*\}|<[^>]*>|npm \S+", "", page)
            self.assertEqual(re.findall(r"\b[a-z]+ [a-z]+\b|\b(?:key|text|list|query|yes|or|integer|by)\b", prose), [])

    def test_every_text_of_the_makers_is_used(self):
        with open(texts.CHINESE, encoding="utf-8") as stream:
            words = json.load(stream)[texts.WORDS]
        made = ""
        for name in ("api_page", "api_reference", "config_page"):
            with open(os.path.join(ROOT, "tools", "docs", f"{name}.py"), encoding="utf-8") as stream:
                made += stream.read()
        types = {"string", "integer", "number", "boolean", "object"}  # Of JSON Schema.
        places = {"header", "query", "path"}  # Of OpenAPI.
        self.assertEqual([word for word in words if f'"{word}"' not in made and f"'{word}'" not in made
                          and word not in types | places], [])


class ApiReference(unittest.TestCase):
    def filtered(self, text: str) -> str:
        return subprocess.run([sys.executable, os.path.join(ROOT, "tools", "docs", "api", "filter.py"), "/dev/stdin"],
                              input=text, capture_output=True, text=True, check=True).stdout

    def test_comments_become_those_of_doxygen(self):
        head, file = "// <starling/a.h>: x.\n#pragma once\n", "/// @file\n/// \\<starling/a.h\\>: x.\n\n#pragma once\n"
        for text, expected in (
                ("// Says `a<b>` of @c.\nint a;\n", "/// Says <tt>a\\<b\\></tt> of \\@c.\nint a;\n"),
                ("int a;  // One\n        // two.\nint b;\n", "int a;  ///< One\n        ///< two.\nint b;\n"),
                ("//     f(\"<x>\");\n// Then.\n", '/// @code{.cpp}\n/// f("<x>");\n/// @endcode\n/// Then.\n'),
                ('auto a = "http://b";\n', 'auto a = "http://b";\n'),
                ("// ---- part ----\nint a;\n", "// ---- part ----\nint a;\n"),
                ("namespace detail {\nvoid f() {\n}\n}\nint a;\n", "int a;\n"),
                ("class A {\n    friend class B;\n};\n", "class A {\n};\n"),
                ("namespace a {\nint b;\n}  // namespace a\nint c;\n", "namespace a {\nint b;\n}\nint c;\n"),
                ("template <class F>\nrequires A<F&> || (B<F>)\nvoid f(F f);\n", "template <class F>\n\nvoid f(F f);\n"),
                ("namespace a {\nint b;\n// ---- implementation ---\nint c;\n}\n", "namespace a {\nint b;\n}")):
            self.assertEqual(self.filtered(head + text), file + expected)

    def test_a_link_to_what_is_not_shown_is_text(self):
        self.assertEqual(api_reference.with_held_links({
            "a.html": '<p id="x"></p><a href="a.html#x">x</a> <a class="el" href="a.html#y">y</a>'}),
            {"a.html": '<p id="x"></p><a href="a.html#x">x</a> y'})

    def test_a_page_has_the_icon_and_no_tab_of_an_empty_page(self):
        page = api_reference.with_style('<head></head><body id="x"><ul>\n<li class="current"><a href="index.html">'
                                        '<span>Main</span></a></li>\n<li><a href="files.html">F</a></li></ul></body>')
        self.assertIn('href="../assets/favicon.svg" rel="icon"', page)
        self.assertIn(f'<body id="x">\n{api_reference.BACK}', page)
        self.assertNotIn("Main", page)
        self.assertIn("files.html", page)

    def test_a_page_has_no_script_and_no_style(self):
        self.assertEqual(api_reference.without_scripts('<script>x</script><a onclick="x()" href="y"></a>'
                                                       '<span style="width:32px;display:inline-block;">z</span>'),
                         '<a href="y"></a><span class="w32">z</span>')

    def test_the_page_has_every_header_with_its_purpose(self):
        page = api_reference.page(ROOT, "api/")
        for name in os.listdir(os.path.join(ROOT, "include", "starling")):
            self.assertRegex(page, rf"\| \[`<starling/{name}>`\]\(api/[\w.]+\) \| \w.* \|")


class Site(unittest.TestCase):
    """The site that the demo serves is built, with the same command as ./dev docs uses."""

    @classmethod
    def setUpClass(cls):
        cls.done = subprocess.run([sys.executable, os.path.join(ROOT, "tools", "docs", "build.py")],
                                  capture_output=True, text=True, check=False)

    def test_builds(self):
        self.assertEqual((self.done.returncode, self.done.stderr), (0, ""))

    def test_has_every_guide_in_both_languages(self):
        files = check.file_names(os.path.join(ROOT, "build", "docs"))
        pages = {name.replace(".zh.md", ".md").replace(".md", ".html")
                 for name in os.listdir(os.path.join(ROOT, "docs")) if name.endswith(".md")}
        self.assertEqual({one for page in pages for one in (page, f"zh/{page}")} - files, set())


if __name__ == "__main__":
    unittest.main()
