"""clang-tidy over every C++ file that a preset compiles, with the checks of .clang-tidy.

clang-tidy spends nearly all of its time on the headers of the system and of libraries. So files that are
compiled alike are checked as one text, a group, which reads these headers once. Files
that define the same name go to different groups. A group that cannot be parsed is halved, down to single
files. The result of each group is kept under a hash of all of the repository's files that it depends on, in
$XDG_CACHE_HOME/starling/tidy: clones of one machine share it, as they share what ccache has."""
import hashlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import lru_cache

from . import names
from .source import INCLUDE, SKIPPED_FOLDERS, Finding

CLANG_TIDY = "clang-tidy-19"  # Version 14 of Debian 12 cannot read the library's header of coroutines.
CONFIG = ".clang-tidy"
TEXTS = os.path.join("build", "tidy")  # Where the text of a group is, while it is checked.
CACHE_DAYS_MAX = 30      # A result that no run has used for so long is deleted.
GROUP_FILES_MAX = 24
PROGRESS_SECONDS = 10
FOLDERS = ("src", "include", "examples")
PRESETS = {"debug": ("src", "examples")}  # The folders of each preset.
# The definitions at the start of a line: tests, types, functions and constants without a qualified name.
DEFINITION = re.compile(r"^(?:TEST\w*\((\w+, *\w+)\)"
                        r"|(?:struct|class|union|enum|enum class) (\w+)\b(?!;)|using (\w+) ="
                        r"|(?!namespace|using)[A-Za-z_][\w:<>,&*\[\]\" ]*?[ &*](\w+)(?:\(|\{|\[| = ))", re.MULTILINE)
# Functions that each program of a folder has: in a group they get a number.
ENTRY = re.compile(r'^((?:extern "C" )?int (?:main|LLVMFuzzerTestOneInput))(?=\()', re.MULTILINE)
NUMBERED = re.compile(r"'(?:main|LLVMFuzzerTestOneInput)_\d+'")
REPORT = re.compile(r"^(?P<path>/[^:\n]+):(?P<line>\d+):\d+: (?P<kind>warning|error): (?P<message>.*?)"
                    r"(?: \[(?P<checks>[\w.,+-]+)\])?$", re.MULTILINE)


@dataclass(frozen=True)
class Source:
    path: str                  # Relative to the repository.
    arguments: tuple[str, ...]  # Arguments of the compiler, without the file and its output.


@dataclass(frozen=True)
class Outcome:
    findings: tuple[Finding, ...] = ()
    halves: tuple[tuple[str, ...], ...] = ()  # Paths, where the group does not parse as one text.


def sources_of(database: str, root: str, folders: tuple[str, ...]) -> list[Source]:
    """What a compile_commands.json says of the files in these folders; a file counts once."""
    with open(database, encoding="utf-8") as stream:
        entries = json.load(stream)
    found: dict[str, Source] = {}
    for entry in entries:
        path = os.path.relpath(os.path.join(entry["directory"], entry["file"]), root)
        if path.split(os.sep)[0] in folders and path not in found:
            found[path] = Source(path, arguments_of(shlex.split(entry["command"])))
    return [found[path] for path in sorted(found)]


def arguments_of(command: list[str]) -> tuple[str, ...]:
    kept, skip = [], False
    for word in command[1:]:
        if skip or word in ("-o", "-c"):
            skip = not skip
        elif word != "-Werror":  # Errors are what does not parse; each finding fails anyway.
            kept.append(word)
    return tuple(kept)


def is_stale(database: str, root: str) -> bool:
    """Whether a file was added or the build description changed since the preset was configured."""
    if not os.path.exists(database):
        return True
    configured = os.path.getmtime(database)
    with open(database, encoding="utf-8") as stream:
        known = {os.path.normpath(os.path.join(e["directory"], e["file"])) for e in json.load(stream)}
    if any(not os.path.exists(path) for path in known):
        return True
    for folder, folders, leaves in os.walk(root):
        folders[:] = [name for name in folders if name not in SKIPPED_FOLDERS]
        for leaf in leaves:
            path = os.path.join(folder, leaf)
            if leaf == "CMakeLists.txt" or leaf.endswith(".cmake") or leaf == "CMakePresets.json":
                if os.path.getmtime(path) > configured:
                    return True
            elif leaf.endswith(".cpp") and os.path.relpath(path, root).startswith("src" + os.sep):
                if path not in known:
                    return True
    return False


