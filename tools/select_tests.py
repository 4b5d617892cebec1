#!/usr/bin/env python3
"""Prints a filter for GoogleTest: the unit tests whose names contain one of NAME..., in any case.

tools/select_tests.py NAME... < output of --gtest_list_tests
If no test's name contains a NAME, prints similar names and ends with exit status 1.
"""
import difflib
import re
import sys


def names(listing: str) -> list[str]:
    """"Suite.Test" of each test of a --gtest_list_tests."""
    found, suite = [], ""
    for line in listing.splitlines():
        text = line.split("#")[0].rstrip()
        if re.fullmatch(r"[\w/]+\.", text):
            suite = text
        elif suite and re.fullmatch(r"  [\w/]+", text):
            found.append(suite + text.strip())
    return found


def select(tests: list[str], wanted: list[str]) -> tuple[list[str], list[str]]:
    """The tests that match, in order, and the words that match no test."""
    words = {word: word.strip("*").lower() for word in wanted}
    missing = [word for word, text in words.items() if not any(text in test.lower() for test in tests)]
    return [test for test in tests if any(text in test.lower() for text in words.values())], missing


def near(tests: list[str], word: str) -> list[str]:
    """Suites and tests with names similar to `word`."""
    parts = {part.lower(): part for test in tests for part in test.split(".")}
    return [parts[part] for part in difflib.get_close_matches(word.lower(), parts, 3, 0.5)]


def main() -> int:
    listing = sys.stdin.read()
    tests = names(listing)
    if not tests:
        print(f"the test program lists no tests:\n{listing}", file=sys.stderr)
        return 1
    selected, missing = select(tests, sys.argv[1:])
    for word in missing:
        hint = near(tests, word)
        print(f"no unit test's name contains '{word}'" + (f"; near it: {', '.join(hint)}" if hint else ""),
              file=sys.stderr)
    if missing or not selected:
        return 1
    print("*" if len(selected) == len(tests) else ":".join(selected))
    return 0


if __name__ == "__main__":
    sys.exit(main())
