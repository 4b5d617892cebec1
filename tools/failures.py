"""Reads from the logs of test programs which tests failed, and what they printed."""
import re
from dataclasses import dataclass

LINES_MAX = 120  # For all failures of a step together.
BLOCK_LINES_MAX = 60  # For one failure.
LINE_CHARACTERS_MAX = 160
NAMES_MAX = 30

# A failure of `node --test` of these kinds only follows from another failure, which is shown.
FOLLOWS_FROM_OTHERS = ("subtestsFailed", "cancelledByParent")


@dataclass
class Failure:
    name: str
    said: list[str]  # Empty if another failure is the reason.


def node(log: str) -> list[Failure]:
    """Reads TAP: the innermost tests, with the names of the tests around them. A suite is listed if it failed
    itself, for example in a hook, and a file if it died."""
    lines = log.split("\n")
    around: list[str] = []  # For each depth, the last test that began there.
    found = []
    for at, line in enumerate(lines):
        begins = re.match(r"( *)# Subtest: (.*)", line)
        if begins:
            around[len(begins[1]) // 4:] = [begins[2]]
        wrong = re.match(r"( *)not ok \d+ - (.*)", line)
        if not wrong or re.search(r" # (SKIP|TO" r"DO)\b", wrong[2]):
            continue
        said = diagnostics(lines, at + 1, len(wrong[1]))
        kind = next((l.split("'")[1] for l in said if l.startswith("failureType: '")), "")
        if kind == "subtestsFailed":
            continue
        path = around[:len(wrong[1]) // 4] + [wrong[2]]
        name = " > ".join(part.replace("\\#", "#") for part in path)
        if kind in FOLLOWS_FROM_OTHERS:
            said = []
        elif any(l.startswith("exitCode: ") for l in said):  # A file: its output stands before its line.
            said = said + last_words(lines[:at])
        found.append(Failure(name, said))
    return found


def diagnostics(lines: list[str], start: int, depth: int) -> list[str]:
    """The YAML block of a TAP line that is indented by `depth`, without the stack frames of Node.js."""
    margin = " " * (depth + 2)
    if start >= len(lines) or lines[start] != margin + "---":
        return []
    said = []
    for line in lines[start + 1:]:
        if line == margin + "...":
            break
        if not re.search(r"\(node:|^ +async Promise\.all|^ +async (Suite|Test)\.", line):
            said.append(line[len(margin):])
    return said


def last_words(lines: list[str], count: int = 30) -> list[str]:
    """The last output of a test file whose log ends with `lines`."""
    words: list[str] = []
    for line in reversed(lines):
        if line.startswith("# Subtest: ") and not words:
            continue
        if not line.startswith("#") or line.startswith("# Subtest: ") or len(words) == count:
            break
        words.insert(0, line)
    return words


def gtest(log: str) -> list[Failure]:
    """The output of each failed test, a sanitizer's report in a test that passed, and the last output of a
    program that died."""
    found = []
    name, said = "", []
    for line in log.rstrip().split("\n"):
        if line.startswith("[ RUN      ] "):
            name, said = line[len("[ RUN      ] "):], []
        said.append(line)
        wrong = re.match(r"\[  FAILED  \] (.*) \(\d+ ms\)$", line)
        if wrong or (line.startswith("[       OK ]") and any("Sanitizer" in l for l in said)):
            found.append(Failure(name, said))
        if wrong or line.startswith(("[       OK ]", "[  SKIPPED ]")):
            name, said = "", []
    if name:
        found.append(Failure(f"{name} (did not end)", said))
    elif any("Sanitizer" in line for line in said) or not found:
        found.append(Failure("at the end of the program", said[-BLOCK_LINES_MAX:]))
    return found


def unittest(log: str) -> list[Failure]:
    """Only the names: the end of the log shows the rest."""
    return [Failure(name, []) for name in re.findall(r"^(?:ERROR|FAIL): (.*)", log, re.MULTILINE)]


def report(failures: list[Failure]) -> list[str]:
    """The lines to print. Their number is bounded, so every failure gets its first lines."""
    telling = [f for f in failures if f.said]
    each = max(10, min(BLOCK_LINES_MAX, LINES_MAX // max(1, len(telling))))
    lines: list[str] = []
    for number, failure in enumerate(telling):
        if len(lines) + 3 > LINES_MAX:
            lines.append(f"... and {len(telling) - number} more")
            break
        room = min(each, LINES_MAX - len(lines) - 1)
        lines.append(f"failed: {failure.name}")
        cut = len(failure.said) > room
        lines += [f"  {line}" for line in failure.said[:room - 1 if cut else room]]
        if cut:
            lines.append(f"  ... {len(failure.said) - room + 1} more lines")
    return [line[:LINE_CHARACTERS_MAX] for line in lines]


def names(failures: list[str]) -> list[str]:
    """The names for the end of the output. Their number is bounded."""
    if len(failures) <= NAMES_MAX:
        return failures
    return failures[:NAMES_MAX] + [f"... and {len(failures) - NAMES_MAX} more"]
