"""The files that the rules check, and C++ text without comments and literals."""
import os
import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import Iterator

CPP = (".h", ".cpp")
CODE = CPP + (".py", ".sh", ".mjs", ".js", ".css", ".html", ".cmake", ".yaml", ".yml", ".json")
TEXT = CODE + (".md", ".txt", ".in", ".service")
PLAIN_NAMES = {
    "start", "test", "dev", "run", "install", "lint", "LICENSE", "Containerfile",
    ".gitignore", ".clang-format", ".clang-tidy", ".editorconfig", ".npmrc",
}
SKIPPED_FOLDERS = {".git", "build", "node_modules", ".cache", "__pycache__", "corpus"}
GENERATED = {"package-lock.json"}


@dataclass(frozen=True)
class Finding:
    path: str
    line: int
    rule: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message} [{self.rule}]"


@dataclass
class File:
    path: str  # Relative to the repository, with '/'.
    text: str
    executable: bool = field(default=False)

    @cached_property
    def lines(self) -> list[str]:
        return self.text.split("\n")

    @cached_property
    def code(self) -> str:
        """C++ text with comments and literals replaced by blanks; every line keeps its number."""
        return blank(self.text)

    @property
    def is_cpp(self) -> bool:
        return self.path.endswith(CPP)

    def line_of(self, offset: int) -> int:
        return self.text.count("\n", 0, offset) + 1


LITERAL = re.compile(
    r'R"(?P<tag>[^()\\\s]{0,16})\(.*?\)(?P=tag)"'
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|(?<![0-9A-Fa-f_])'(?:[^'\\\n]|\\.)+'"
    r"|//[^\n]*"
    r"|/\*.*?\*/",
    re.DOTALL,
)
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(?P<path>"[^"\n]+"|<[^>\n]+>)', re.MULTILINE)


def blank(text: str) -> str:
    def replace(match: re.Match) -> str:
        whole = match.group(0)
        if whole.startswith(("//", "/*")):
            return re.sub(r"[^\n]", " ", whole)
        return '"' + re.sub(r"[^\n]", " ", whole[1:-1]) + '"'

    return LITERAL.sub(replace, text)


def includes(file: File) -> Iterator[tuple[int, str]]:
    """The line and path of each #include, with quotes or angle brackets."""
    for match in INCLUDE.finditer(file.text):
        yield file.line_of(match.start("path")), match.group("path")


def load(root: str) -> list[File]:
    files = []
    for folder, names, leaves in os.walk(root):
        names[:] = sorted(n for n in names if n not in SKIPPED_FOLDERS)
        for leaf in sorted(leaves):
            if leaf in GENERATED or not (leaf.endswith(TEXT) or leaf in PLAIN_NAMES):
                continue
            path = os.path.join(folder, leaf)
            try:
                with open(path, encoding="utf-8", newline="") as stream:
                    text = stream.read()
            except (UnicodeDecodeError, FileNotFoundError):
                continue  # Not text, or deleted since the folder was listed.
            name = os.path.relpath(path, root).replace(os.sep, "/")
            files.append(File(name, text, os.access(path, os.X_OK)))
    return files