@dataclass
class Group:
    """Files that can be one text, so far."""
    files: list[Source]
    names: set[str]   # That the files define.
    hidden: set[str]  # Types of their own, with namespaces.
    headers: set[str]  # Types of the headers that they include, with namespaces.

    def has_room(self, names: frozenset[str], hidden: frozenset[str], headers: frozenset[str]) -> bool:
        return len(self.files) < GROUP_FILES_MAX and not (names & self.names or hidden & self.headers
                                                          or headers & self.hidden)

    def add(self, source: Source, names: frozenset[str], hidden: frozenset[str], headers: frozenset[str]) -> None:
        self.files.append(source)
        self.names |= names
        self.hidden |= hidden
        self.headers |= headers


def groups_of(sources: list[Source], defined=lambda source: frozenset(),
              types=lambda source: (frozenset(), frozenset())) -> list[list[Source]]:
    """Files of one command line, in as few groups as sizes and the names they define allow. `types`: of the file
    itself and of its headers, with namespaces; a type of a file hides one of a header."""
    groups: dict[tuple[str, ...], list[Group]] = {}
    for source in sources:
        names, (hidden, headers) = defined(source), types(source)
        alike = groups.setdefault(source.arguments, [])
        for group in alike:
            if group.has_room(names, hidden, headers):
                break
        else:
            alike.append(group := Group([], set(), set(), set()))
        group.add(source, names, hidden, headers)
    # The long ones first, so that all processors end at about the same time.
    return sorted((group.files for alike in groups.values() for group in alike), key=len, reverse=True)


def definitions(text: str) -> frozenset[str]:
    """Names that two files of a group must not both define."""
    return frozenset(name for match in DEFINITION.finditer(ENTRY.sub("", text))
                     for name in match.groups() if name)


def own_types(text: str) -> frozenset[str]:
    """The types of a source file, and other names for types. Unnamed namespaces count as those around them."""
    return frozenset(name for name, _ in names.types(text.split("\n"), unnamed=True))


def header_types(texts: "Texts", path: str, folders: tuple[str, ...]) -> frozenset[str]:
    headers = (header for header in texts.with_headers([path], folders) if header != path)
    return frozenset(name for header in headers for name in texts.types(header))


def include_folders(arguments: tuple[str, ...]) -> tuple[str, ...]:
    folders = []
    for i, word in enumerate(arguments):
        if word in ("-I", "-isystem", "-iquote") and i + 1 < len(arguments):
            folders.append(arguments[i + 1])
        elif word.startswith("-I"):
            folders.append(word[2:])
    return tuple(folders)


class Texts:
    """The files of the repository that a file includes, and their hashes; each file is read once."""

    def __init__(self, root: str):
        self.root = root
        self.read = lru_cache(maxsize=None)(self._read)
        self.direct = lru_cache(maxsize=None)(self._direct)
        self.types = lru_cache(maxsize=None)(lambda path: own_types(self.read(path)[0]))

    def _read(self, path: str) -> tuple[str, str]:
        with open(path, encoding="utf-8") as stream:
            text = stream.read()
        return text, hashlib.sha256(text.encode()).hexdigest()

    def _direct(self, path: str, folders: tuple[str, ...]) -> tuple[str, ...]:
        found = []
        for match in INCLUDE.finditer(self.read(path)[0]):
            for folder in (os.path.dirname(path), *folders):
                target = os.path.normpath(os.path.join(folder, match["path"][1:-1]))
                if target.startswith(self.root + os.sep) and os.path.isfile(target):
                    found.append(target)
                    break
        return tuple(found)

    def with_headers(self, paths: list[str], folders: tuple[str, ...]) -> list[str]:
        seen, waiting = set(), list(paths)
        while waiting:
            path = waiting.pop()
            if path not in seen:
                seen.add(path)
                waiting += self.direct(path, folders)
        return sorted(seen)


