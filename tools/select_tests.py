#!/usr/bin/env python3
"""The unit tests whose names contain one of NAME..., in any case, as a filter for GoogleTest.

tools/select_tests.py NAME... < output of --gtest_list_tests
Exit status 1, with the nearest names, where a NAME is in no test's name.
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
    """The tests that match, in their order, and the words that match none."""
    words = {word: word.strip("*").lower() for word in wanted}
    missing = [word for word, text in words.items() if not any(text in test.lower() for test in tests)]
    return [test for test in tests if any(text in test.lower() for text in words.values())], missing


def near(tests: list[str], word: str) -> list[str]:
    """Suites and tests whose names look like `word`."""
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
