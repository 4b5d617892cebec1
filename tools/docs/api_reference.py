"""Makes the reference of the C++ API with Doxygen, from include/starling. A warning of Doxygen is an error."""
import functools
import os
import re
import shutil
import subprocess

import texts

HERE = os.path.dirname(os.path.abspath(__file__))
SCRIPT = re.compile(r"<script\b.*?</script>\s*", re.S)
HANDLER = re.compile(r"\s+on\w+=\"[^\"]*\"")
INDENT = re.compile(r'style="width:(\d+)px;display:inline-block;"')  # Of a tree; api.css has the class.
HEAD = re.compile(r"</head>")
BACK = '<p class="back"><a href="../cpp-api.html">starling: C++ API</a></p>\n'
STYLES = ('<link href="api.css" rel="stylesheet" type="text/css"/>\n'
          '<link href="../assets/favicon.svg" rel="icon" type="image/svg+xml"/>\n</head>')
MAIN = re.compile(r'\s*<li[^>]*><a href="index\.html">.*?</li>')  # The tab of a page that has no text.
INTRO = {"en": """# C++ API

Each public header with what it is for, and what it declares. The guides say how the parts go together; the reference says what each
declaration counts, what happens at its limit, and on which thread it calls back. A program includes only the headers that it uses.

| header | is for |
|---|---|
""", "zh": """# C++ API

每个公开头文件，它的用途，以及它声明的内容。指南说明各部分怎样配合；参考（英文）说明每个声明计数什么，到达上限时发生什么，以及在哪个线程上回调。程序只包含它用到的头文件。

| 头文件 | 用途 |
|---|---|
"""}


def without_scripts(page: str) -> str:
    """The page reads the same without scripts and styles in it, and may then be served with a policy that forbids them."""
    return INDENT.sub(r'class="w\1"', HANDLER.sub("", SCRIPT.sub("", page)))


def with_style(page: str) -> str:
    page = MAIN.sub("", HEAD.sub(STYLES, page, count=1))
    return re.sub(r"(<body[^>]*>)", lambda match: match.group(1) + "\n" + BACK, page, count=1)


def with_held_links(pages: dict[str, str]) -> dict[str, str]:
    """Doxygen links to members that it does not show, such as private ones. Their names stay as text."""
    marks = {name: set(re.findall(r'(?:id|name)="([^"]+)"', page)) for name, page in pages.items()}

    def held(own: str, match: re.Match) -> str:
        name, mark = match.group(1) or own, match.group(2)
        return match.group(0) if mark in marks.get(name, set()) else match.group(3)

    link = re.compile(r'<a\b[^>]*\bhref="([^"#]*)#([^"]+)"[^>]*>(.*?)</a>', re.S)
    return {name: link.sub(functools.partial(held, name), page) for name, page in pages.items()}


def page_of(header: str) -> str:
    """The name that Doxygen gives to the page of a header."""
    name = os.path.basename(header)
    return "".join({"_": "__", ".": "_8"}.get(one, one) for one in name) + ".html"


def page(root: str, prefix: str, say: texts.Texts = texts.Texts()) -> str:
    """The page that leads into the reference, Markdown. `prefix` begins each link to a page of it."""
    rows = []
    folder = os.path.join(root, "include", "starling")
    for name in sorted(os.listdir(folder)):
        with open(os.path.join(folder, name), encoding="utf-8") as stream:
            header, purpose = texts.purpose_of(stream.read())
        rows.append(f"| [`<{header}>`]({prefix}{page_of(name)}) | {say(purpose)} |\n")
    links = say(", ").join(f"[{say(words)}]({prefix}{target}.html)" for words, target in
                           (("classes", "annotated"), ("namespaces", "namespaces"), ("members", "functions"), ("files", "files")))
    return INTRO[say.language] + "".join(rows) + f"\n{say('Lists of everything: {}.', links)}\n"


def settings(root: str, output: str) -> str:
    with open(os.path.join(HERE, "api", "Doxyfile"), encoding="utf-8") as stream:
        text = stream.read()
    return text + f'\nOUTPUT_DIRECTORY = "{output}"\nINPUT_FILTER = "{os.path.join(HERE, "api", "filter.py")}"\n'


def build(root: str, output: str) -> list[str]:
    """Writes the pages to `output`; returns the faults."""
    os.makedirs(output)
    done = subprocess.run(["doxygen", "-"], input=settings(root, output), cwd=root, capture_output=True, text=True,
                          check=False)
    said = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
    if done.returncode or said:
        return [line.replace(root + "/", "") for line in said] or [f"doxygen ended with {done.returncode}"]
    pages = {}
    for name in os.listdir(output):
        path = os.path.join(output, name)
        if name.endswith(".js") or name == "index.html":
            os.remove(path)
        elif name.endswith(".html"):
            with open(path, encoding="utf-8") as stream:
                pages[name] = with_style(without_scripts(stream.read()))
    for name, page in with_held_links(pages).items():
        with open(os.path.join(output, name), "w", encoding="utf-8") as stream:
            stream.write(page)
    shutil.copyfile(os.path.join(HERE, "api", "api.css"), os.path.join(output, "api.css"))
    return []
