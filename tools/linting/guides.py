"""Each guide X.md has a Chinese X.zh.md with the same structure: headings, code, tables, links, terms."""
import posixpath
import re
from collections import Counter
from itertools import zip_longest
from typing import Iterator

from . import markdown
from .source import File, Finding

CHINESE = ".zh.md"
WIDE_CALL = re.compile(r"\w+（）")


def is_guide(path: str) -> bool:
    return path.endswith(".md") and not path.endswith(CHINESE) and (path == "README.md" or path.startswith("docs/"))


def chinese_of(path: str) -> str:
    return path.removesuffix(".md") + CHINESE


def check_guides(files: list[File]) -> Iterator[Finding]:
    texts = {file.path: file for file in files if file.path.endswith(".md")}
    parsed = {path: markdown.parse(file.text) for path, file in texts.items()}
    for file in texts.values():
        for match in WIDE_CALL.finditer(file.text) if file.path.endswith(CHINESE) else ():
            yield Finding(file.path, file.line_of(match.start()), "guides", f"a call has the brackets of ASCII: {match.group(0)}")
    for path in sorted(parsed):
        if is_guide(path) and chinese_of(path) in parsed:
            yield from compare(path, parsed)
            for of, to, label in ((path, chinese_of(path), "中文"), (chinese_of(path), path, "English")):
                link = f"[{label}]({posixpath.basename(to)})"
                if link not in texts[of].lines[:5]:
                    yield Finding(of, 1, "guides", f"one of the first lines is {link}")
        elif is_guide(path):
            yield Finding(path, 1, "guides", f"no {chinese_of(path)}")
        elif path.endswith(CHINESE) and path.removesuffix(CHINESE) + ".md" not in parsed:
            yield Finding(path, 1, "guides", "no English guide of this name")


def compare(path: str, parsed: dict[str, markdown.Guide]) -> Iterator[Finding]:
    english, chinese = parsed[path], parsed[chinese_of(path)]

    def first_difference(what: str, of: list[tuple[int, object]], other: list[tuple[int, object]]) -> Iterator[Finding]:
        for left, right in zip_longest(of, other, fillvalue=(0, "nothing")):
            if left[1] != right[1]:
                yield Finding(chinese_of(path), right[0] or 1, "guides",
                              f"{what}: line {left[0]} of {path} has {shown(left[1])}, here is {shown(right[1])}")
                return

    yield from first_difference("headings", [(line, "#" * level) for line, level, _ in english.headings],
                                [(line, "#" * level) for line, level, _ in chinese.headings])
    yield from first_difference("tables", [(line, rows) for line, rows in english.tables],
                                [(line, rows) for line, rows in chinese.tables])
    yield from first_difference("code", [(block.line + at, text) for block in english.blocks
                                         for at, text in enumerate(block.comparable())],
                                [(block.line + at, text) for block in chinese.blocks
                                 for at, text in enumerate(block.comparable())])
    for term in sorted(english.terms.keys() ^ chinese.terms.keys()):
        if term in english.terms:
            yield Finding(chinese_of(path), 1, "guides", f"line {english.terms[term]} of {path} has `{term}`")
        else:
            yield Finding(chinese_of(path), chinese.terms[term], "guides", f"{path} does not have `{term}`")
    yield from compare_links(path, parsed)


def shown(value: object) -> str:
    if not isinstance(value, list):
        return f"'{value}'"
    columns = sorted({pipes - 1 for pipes in value})
    return f"{len(value)} rows of {' or '.join(map(str, columns))} columns"


def compare_links(path: str, parsed: dict[str, markdown.Guide]) -> Iterator[Finding]:
    """The same links in any order, because a translation may change the order of a sentence."""
    chinese_path, wanted = chinese_of(path), Counter()
    own = {posixpath.basename(path), posixpath.basename(chinese_path)}  # The links from one language to the other.
    for line, target in parsed[path].links:
        if target in own:
            continue
        translated = translate(path, target, parsed)
        if translated is None:
            yield Finding(path, line, "guides", f"no such heading: {target}")
        else:
            wanted[translated] += 1
    for line, target in parsed[chinese_path].links:
        if target in own:
            continue
        if wanted[target] == 0:
            yield Finding(chinese_path, line, "guides", f"link: {path} has none that is {target} in Chinese")
        wanted[target] -= 1
    for target in sorted((+wanted).elements()):
        yield Finding(chinese_path, 1, "guides", f"link: no {target}")


def translate(path: str, target: str, parsed: dict[str, markdown.Guide]) -> str | None:
    """The target of a link in the Chinese guide; None if the heading that it names does not exist."""
    name, _, anchor = target.partition("#")
    if "://" in target:
        return target
    linked = posixpath.normpath(posixpath.join(posixpath.dirname(path), name)) if name else path
    if linked not in parsed or (anchor and anchor not in parsed[linked].anchors()):
        return None if linked in parsed else target
    other = chinese_of(linked)
    if not is_guide(linked) or other not in parsed:
        return target
    name = chinese_of(name) if name else ""
    if not anchor:
        return name
    place = parsed[linked].anchors().index(anchor)
    anchors = parsed[other].anchors()
    return f"{name}#{anchors[place]}" if place < len(anchors) else name
