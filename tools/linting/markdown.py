"""What a guide in Markdown is made of: its headings, code blocks, tables, links and terms."""
import re
from dataclasses import dataclass, field

FENCE = re.compile(r"^\s*```(?P<info>.*)$")
HEADING = re.compile(r"^(?P<level>#{1,6}) +(?P<title>.+?)\s*$")
LINK = re.compile(r"\]\((?P<target>[^)\s]+)\)")
TERM = re.compile(r"(?<!`)(`+)(?!`)(?P<term>[^\n]+?)(?<!`)\1(?!`)")
PIPE = re.compile(r"(?<!\\)\|")
DRAWING = re.compile(r"[←-⇿─-╿▲-◿]")  # Arrows, lines of boxes, triangles.
SLASHES = re.compile(r"/\*.*?\*/|<!--.*?-->|(?:(?<=\s)|^)//[^\n]*", re.DOTALL | re.MULTILINE)
HASHES = re.compile(r"(?:(?<=\s)|^)#(?=\s|$)[^\n]*", re.MULTILINE)
SLASH_LANGUAGES = {"c", "cpp", "css", "html", "java", "js", "mjs", "ts"}
COMMENT = "\0"  # Stands for a comment; no guide has this character.


@dataclass
class Block:
    line: int  # Of the fence, or the line above an indented block.
    info: str  # What stands behind the fence; "" for an indented block.
    lines: list[str] = field(default_factory=list)

    def comparable(self) -> list[str]:
        """The lines without comments. A line of a drawing counts without its words, because they are translated."""
        while self.lines and not self.lines[-1].strip():
            self.lines.pop()
        text = "\n".join(self.lines)
        language = self.info.split(" ")[0]
        text = (SLASHES if language in SLASH_LANGUAGES else HASHES).sub(COMMENT, text)
        lines = [line.rstrip() for line in text.split("\n") if line.strip() != COMMENT]
        lines = ["a drawing" if DRAWING.search(line) else re.sub(r"\s+" + COMMENT, "", line) for line in lines]
        return [self.info, *lines]


@dataclass
class Guide:
    headings: list[tuple[int, int, str]] = field(default_factory=list)  # Line, level, title.
    blocks: list[Block] = field(default_factory=list)
    tables: list[tuple[int, list[int]]] = field(default_factory=list)  # Line, columns of each row.
    links: list[tuple[int, str]] = field(default_factory=list)  # Line, target.
    terms: dict[str, int] = field(default_factory=dict)  # Each text in backticks, and its first line.

    def anchors(self) -> list[str]:
        """The anchor of each heading, by the rules of GitHub."""
        made: list[str] = []
        for _, _, title in self.headings:
            words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title).lower()
            slug = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
            count = sum(1 for other in made if re.sub(r"-\d+$", "", other) == slug)
            made.append(f"{slug}-{count}" if slug in made else slug)
        return made


def parse(text: str) -> Guide:
    guide = Guide()
    prose: list[str] = []  # The text with code replaced by empty lines, so that lines keep their numbers.
    fence = indented = in_table = False
    previous = ""
    for number, line in enumerate(text.split("\n"), 1):
        match = FENCE.match(line)
        blank = not line.strip()
        row = not fence and line.lstrip().startswith("|")
        indented = not fence and line.startswith("    ") and (indented or not previous.strip()) or (indented and blank)
        if match or fence:
            if match and not fence:
                guide.blocks.append(Block(number, match["info"].strip()))
            elif not match:
                guide.blocks[-1].lines.append(line)
            fence = fence != bool(match)
            indented = False
        elif indented:
            if previous.strip() == "" and not (prose and prose[-1] == COMMENT):
                guide.blocks.append(Block(number - 1, ""))
            guide.blocks[-1].lines.append(line)
        code = bool(match) or fence or indented
        prose.append(COMMENT if indented else "" if code else line)
        if row and not code:
            if not in_table:
                guide.tables.append((number, []))
            guide.tables[-1][1].append(len(PIPE.findall(line)))
        in_table = row
        heading = HEADING.match(line)
        if heading and not code:
            guide.headings.append((number, len(heading["level"]), heading["title"]))
        previous = line
    plain = "\n".join(prose)
    for match in LINK.finditer(TERM.sub(lambda term: " " * len(term.group(0)), plain)):
        guide.links.append((plain.count("\n", 0, match.start()) + 1, match["target"]))
    for match in TERM.finditer(plain):
        guide.terms.setdefault(match["term"].strip(), plain.count("\n", 0, match.start()) + 1)
    return guide
