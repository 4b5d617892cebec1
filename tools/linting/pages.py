"""Pages build elements: text of a user never becomes markup or code."""
import re
from typing import Iterator

from .source import File, Finding

FOLDERS = ("web/", "examples/")
BANNED = [
    (r"\.(?:inner|outer)HTML\b", "textContent, or an element of its own"),
    (r"\b(?:insertAdjacentHTML|createContextualFragment|setHTMLUnsafe|parseFromString)\s*\(",
     "textContent, or an element of its own"),
    (r"\bdocument\.write(?:ln)?\s*\(", "textContent, or an element of its own"),
    (r"\bsrcdoc\b", "a page of its own"),
    (r"\beval\s*\(|\bnew\s+Function\s*\(|\bset(?:Timeout|Interval)\s*\(\s*[\"'`]", "text is no code"),
    (r"\bjavascript:", "text is no code"),
    (r"<[^>]*\son[a-z]+\s*=|setAttribute\(\s*[\"'`]on", "addEventListener()"),
]


def check_pages(files: list[File]) -> Iterator[Finding]:
    for file in files:
        if not file.path.startswith(FOLDERS) or not file.path.endswith((".js", ".mjs", ".html")):
            continue
        for pattern, instead in BANNED:
            for match in re.finditer(pattern, file.text):
                yield Finding(file.path, file.line_of(match.start()), "pages", f"{match.group(0)}: {instead}")
