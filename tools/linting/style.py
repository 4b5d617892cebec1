"""Checks by other programs: clang-format for C++, bash -n for shell scripts."""
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Iterator

from .source import File, Finding

CLANG_FORMAT = "clang-format"
CLANG_FORMAT_VERSION = 14  # That of Debian 12. Other versions lay out some of the files differently.
FORMATTED = ("src/", "include/", "tests/", "examples/", "bench/", "fuzz/", "packaging/")
REPORT = re.compile(r"^(?P<path>.+?):(?P<line>\d+):\d+: error: code should be clang-formatted")


def formatted_files(files: list[File]) -> list[str]:
    return [f.path for f in files if f.is_cpp and f.path.startswith(FORMATTED)]


def clang_format_version() -> int:
    said = subprocess.run([CLANG_FORMAT, "--version"], capture_output=True, text=True).stdout
    found = re.search(r"version (\d+)\.", said)
    return int(found[1]) if found else 0


def check_format(files: list[File], root: str) -> Iterator[Finding]:
    if not shutil.which(CLANG_FORMAT):
        yield Finding(".clang-format", 1, "format", "clang-format is missing: setup/install test")
        return
    if (version := clang_format_version()) != CLANG_FORMAT_VERSION:
        print(f"lint: the layout is not checked: it is that of clang-format {CLANG_FORMAT_VERSION}, and this is "
              f"{version}", file=sys.stderr)
        return
    paths = formatted_files(files)
    batches = [paths[i:i + 16] for i in range(0, len(paths), 16)]

    def run(batch: list[str]) -> str:
        return subprocess.run([CLANG_FORMAT, "--dry-run", "-Werror", *batch], cwd=root,
                              capture_output=True, text=True).stderr

    reported = set()
    with ThreadPoolExecutor(2) as pool:
        for output in pool.map(run, batches):
            for line in output.split("\n"):
                match = REPORT.match(line)
                if match and match["path"] not in reported:  # The first place of each file is enough.
                    reported.add(match["path"])
                    yield Finding(match["path"], int(match["line"]), "format", "run ./dev format")


def check_shell(files: list[File], root: str) -> Iterator[Finding]:
    for file in files:
        if not re.match(r"#!/(?:usr/)?bin/(?:env )?(?:ba)?sh\b", file.text):
            continue
        shell = "bash" if "bash" in file.lines[0] else "sh"
        result = subprocess.run([shell, "-n"], input=file.text, capture_output=True, text=True, cwd=root)
        if result.returncode != 0:
            yield Finding(file.path, 1, "shell", result.stderr.strip().split("\n")[0])
        if not file.executable:
            yield Finding(file.path, 1, "shell", "not executable")
