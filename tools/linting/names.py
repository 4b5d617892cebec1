"""Finds types that two files define under one name: a program that has both may run the functions of the wrong one."""
import re
from typing import Iterator

from .source import File, Finding

OPENED = re.compile(r"^(?:inline )?namespace ?([\w:]*) ?\{$")
CLOSED = re.compile(r"^\} {1,2}// namespace")
# A definition at the start of a line; not a declaration, and not the specialisation of a template.
TYPE = re.compile(r"^(?:struct|class|union|enum(?: class)?) (?:alignas\([^)]*\) )?(?:\[\[[^\]]*\]\] )?"
                  r"([A-Za-z_]\w*)(?: final)?(?: :[^;{]*)?(?: ?\{.*)?$")
OTHER_NAME = re.compile(r"^using (\w+) =")
FOLDERS = ("src/", "include/", "tests/")
OF_ONE_PROGRAM = re.compile(r"^tests/interop/")  # Each file is a program of its own.


def types(lines: list[str], unnamed: bool = False) -> Iterator[tuple[str, int]]:
    """The qualified name and the line of each type. `unnamed`: also those of unnamed namespaces, as if they stood
    around them, and other names for types (`using`)."""
    inside: list[str] = []
    for number, line in enumerate(lines, 1):
        if opened := OPENED.match(line):
            inside.append(opened[1])
        elif CLOSED.match(line) and inside:
            inside.pop()
        elif (found := TYPE.match(line) or (unnamed and OTHER_NAME.match(line))) and (unnamed or all(inside)):
            yield "::".join([*filter(None, inside), found[1]]), number


def check_names(files: list[File]) -> Iterator[Finding]:
    first: dict[str, str] = {}
    for file in files:
        if not file.is_cpp or not file.path.startswith(FOLDERS) or OF_ONE_PROGRAM.match(file.path):
            continue
        for name, line in types(file.lines):
            other = first.setdefault(name, file.path)
            if other != file.path:
                yield Finding(file.path, line, "names", f"{name} is another type in {other}")
