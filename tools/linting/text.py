"""Rules for the text of every file."""
import re
from typing import Iterator

from .source import File, Finding

# Written in parts, so that this file passes its own rule.
UNFINISHED = re.compile(r"\b(?:TO" r"DO|FIX" r"ME|X" r"XX|HA" r"CK)\b")
REASON = re.compile(r"\bNOLINT(?:NEXTLINE)?\([a-z][\w.,-]*\): \w")
MACHINE_PATH = re.compile(r"(?<![\w./\-])/(?:work|home|root|Users)/[\w.]+")


def check_words(files: list[File]) -> Iterator[Finding]:
    for file in files:
        for number, line in enumerate(file.lines, 1):
            match = UNFINISHED.search(line)
            if match:
                yield Finding(file.path, number, "words", f"unfinished: {match.group(0)}")
            match = MACHINE_PATH.search(line)
            if match:
                yield Finding(file.path, number, "words", f"a path of one machine: {match.group(0)}")


def check_nolint(files: list[File]) -> Iterator[Finding]:
    """A finding of clang-tidy that stays names its check and says why."""
    for file in files:
        if file.is_cpp:
            for number, line in enumerate(file.lines, 1):
                if "NOLINT" in line and not REASON.search(line):
                    yield Finding(file.path, number, "nolint", "write NOLINT(check): reason")


def check_space(files: list[File]) -> Iterator[Finding]:
    for file in files:
        if "\r" in file.text:
            yield Finding(file.path, 1, "space", "carriage returns")
        if file.text and not file.text.endswith("\n"):
            yield Finding(file.path, len(file.lines), "space", "no newline at the end")
        if file.text.endswith("\n\n"):
            yield Finding(file.path, len(file.lines), "space", "empty lines at the end")
        for number, line in enumerate(file.lines, 1):
            if line.rstrip(" \t\r") != line.rstrip("\r") and not file.path.endswith(".md"):
                yield Finding(file.path, number, "space", "white space at the end of the line")
            if "\t" in line and file.is_cpp:
                yield Finding(file.path, number, "space", "a tab")


def check_headers(files: list[File]) -> Iterator[Finding]:
    """A header begins with a comment that says what it is for, and has #pragma once."""
    for file in files:
        if not file.path.endswith(".h"):
            continue
        if not file.text.startswith("// "):
            yield Finding(file.path, 1, "headers", "the first line says what the header is")
        if file.path.startswith(("src/", "include/")) and "\n#pragma once\n" not in file.text:
            yield Finding(file.path, 1, "headers", "no #pragma once")
