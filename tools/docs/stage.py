"""Copies docs/*.md into one folder for each language, with links that hold in the site.

A Chinese page X.zh.md becomes X.md of the folder zh. Where it is missing, the English page stands in. A link to a
file of the repository beyond docs/ leads to a copy of that file: Markdown as a page, a picture as it is, anything else
as text.
"""
import os
import posixpath
import re
import shutil
import subprocess
from dataclasses import dataclass, field

from pygments import lexers, util
from pymdownx import slugs

# Begins a link to the site's other language, which MkDocs does not know; hooks.py takes it away.
OTHER = "other-language:"
# [text](target) and [text]: target, without images of other hosts; code is left out before.
LINK = re.compile(r"(?<=\]\()([^()\s]+)(?=\))|(?<=^)(\[[^\]]+\]:\s+)(\S+)", re.M)
CODE = re.compile(r"^(?P<fence>[ ]*(?:```|~~~)).*?^[ ]*(?:```|~~~)[ ]*$|(?P<ticks>`+)[^`].*?(?P=ticks)", re.M | re.S)
FENCED = re.compile(r"^[ ]*(?:```|~~~).*?^[ ]*(?:```|~~~)[ ]*$", re.M | re.S)
PICTURES = (".svg", ".png")  # A page shows them.
PLAIN = {"haproxy"}  # Languages of code that Pygments does not know.
SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:|//")


@dataclass
class Stage:
    """One language's folder. `broken` collects faults of the files, such as links whose file is missing."""
    root: str
    folder: str
    language: str
    files: set[str]  # Of the repository, with "/"; those that git knows.
    broken: list[str] = field(default_factory=list)
    english_only: list[str] = field(default_factory=list)
    copied: set[str] = field(default_factory=set)

    def is_folder(self, path: str) -> bool:
        return any(name.startswith(path + "/") for name in self.files)


def repository_files(root: str) -> set[str]:
    """The files that git knows or would add; without git, all of them but what is built."""
    listed = subprocess.run(["git", "-C", root, "ls-files", "-z", "-co", "--exclude-standard"],
                            capture_output=True, text=True, check=False)
    if listed.returncode == 0:
        return {name for name in listed.stdout.split("\0") if name and os.path.exists(os.path.join(root, name))}
    found = set()
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if name not in ("build", "node_modules", ".git", "__pycache__")]
        found |= {os.path.relpath(os.path.join(folder, name), root) for name in names}
    return found


def outside_code(text: str, change, code_pattern: re.Pattern = CODE) -> str:
    """`text` with change(part) for each part that is no code."""
    pieces, end = [], 0
    for code in code_pattern.finditer(text):
        pieces += [change(text[end:code.start()]), code.group(0)]
        end = code.end()
    return "".join(pieces + [change(text[end:])])


def english_of(path: str) -> str:
    return path.replace(".zh.md", ".md")


def own(stage: Stage, path: str) -> str:
    """The file that the stage's language shows for `path`: X.zh.md for X.md in Chinese, if it is there."""
    chinese = english_of(path).removesuffix(".md") + ".zh.md"
    if not path.endswith(".md"):
        return path
    return chinese if stage.language == "zh" and chinese in stage.files else english_of(path)


def other_language(stage: Stage, source: str, path: str) -> str:
    """A link to the page that `source` is in the site's other language, if `path` is that one; empty otherwise."""
    chinese = path.endswith(".zh.md")
    if source == path or english_of(source) != english_of(path) or path not in stage.files:
        return ""
    if chinese == (stage.language == "zh"):
        return ""
    root = "../" * ((staged_name(stage, source) or "").count("/") + (0 if chinese else 1))
    return OTHER + root + ("zh/" if chinese else "") + (staged_name(stage, path) or "").removesuffix(".md") + ".html"


def staged_name(stage: Stage, path: str) -> str | None:
    """Where a file of the repository is in the stage's folder; None: it is not in the repository."""
    if path.startswith("docs/") and path.count("/") == 1 and path.endswith(".md"):
        return english_of(path)[len("docs/"):] if path in stage.files else None
    if path in stage.files:
        if path.endswith(PICTURES):
            return f"source/{path}"
        return f"source/{english_of(path)}.md" if path.endswith(".md") else f"source/{path}.txt"
    return f"source/{path}/folder.md" if stage.is_folder(path) else None


def with_links(stage: Stage, source: str, text: str, found: set[str]) -> str:
    """`text` of the file `source`, with links that hold in the stage. Adds the files that it links to."""
    here = posixpath.dirname(staged_name(stage, source) or "")

    def link(match: re.Match) -> str:
        prefix, target = match.group(2) or "", match.group(1) or match.group(3)
        path, mark, anchor = target.partition("#")
        if SCHEME.match(target) or not path:
            return prefix + target
        path = posixpath.normpath(posixpath.join(posixpath.dirname(source), path))
        if switch := other_language(stage, source, path):
            return prefix + switch + mark + anchor
        name = staged_name(stage, path)
        if name is None:
            stage.broken.append(f"{source}: {target}: no such file")
            return prefix + target
        found.add(own(stage, path))
        return prefix + posixpath.relpath(name, here or ".") + mark + anchor

    return outside_code(text, lambda part: LINK.sub(link, part))


