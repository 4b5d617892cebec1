"""Finds banned calls, and tests that assert nothing."""
import re
from typing import Iterator

from .lengths import functions
from .source import File, Finding

EVERYWHERE = [
    (r"\b(?:strcpy|strcat|sprintf|vsprintf|gets|strtok|tmpnam|mktemp|alloca)\s*\(", "unbounded or unsafe"),
    (r"(?<![\w:.>])(?:std::)?s?rand\s*\(", "not random: randomness is an argument, or comes from OpenSSL"),
    (r"(?<![\w:.>])(?:std::|::)?(?:system|popen)\s*\(", "starts a shell"),
    (r"\busing\s+namespace\s+std\s*;", "name what is used"),
]
# Nothing waits for a fixed time: code waits in its loop, tests wait for an event.
IN_SOURCE_AND_TESTS = [
    (r"\bsleep_(?:for|until)\s*\(", "wait for an event"),
    (r"(?<![\w:.>])(?:std::|::)?(?:sleep|usleep|nanosleep)\s*\(", "wait for an event"),
]
IN_LIBRARY = [
    (r"\bstd::(?:cout|cerr|clog)\b", "the library logs through its sink"),
    (r"(?<![\w:.>])(?:std::)?(?:printf|puts|putchar)\s*\(", "the library logs through its sink"),
    (r"(?<![\w:.>])(?:std::|::)?(?:exit|abort|_exit|quick_exit)\s*\(", "the program decides when to end"),
    (r"(?<![\w:.>])(?:std::|::)?(?:getenv|secure_getenv)\s*\(", "the program reads the environment"),
]
ASSERTION = re.compile(r"\b(?:EXPECT|ASSERT)_\w+|\b(?:ADD_FAILURE|FAIL|SUCCEED)\b|\bstatic_assert\b")
TEST_MACROS = {"TEST", "TEST_F", "TEST_P", "TYPED_TEST", "TYPED_TEST_P"}


def check_calls(files: list[File]) -> Iterator[Finding]:
    for file in files:
        if not file.is_cpp:
            continue
        rules = list(EVERYWHERE)
        if file.path.startswith(("src/", "include/", "tests/")):
            rules += IN_SOURCE_AND_TESTS
        if file.path.startswith(("src/", "include/")) and not file.path.startswith("src/app/"):
            rules += IN_LIBRARY
        for pattern, reason in rules:
            for match in re.finditer(pattern, file.code):
                yield Finding(file.path, file.line_of(match.start()), "calls",
                              f"{match.group(0).strip(' (')}: {reason}")


def check_tests(files: list[File]) -> Iterator[Finding]:
    """Each test asserts something, itself or through a function of tests/ that asserts."""
    bodies = []  # (file, function) for every function of tests/.
    for file in files:
        if file.is_cpp and file.path.startswith("tests/"):
            bodies += [(file, function) for function in functions(file)]
            for match in re.finditer(r"\bDISABLED_\w+", file.code):
                yield Finding(file.path, file.line_of(match.start()), "tests", "a disabled test")
        elif re.match(r"tests/.*\.test\.mjs$", file.path):
            if not re.search(r"\bassert\b|\bexpect\b", file.text):
                yield Finding(file.path, 1, "tests", "no assertion in this file")
            for match in re.finditer(r"\b(?:test|it|describe)\.only\b", file.text):
                yield Finding(file.path, file.line_of(match.start()), "tests", "the others do not run")
    asserting: set[str] = set()
    grown = True
    while grown:
        grown = False
        for _, function in bodies:
            name = function.name.split("::")[-1]
            if name not in asserting and name not in TEST_MACROS and asserts(function.body, asserting):
                asserting.add(name)
                grown = True
    for file, function in bodies:
        if function.name in TEST_MACROS and not asserts(function.body, asserting):
            yield Finding(file.path, function.first_line, "tests", "a test without an assertion")


def asserts(body: str, asserting: set[str]) -> bool:
    if ASSERTION.search(body):
        return True
    return any(name in asserting for name in re.findall(r"(\w+)\s*[({<]", body))