def cache_folder() -> str:
    home = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return os.path.join(home, "starling", "tidy")


class Tidy:
    """One run over groups. Several threads may call check()."""

    def __init__(self, root: str, program: str = CLANG_TIDY):
        self.root, self.program = os.path.realpath(root), program
        self.texts = Texts(self.root)
        self.runs = 0  # Runs of clang-tidy; a cached result needs no run.
        self.cache = cache_folder()
        for folder in (self.cache, os.path.join(self.root, TEXTS)):
            os.makedirs(folder, exist_ok=True)
        version = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
        with open(__file__, encoding="utf-8") as stream:
            self.common = [version, stream.read(), self.texts.read(os.path.join(self.root, CONFIG))[0]]

    def key(self, group: list[Source]) -> str:
        arguments = group[0].arguments
        paths = [os.path.join(self.root, source.path) for source in group]
        files = self.texts.with_headers(paths, include_folders(arguments))
        parts = [*arguments, *paths, *(word for path in files for word in (path, self.texts.read(path)[1]))]
        # The folder of the repository is no part of it.
        text = "\0".join([*self.common, *(part.replace(self.root + os.sep, "") for part in parts)])
        return hashlib.sha256(text.encode()).hexdigest()

    def check(self, group: list[Source]) -> Outcome:
        name = self.key(group)
        kept = os.path.join(self.cache, name + ".json")
        try:
            with open(kept, encoding="utf-8") as stream:
                data = json.load(stream)
            os.utime(kept)
            return Outcome(tuple(Finding(*finding) for finding in data["findings"]),
                           tuple(tuple(half) for half in data["halves"]))
        except (OSError, ValueError, KeyError, TypeError):
            pass  # Not known, or not whole.
        outcome = self.run(group, os.path.join(self.root, TEXTS, name + ".cpp"))
        data = {"findings": [(f.path, f.line, f.rule, f.message) for f in outcome.findings],
                "halves": outcome.halves}
        mine = f"{kept}.{os.getpid()}"  # Another clone may write the same result.
        with open(mine, "w", encoding="utf-8") as stream:
            json.dump(data, stream)
        os.replace(mine, kept)
        return outcome

    def run(self, group: list[Source], joined: str) -> Outcome:
        """Checks the texts of a group as one file, `joined`, and finds the places in the files again."""
        places: list[tuple[str, int]] = [("", 0)]  # The place of each line of `joined`; lines count from 1.
        with open(joined, "w", encoding="utf-8") as stream:
            for number, source in enumerate(group):
                text = self.texts.read(os.path.join(self.root, source.path))[0].rstrip("\n") + "\n"
                if len(group) > 1:
                    text = ENTRY.sub(rf"\1_{number}", text)
                places += [(source.path, line) for line in range(1, text.count("\n") + 1)]
                stream.write(text)
        self.runs += 1
        headers = f"^{re.escape(self.root)}/({'|'.join(FOLDERS)})/"
        quotes = [f"-iquote{self.root}/{folder}"
                  for folder in sorted({os.path.dirname(source.path) for source in group})]
        result = subprocess.run(
            ["nice", self.program, "--quiet", f"--config-file={self.root}/{CONFIG}",
             f"--header-filter={headers}", joined, "--", *group[0].arguments, *quotes],
            cwd=self.root, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        os.remove(joined)
        findings, unparsed = self.parse(result.stdout, joined, places)
        if not unparsed and result.returncode != 0 and not findings:
            unparsed = [Finding(group[0].path, 1, "tidy", "clang-tidy failed: " + last_line(result))]
        if not unparsed:
            return Outcome(tuple(findings))
        if len(group) == 1:
            return Outcome(tuple({f.path: f for f in reversed(unparsed)}.values()))  # The first of each file.
        return Outcome(halves=halves([s.path for s in group], {f.path for f in unparsed}))

    def parse(self, output: str, joined: str, places: list[tuple[str, int]]
              ) -> tuple[list[Finding], list[Finding]]:
        """What the checks found, and what the compiler does not understand."""
        findings, unparsed = [], []
        for match in REPORT.finditer(output):
            path, line = match["path"], int(match["line"])
            if path == joined:
                path, line = places[min(line, len(places) - 1)]
            else:
                path = os.path.relpath(os.path.normpath(path), self.root)
            checks = (match["checks"] or "").replace(",-warnings-as-errors", "")
            if match["kind"] == "error" and checks in ("", "clang-diagnostic-error"):
                unparsed.append(Finding(path, line, "tidy", f"cannot be parsed: {match['message']}"))
            elif not NUMBERED.search(match["message"]):
                findings.append(Finding(path, line, checks, match["message"]))
        return findings, unparsed


def last_line(result: subprocess.CompletedProcess) -> str:
    lines = (result.stdout + result.stderr).strip().split("\n")
    return lines[-1] or f"status {result.returncode}"


def halves(paths: list[str], at_fault: set[str]) -> tuple[tuple[str, ...], ...]:
    """Splits off the files that the errors name; where these say nothing, the second half."""
    first = [path for path in paths if path not in at_fault]
    second = [path for path in paths if path in at_fault]
    if not first or not second:
        first, second = paths[:len(paths) // 2], paths[len(paths) // 2:]
    return tuple(first), tuple(second)


def check_groups(tidy: Tidy, groups: list[list[Source]], say=lambda line: None) -> list[Finding]:
    found: set[Finding] = set()
    sources = {source.path: source for group in groups for source in group}
    done, spoken = 0, time.monotonic()
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        waiting: set[Future] = {pool.submit(tidy.check, group) for group in groups}
        while waiting:
            ready, waiting = wait(waiting, PROGRESS_SECONDS, FIRST_COMPLETED)
            for future in ready:
                outcome = future.result()
                done += 1
                found.update(outcome.findings)
                for half in outcome.halves:
                    waiting.add(pool.submit(tidy.check, [sources[path] for path in half]))
            if waiting and time.monotonic() - spoken >= PROGRESS_SECONDS:
                spoken = time.monotonic()
                say(f"clang-tidy: {done} of {done + len(waiting)} groups of files, {len(found)} findings")
    return sorted(found, key=lambda f: (f.path, f.line, f.rule))


def clean(cache: str, now: float) -> None:
    """Deletes old results, and what an interrupted run left."""
    for leaf in os.listdir(cache):
        path = os.path.join(cache, leaf)
        days = (now - os.path.getmtime(path)) / 86400
        if days > (CACHE_DAYS_MAX if leaf.endswith(".json") else 1):
            os.remove(path)


def check_tidy(root: str) -> list[Finding]:
    """Findings of all checks; one finding that says so where they cannot run."""
    root = os.path.realpath(root)
    if not shutil.which(CLANG_TIDY):
        return [Finding(CONFIG, 1, "tidy", f"{CLANG_TIDY} is missing: setup/install test")]
    sources = []
    for preset, folders in PRESETS.items():
        database = os.path.join(root, "build", preset, "compile_commands.json")
        if is_stale(database, root):
            result = subprocess.run(["cmake", "--preset", preset], cwd=root, capture_output=True, text=True)
            if result.returncode != 0:
                return [Finding("CMakePresets.json", 1, "tidy",
                                f"cmake --preset {preset} failed: " + last_line(result))]
        sources += sources_of(database, root, folders)
    tidy = Tidy(root)
    def types(source: Source) -> tuple[frozenset[str], frozenset[str]]:
        path = os.path.join(root, source.path)
        return tidy.texts.types(path), header_types(tidy.texts, path, include_folders(source.arguments))

    groups = groups_of(sources, lambda s: definitions(tidy.texts.read(os.path.join(root, s.path))[0]), types)
    found = check_groups(tidy, groups, lambda line: print(line, file=sys.stderr, flush=True))
    for folder in (tidy.cache, os.path.join(root, TEXTS)):
        clean(folder, time.time())
    return found