def spaced_lists(text: str) -> str:
    """An empty line before each list, which GitHub does not need and Python-Markdown does."""
    def change(part: str) -> str:
        return re.sub(r"(?m)^(?![ ]*(?:[-*]|\d+\.) |[ #|>])(.+)\n(?=(?:[-*]|\d+\.) )", r"\1\n\n", part)
    return outside_code(text, change, FENCED)


def write(stage: Stage, name: str, text: str) -> None:
    path = os.path.join(stage.folder, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as stream:
        stream.write(text)


def titled_code(text: str) -> str:
    """Behind the language of a code block stands a name. If it is a file's, it becomes the block's title."""
    def change(match: re.Match) -> str:
        name = match.group(3)
        return f'{match.group(1)}{match.group(2)}' + (f' title="{name}"' if "." in name else "")
    return re.sub(r"(?m)^([ ]*```)([\w+-]+)[ ]+(\S+).*$", change, text)


def unknown_languages(text: str) -> list[str]:
    """The languages of code blocks that nothing highlights, such as a misspelt one."""
    found = []
    for name in dict.fromkeys(re.findall(r"(?m)^[ ]*```([\w+-]+)", text)):
        try:
            lexers.get_lexer_by_name(name)
        except util.ClassNotFound:
            found += [name] if name not in PLAIN else []
    return found


def headings(text: str) -> list[str]:
    """The marks of the headings, as GitHub names them."""
    found: list[str] = []
    outside_code(text, lambda part: found.extend(re.findall(r"(?m)^#{1,6} (.+?)\s*$", part)) or part, FENCED)
    slug = slugs.slugify(case="lower")
    return [slug(re.sub(r"[`*]|\[([^\]]*)\]\([^)]*\)", r"\1", title), "-") for title in found]


def with_english_marks(text: str, english: str) -> str:
    """A Chinese page whose headings have the marks of the English page too, so that links to both hold."""
    own, other = headings(text), headings(english)
    if len(own) != len(other):
        return text
    marks = iter(zip(own, other))

    def change(match: re.Match) -> str:
        mine, theirs = next(marks, ("", ""))
        first = match.group(0).startswith("# ")  # The page's title must come first.
        return match.group(0) if first or mine == theirs else f'<a id="{theirs}"></a>\n\n{match.group(0)}'

    return outside_code(text, lambda part: re.sub(r"(?m)^#{1,6} .+$", change, part), FENCED)


def read(stage: Stage, path: str) -> str:
    with open(os.path.join(stage.root, path), encoding="utf-8") as stream:
        return stream.read()


def copy_folder(stage: Stage, path: str) -> set[str]:
    inside = sorted({name[len(path) + 1:].split("/")[0] for name in stage.files if name.startswith(path + "/")})
    lines = [f"# {path}\n\n"]
    for name in inside:
        target = staged_name(stage, f"{path}/{name}") or ""
        lines.append(f"- [{name}]({posixpath.relpath(target, f'source/{path}')})\n")
    write(stage, f"source/{path}/folder.md", "".join(lines))
    return {own(stage, f"{path}/{name}") for name in inside}


def copy(stage: Stage, path: str) -> set[str]:
    """Copies one file or folder; returns what it links to."""
    name, found = staged_name(stage, path), set()
    if path not in stage.files:
        return copy_folder(stage, path)
    if path.endswith(".md"):
        text = read(stage, path)
        stage.broken += [f"{path}: no highlighting for code in {language}" for language in unknown_languages(text)]
        if path.endswith(".zh.md"):
            text = with_english_marks(text, read(stage, english_of(path)))
        write(stage, name, titled_code(spaced_lists(with_links(stage, path, text, found))))
    else:
        os.makedirs(os.path.dirname(os.path.join(stage.folder, name)), exist_ok=True)
        shutil.copyfile(os.path.join(stage.root, path), os.path.join(stage.folder, name))
    return found


def guides(stage: Stage) -> list[str]:
    """The files of docs/ for this language, one for each page."""
    english = sorted(name for name in stage.files
                     if re.fullmatch(r"docs/[^/]+\.md", name) and not name.endswith(".zh.md"))
    chosen = [own(stage, name) for name in english]
    if stage.language == "zh":
        stage.english_only += [name[len("docs/"):] for name in chosen if not name.endswith(".zh.md")]
    return chosen


def fill(stage: Stage, extra: list[str]) -> None:
    """Writes all pages of the language, the files `extra`, and all that they link to."""
    follow(stage, [*guides(stage), *extra])


def add(stage: Stage, path: str, text: str) -> None:
    """Writes a page as if the repository had it at `path`, and what it links to."""
    found: set[str] = set()
    stage.files |= {path}
    write(stage, staged_name(stage, path) or "", with_links(stage, path, text, found))
    follow(stage, sorted(found))


def follow(stage: Stage, waiting: list[str]) -> None:
    """Copies the files `waiting` and all that they link to."""
    while waiting:
        path = waiting.pop()
        if path not in stage.copied:
            stage.copied.add(path)
            waiting += sorted(copy(stage, path))
