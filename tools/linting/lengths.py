"""Lengths of files and functions. The scanner relies on the repository's clang-format style."""
import ast
import re
from dataclasses import dataclass
from typing import Iterator

from .source import CODE, File, Finding

FILE_LINES = 500        # A longer file needs a reason in tools/lint_exceptions.txt.
FILE_LINES_HARD = 800   # No file may be longer.
FUNCTION_LINES = 70

CONTAINER = re.compile(r"\b(namespace|class|struct|union|enum)\b")
EXTERN = re.compile(r'\bextern\s+"[^"]*"\s*$')
NAME = re.compile(r"([\w~:]+|operator\s*\S+)\s*\(")


@dataclass(frozen=True)
class Function:
    name: str
    first_line: int
    last_line: int
    body: str


def functions(file: File) -> list[Function]:
    """Function bodies that are not inside another function. A lambda counts as part of its function."""
    code = re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", lambda m: re.sub(r"[^\n]", " ", m.group(0)),
                  file.code, flags=re.MULTILINE)
    found: list[Function] = []
    start = 0     # The beginning of the text before the next brace.
    position = 0
    for match in re.finditer(r"[;{}]", code):
        if match.start() < position:
            continue
        if match.group(0) != "{":
            start = match.end()
            continue
        header = code[start:match.start()]
        if is_container(header):
            start = match.end()
            continue
        end = closing_brace(code, match.start())
        if is_function(header):
            first = start + len(header) - len(header.lstrip())
            name = NAME.search(header)
            found.append(Function(name.group(1) if name else "?", file.line_of(first),
                                  file.line_of(end), code[match.start():end + 1]))
            start = end + 1
        # Otherwise an initializer: no function begins inside, and the header continues after it.
        position = end + 1
    return found


def is_container(header: str) -> bool:
    if EXTERN.search(header):
        return True
    match = CONTAINER.search(re.sub(r"template\s*<[^{}]*?>\s*(?=\b(class|struct|union)\b)", "", header))
    if not match:
        return False
    # `struct X f() {` and `template <class T> void f() {` are functions, `class X : public Y<void()> {` is not.
    before_base = header[match.start():].split(" : ")[0]
    return ")" not in before_base or "alignas" in before_base


def is_function(header: str) -> bool:
    if not header[-1:].isspace():  # A body's brace follows a space, an initializer's does not.
        return False
    text = header.strip()
    if text.endswith(("=", ",", "(", "return")):
        return False
    return ")" in text


def closing_brace(code: str, opening: int) -> int:
    depth = 0
    for match in re.compile(r"[{}]").finditer(code, opening):
        depth += 1 if match.group(0) == "{" else -1
        if depth == 0:
            return match.start()
    return len(code) - 1


def check_files(files: list[File]) -> Iterator[Finding]:
    for file in files:
        count = len(file.lines) - 1
        if not file.path.endswith(CODE) or count <= FILE_LINES:
            continue
        if count > FILE_LINES_HARD:
            yield Finding(file.path, count, "file-length-hard",
                          f"{count} lines; {FILE_LINES_HARD} at most, without exception")
        else:
            yield Finding(file.path, count, "file-length", f"{count} lines; {FILE_LINES} at most")


def check_functions(files: list[File]) -> Iterator[Finding]:
    for file in files:
        if file.is_cpp:
            spans = [(f.name, f.first_line, f.last_line) for f in functions(file)]
        elif file.path.endswith(".py"):
            spans = [(node.name, node.lineno, node.end_lineno)
                     for node in ast.walk(ast.parse(file.text))
                     if isinstance(node, ast.FunctionDef)]
        else:
            continue
        for name, first, last in spans:
            if last - first + 1 > FUNCTION_LINES:
                yield Finding(file.path, first, "function-length",
                              f"{name} has {last - first + 1} lines; {FUNCTION_LINES} at most")
