"""Exceptions from rules, one per line: `rule path reason`. An exception that excuses nothing is a finding."""
from .source import Finding

WITHOUT_EXCEPTION = {"file-length-hard", "words", "format", "exceptions"}


def apply(findings: list[Finding], text: str, where: str) -> list[Finding]:
    kept, used = list(findings), set()
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip() or line.startswith("#"):
            continue
        words = line.split(maxsplit=2)
        if len(words) < 3:
            kept.append(Finding(where, number, "exceptions", "rule, path and reason are needed"))
            continue
        rule, path = words[0], words[1]
        if rule in WITHOUT_EXCEPTION:
            kept.append(Finding(where, number, "exceptions", f"{rule} has no exceptions"))
            continue
        excused = [f for f in kept if f.rule == rule and f.path == path]
        if not excused:
            kept.append(Finding(where, number, "exceptions", f"not needed any more: {rule} {path}"))
        used.update(excused)
    return [f for f in kept if f not in used]
