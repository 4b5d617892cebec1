"""The pages of the reference that are made have Chinese for all that they say.

The keys of the configuration have it in docs/configuration.zh.md; everything else has it in tools/docs/chinese.json.
"""
import json
import os
import re
import subprocess
import sys
from typing import Iterator

from .source import File, Finding

SCHEMA = "packaging/starling.schema.json"
GUIDES = ("docs/configuration.md", "docs/configuration.zh.md")
CHINESE = "tools/docs/chinese.json"
DESCRIPTION, HEADERS = "docs/openapi.yaml", "include/starling"  # Parts of chinese.json, named as what they translate.
TERM = re.compile(r"`[^`]+`")
VALUE = re.compile(r"\{\}")
HAN = re.compile(r"[\u3400-\u9fff]")


def check_keys(meanings: list[dict[str, str]], leaves: list[tuple[str, dict, bool]]) -> Iterator[Finding]:
    """`meanings` are those of GUIDES; `leaves` are the keys of the schema."""
    english, chinese = meanings
    for key, one, _ in leaves:
        wanted = one.get("description", "")
        for guide, found in zip(GUIDES, meanings):
            if key not in found:
                yield Finding(guide, 1, "reference", f"the table of keys has no row `{key}`, which {SCHEMA} has")
        if key in english and english[key] != wanted.replace("|", "\\|"):
            yield Finding(GUIDES[0], 1, "reference", f"`{key}` does not say what {SCHEMA} says: {wanted}")
        if key in chinese and re.search(r"[a-z]{3}", TERM.sub("", wanted)) and not HAN.search(TERM.sub("", chinese[key])):
            yield Finding(GUIDES[1], 1, "reference", f"`{key}` has no Chinese")


def check_texts(part: str, wanted: list[str], found: dict[str, str]) -> Iterator[Finding]:
    """`found` is one part of chinese.json; `wanted` are the English texts of what the part translates."""
    for text in wanted:
        if text not in found:
            yield Finding(CHINESE, 1, "reference", f"{part} has a text without Chinese: add {json.dumps(text)}: \"...\"")
    for text, chinese in found.items():
        if text not in wanted:
            yield Finding(CHINESE, 1, "reference", f"{part} does not have this text any more: {json.dumps(text)}")
        for mark in (TERM, VALUE):
            if sorted(mark.findall(text)) != sorted(mark.findall(chinese)):
                yield Finding(CHINESE, 1, "reference", f"other words in backticks or other {{}} than in {json.dumps(text)}")


def cut_texts(value: object, place: str = "") -> Iterator[str]:
    """In `{description: a, b, c: d}` the comma ends the description, and "b" is a key without a value."""
    if isinstance(value, dict):
        for key, one in value.items():
            if one is None:
                yield f"{place}: \"{key}\" is no key; put the text before it in quotes"
            yield from cut_texts(one, f"{place}/{key}")
    elif isinstance(value, list):
        for i, one in enumerate(value):
            yield from cut_texts(one, f"{place}/{i}")


def check_reference(files: list[File], root: str) -> Iterator[Finding]:
    by_path = {file.path: file for file in files}
    if CHINESE not in by_path:
        return
    sys.path.insert(0, os.path.join(root, "tools", "docs"))
    import config_page  # pylint: disable=import-outside-toplevel
    import texts  # pylint: disable=import-outside-toplevel
    keys = config_page.leaves(json.loads(by_path[SCHEMA].text))
    yield from check_keys([texts.meanings(by_path[guide].text) for guide in GUIDES], keys)
    # The system's Python has YAML, which Debian's MkDocs brings; that of lint may have none.
    done = subprocess.run(["/usr/bin/python3", "-B", os.path.join(root, "tools", "docs", "api_page.py")],
                          input=by_path[DESCRIPTION].text, capture_output=True, text=True, check=False)
    if done.returncode:
        yield Finding(DESCRIPTION, 1, "reference", f"cannot be read (setup/install docs?): {done.stderr.strip().split(chr(10))[-1]}")
        return
    read = json.loads(done.stdout)
    yield from (Finding(DESCRIPTION, 1, "reference", fault) for fault in cut_texts(read["file"]))
    chinese = json.loads(by_path[CHINESE].text)
    headers = [texts.purpose_of(file.text)[1] for path, file in sorted(by_path.items())
               if path.startswith(HEADERS + "/") and path.endswith(".h")]
    yield from check_texts(DESCRIPTION, read["texts"], chinese[DESCRIPTION])
    yield from check_texts(HEADERS, headers, chinese[HEADERS])
    yield from check_texts("tools/docs", list(chinese[texts.WORDS]), chinese[texts.WORDS])
