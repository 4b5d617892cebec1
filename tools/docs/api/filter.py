#!/usr/bin/python3
"""Shows Doxygen the comments of a public header: filter.py FILE prints the file with `///` in place of `//`.

A comment belongs to the declaration that follows it, or to the one that it stands behind on the same line. The first
comment of a file is that of the file. What is indented by four more spaces is code. Text between backticks is code.
Doxygen does not see the namespaces `detail`, friends, constraints, what a comment behind a brace says that it closes,
nor what follows "// ---- implementation".
"""
import re
import sys

COMMENT = re.compile(r"^(\s*)//(?!/)(?: (.*)|)$")
BEHIND = re.compile(r"^(.*?\S)(\s+)// (.*)$")
SPECIAL = re.compile(r"[\\@<>&#%\"]")
CLOSING = re.compile(r"^(\s*\};?)\s+// ")  # "}  // namespace starling"
RULE = re.compile(r"^-{3,}")  # "---- a part of the file -----": no declaration's comment.
HIDDEN = re.compile(r"namespace (\w+::)*detail \{$")
STRING = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)'")


FRIEND = re.compile(r"\s+friend .*;$")
DETAIL_FUNCTION = re.compile(r"\S.* detail::\w+\(.*\{$")
NAME = re.compile(r"[\w:]+\s*")
PAIRS = {"(": ")", "<": ">"}


def balanced(text: str, at: int) -> int:
    """The place behind the bracket that closes the one at `at`."""
    opening, closing, count = text[at], PAIRS[text[at]], 0
    while at < len(text):
        count += (text[at] == opening) - (text[at] == closing)
        at += 1
        if count == 0:
            return at
    raise ValueError("a bracket is not closed")


def without_constraints(text: str) -> str:
    """Doxygen 1.9 takes a clause like `requires A<T> && (B<T>)` for a part of the type that follows it."""
    while clause := re.search(r"^\s*requires (?=[\w(])", text, re.M):
        at = clause.end()
        while True:
            name = NAME.match(text, at)
            at = name.end() if name else at
            if text[at] in PAIRS:
                at = balanced(text, at)
            operator = re.compile(r"\s*(?:&&|\|\|)\s*").match(text, at)
            if not operator:
                break
            at = operator.end()
        text = text[:clause.start()] + "\n" + text[at:].lstrip()
    return text


def depth(line: str) -> int:
    """How many braces more the line opens than it closes."""
    code = STRING.sub("", line).split("//")[0]
    return code.count("{") - code.count("}")


def end_of(lines: list[str], start: int) -> int:
    """The line behind the one that closes the brace of line `start`."""
    open_braces = 0
    for at in range(start, len(lines)):
        open_braces += depth(lines[at])
        if open_braces == 0:
            return at + 1
    raise ValueError(f"line {start + 1}: a brace is not closed")


def escaped(text: str) -> str:
    """Text without the characters that Doxygen reads as commands, tags and links."""
    parts = text.split("`")
    if len(parts) % 2 == 0:  # A backtick without its partner.
        parts = [text]
    for i, part in enumerate(parts):
        part = SPECIAL.sub(lambda match: "\\" + match.group(0), part)
        parts[i] = f"<tt>{part}</tt>" if i % 2 else part
    return "".join(parts)


def is_code(text: str) -> bool:
    return text.startswith("    ")


def block(lines: list[str], indent: str, mark: str, first: bool) -> list[str]:
    """The lines of one comment; `mark` is "///" or "///<"."""
    out = [f"{indent}{mark} @file"] if first else []
    code = False
    for text in lines:
        if is_code(text) != code and (text or not code):
            out.append(f"{indent}{mark} @{'endcode' if code else 'code{.cpp}'}")
            code = not code
        out.append(f"{indent}{mark} {text[4:] if code else escaped(text)}".rstrip())
    return out + ([f"{indent}{mark} @endcode"] if code else [])


def inside_text(line: str, at: int) -> bool:
    """Whether the column is in a string of the line."""
    return line[:at].count('"') % 2 == 1


def filtered(text: str) -> str:
    """The file for Doxygen. It has more lines than before only where a comment has code, or is the file's."""
    lines, out, i, first = without_constraints(text).split("\n"), [], 0, True
    while i < len(lines):
        if HIDDEN.match(lines[i]) or DETAIL_FUNCTION.match(lines[i]):
            while out and out[-1].startswith("template"):
                out.pop()
            i = end_of(lines, i)
            continue
        if FRIEND.match(lines[i]):
            i += 1
            continue
        if closing := CLOSING.match(lines[i]):
            out.append(closing.group(1))
            i += 1
            continue
        if lines[i].startswith("// ---- implementation"):
            return "\n".join([*out, "}" * sum(depth(line) for line in lines[:i])])
        comment, behind = COMMENT.match(lines[i]), BEHIND.match(lines[i])
        if comment:
            indent, found = comment.group(1), []
            while i < len(lines) and (more := COMMENT.match(lines[i])):
                found.append(more.group(2) or "")
                i += 1
            rule = RULE.match(found[0])
            out += [f"{indent}// {one}".rstrip() for one in found] if rule else block(found, indent, "///", first)
            if first:
                out.append("")
            first = False
            continue
        if behind and not inside_text(lines[i], len(behind.group(1) + behind.group(2))):
            column, found = len(behind.group(1) + behind.group(2)), [behind.group(3)]
            # The lines below go on if they begin in the same column.
            while i + 1 < len(lines) and (more := COMMENT.match(lines[i + 1])) and len(more.group(1)) == column:
                found.append(more.group(2) or "")
                i += 1
            marked = block(found, "", "///<", False)
            out.append(f"{behind.group(1)}{behind.group(2)}{marked[0]}")
            out += [" " * column + one for one in marked[1:]]
        else:
            out.append(lines[i])
        i += 1
    return "\n".join(out)


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as stream:
        sys.stdout.write(filtered(stream.read()))
