"""Checks includes against the layer table of ARCHITECTURE.md, and that pure layers do no I/O."""
import re
from dataclasses import dataclass
from typing import Iterator

from .source import File, Finding, includes

# | `server` | listener, worker, connections | I/O | → net http ws |
# Every pure and I/O layer may include `base` too.
ROW = re.compile(r"^\|\s*`(?P<name>\w+(?:/\w+)?)`\s*\|.*\|\s*(?P<kind>[\w/ ]+?)\s*\|\s*→(?P<to>[^|]*)\|\s*$")
KINDS = {"base", "pure", "I/O", "program"}

IMPURE_HEADERS = re.compile(
    r"<(sys/|netinet/|arpa/|unistd\.h|fcntl\.h|poll\.h|netdb\.h|signal\.h|csignal|time\.h|ctime"
    r"|thread|mutex|shared_mutex|condition_variable|future|stop_token|random|iostream|fstream"
    r"|filesystem|openssl/rand\.h)"
)
IMPURE_CALLS = re.compile(
    r"(::now\s*\(|\b(?:std::)?time\s*\(\s*(?:nullptr|NULL|0|&)|\bclock_gettime\s*\(|\bgettimeofday\s*\("
    r"|\bgetrandom\s*\(|\bgetentropy\s*\(|\bRAND_(?:priv_)?bytes\s*\(|\brandom_device\b"
    r"|\bthis_thread\b|\bstd::j?thread\b|\bgetenv\s*\()"
)
# These are slow to compile: only one source file of the library includes each of them.
HEAVY = ("boost/beast", "yaml-cpp/", "CLI/", "spdlog/")


@dataclass(frozen=True)
class Layer:
    name: str
    kind: str
    to: frozenset[str]
    line: int


def parse(architecture: str) -> dict[str, Layer]:
    layers = {}
    for number, line in enumerate(architecture.split("\n"), 1):
        match = ROW.match(line)
        if match:
            to = frozenset(re.findall(r"\w+(?:/\w+)?", match["to"]))
            if match["kind"] in ("pure", "I/O"):
                to |= {"base"}
            layers[match["name"]] = Layer(match["name"], match["kind"], to, number)
    return layers


def layer_of(path: str, layers: dict[str, Layer]) -> str:
    """The layer of a path relative to src/: the inner folder if it has a row of its own, or the outer folder."""
    parts = path.split("/")
    nested = "/".join(parts[:2])
    return nested if len(parts) > 2 and nested in layers else parts[0]


def check_table(files: list[File], layers: dict[str, Layer]) -> Iterator[Finding]:
    """The table names exactly the folders of src/, and has no cycle. An inner folder may have a row. If one
    inner folder of a folder has a row, all of them must, or one could join the outer layer by mistake."""
    where = "ARCHITECTURE.md"
    folders = {f.path.split("/")[1] for f in files if re.match(r"src/\w+/", f.path)}
    nested = {"/".join(f.path.split("/")[1:3]) for f in files if re.match(r"src/\w+/\w+/", f.path)}
    split = {name.split("/")[0] for name in layers if "/" in name}
    wanted = folders | {folder for folder in nested if folder.split("/")[0] in split}
    for folder in sorted(wanted - layers.keys()):
        yield Finding(where, 1, "layers", f"src/{folder} has no row in the layer table")
    for layer in layers.values():
        if layer.name not in wanted:
            yield Finding(where, layer.line, "layers", f"there is no src/{layer.name}")
        if layer.kind not in KINDS:
            yield Finding(where, layer.line, "layers", f"unknown kind \"{layer.kind}\"")
        for other in sorted(layer.to):
            if other not in layers:
                yield Finding(where, layer.line, "layers", f"unknown layer {other}")
            elif layer.name in reachable(other, layers):
                yield Finding(where, layer.line, "layers", f"cycle: {layer.name} → {other}")
            elif layer.kind == "pure" and layers[other].kind not in ("base", "pure"):
                yield Finding(where, layer.line, "layers", f"{layer.name} is pure, {other} is not")


def reachable(start: str, layers: dict[str, Layer]) -> set[str]:
    seen, waiting = set(), [start]
    while waiting:
        name = waiting.pop()
        if name in seen or name not in layers:
            continue
        seen.add(name)
        waiting.extend(layers[name].to)
    return seen


def check_includes(files: list[File], layers: dict[str, Layer]) -> Iterator[Finding]:
    paths = {f.path for f in files}
    for file in files:
        if not file.is_cpp:
            continue
        if file.path.startswith("src/"):
            yield from check_private(file, layers, paths)
        elif file.path.startswith("include/"):
            for line, path in includes(file):
                if path.startswith('"'):
                    yield Finding(file.path, line, "layers", f"a public header includes {path}")
        elif file.path.startswith("examples/"):
            for line, path in includes(file):
                if path.startswith('"'):
                    yield Finding(file.path, line, "layers", f"an example includes private {path}")


def check_private(file: File, layers: dict[str, Layer], paths: set[str]) -> Iterator[Finding]:
    parts = file.path.split("/")
    if len(parts) < 3 or parts[1] not in layers:
        return  # Reported by check_table.
    layer = layers[layer_of("/".join(parts[1:]), layers)]
    for line, path in includes(file):
        if not path.startswith('"'):
            continue
        target = path[1:-1]
        if f"src/{target}" not in paths:
            yield Finding(file.path, line, "layers", f"{path} is not a path relative to src/")
        elif layer_of(target, layers) not in layer.to | {layer.name}:
            yield Finding(file.path, line, "layers",
                          f"{layer.name} must not include {path} (see ARCHITECTURE.md)")


def check_pure(files: list[File], layers: dict[str, Layer]) -> Iterator[Finding]:
    for file in files:
        parts = file.path.split("/")
        if not file.is_cpp or parts[0] != "src" or len(parts) < 3:
            continue
        name = layer_of("/".join(parts[1:]), layers)
        if name not in layers or layers[name].kind != "pure":
            continue
        for line, path in includes(file):
            if IMPURE_HEADERS.match(path):
                yield Finding(file.path, line, "pure", f"a pure layer includes {path}")
        for match in IMPURE_CALLS.finditer(file.code):
            yield Finding(file.path, file.line_of(match.start()), "pure",
                          f"a pure layer uses {match.group(0).strip(' (')}")


def check_heavy(files: list[File]) -> Iterator[Finding]:
    for prefix in HEAVY:
        users = []
        for file in files:
            if file.is_cpp and file.path.startswith(("src/", "include/")):
                lines = [n for n, path in includes(file) if path[1:].startswith(prefix)]
                if lines:
                    users.append((file.path, lines[0]))
                    if file.path.endswith(".h"):
                        yield Finding(file.path, lines[0], "heavy", f"a header includes {prefix}")
        for path, line in users[1:]:
            yield Finding(path, line, "heavy", f"{prefix} is included by {users[0][0]} already")
