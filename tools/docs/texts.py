"""The languages of the pages that are made. chinese.json has a Chinese text for each English one of docs/openapi.yaml, of the
first lines of the public headers, and of the makers' own words. The lint rule `reference` says which one is missing.

The Chinese of the configuration's keys is in the table of docs/configuration.zh.md.
"""
import json
import os
import re

CHINESE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "chinese.json")
FIRST = re.compile(r"^// <(starling/[\w.]+)>: (.*?)(?:\.\s|\.?$)", re.S)
WORDS = "words of the makers"  # The part of chinese.json whose texts are in the makers themselves.
ROW = re.compile(r"^\| `([a-z0-9_.\[\]]+)` \|(.*)\|$", re.M)


class Texts:
    """Called with an English text: the text in the language of the page, with its {} filled in."""
    language = "en"

    def __call__(self, text: str, *values: object) -> str:
        return text.format(*values) if values else text

    def sentence(self, text: str) -> str:
        return self(text).rstrip(".") + "."

    def joined(self, sentences: list[str]) -> str:
        return " ".join(sentences)


class Chinese(Texts):
    language = "zh"

    def __init__(self, found: dict[str, str]) -> None:
        self.found = found

    def __call__(self, text: str, *values: object) -> str:
        return super().__call__(self.found.get(text, text), *values)

    def sentence(self, text: str) -> str:
        return self(text).rstrip("。") + "。"

    def joined(self, sentences: list[str]) -> str:
        return "".join(sentences)


def chinese() -> Chinese:
    with open(CHINESE, encoding="utf-8") as stream:
        return Chinese({english: text for part in json.load(stream).values() for english, text in part.items()})


def of(language: str) -> Texts:
    return chinese() if language == "zh" else Texts()


def meanings(guide: str) -> dict[str, str]:
    """{key: meaning} of the table of docs/configuration.md, or of the Chinese one."""
    return {key: re.split(r"(?<!\\)\|", cells)[-1].strip() for key, cells in ROW.findall(guide) if cells.count("|") >= 2}


def purpose_of(text: str) -> tuple[str, str]:
    """The header's name, and the first sentence of its comment."""
    comment = re.match(r"(?://.*\n)+", text)
    words = re.sub(r"\n//\s?", " ", comment.group(0)) if comment else ""
    found = FIRST.match(words)
    return (found.group(1), re.sub(r"(<[\w/.]+>)", r"`\1`", re.sub(r"\s+", " ", found.group(2)).strip())) if found else ("", "")
