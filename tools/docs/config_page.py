#!/usr/bin/python3
"""Makes the reference of the configuration file, Markdown, from packaging/starling.schema.json.

The program prints the schema from the table by which it reads a configuration. This stores it, with a line for
each key of the top level:

    build/release/starling config-schema | tools/docs/config_page.py >packaging/starling.schema.json
"""
import json
import sys

INTRO = """# Configuration: every key

This page is made from [starling.schema.json](../packaging/starling.schema.json), and that from the table by which the program reads
a file. [Configuration](configuration.md) says how files, variables and flags go together, and what the kinds of `websocket` do.
[Operations](operations.md) says what a reload changes without a restart.
"""


def is_mapping(schema: dict) -> bool:
    return "properties" in schema


def element_of(schema: dict) -> dict:
    """The mapping that the elements of a list are, or may be; empty: they are something else."""
    items = schema.get("items", {})
    for one in [items, *items.get("anyOf", [])]:
        if is_mapping(one):
            return one
    return {}


def type_of(schema: dict) -> str:
    if "enum" in schema:
        return ", ".join(f"`{json.dumps(one) if isinstance(one, bool) else one}`" for one in schema["enum"])
    kind = schema["type"]
    if isinstance(kind, list):
        return " or ".join(kind)
    if kind == "array":
        return "list of " + type_of(schema["items"])
    low, high = schema.get("minimum"), schema.get("maximum")
    words = {"string": "text", "boolean": "`true`, `false`"}.get(kind, kind)
    return words if low is None else f"{words}, {low:.15g} to {high:.15g}"


def default_of(schema: dict, required: bool) -> str:
    if required:
        return "required"
    if "default" not in schema:
        return ""
    return f"`{json.dumps(schema['default'], ensure_ascii=False)}`" if schema["default"] != "" else '`""`'


def variable_of(key: str) -> str:
    return "" if "[]" in key else "`STARLING_" + key.upper().replace(".", "__") + "`"


def leaves(schema: dict, prefix: str = "") -> list[tuple[str, dict, bool]]:
    """(key, schema, required) of each key below `schema`, in the order of the table."""
    found = []
    for name, one in schema["properties"].items():
        key, required = prefix + name, name in schema.get("required", [])
        if is_mapping(one):
            found += leaves(one, f"{key}.")
        elif element := element_of(one):
            found += leaves(element, f"{key}[].")
        else:
            found.append((key, one, required))
    return found


def groups(schema: dict) -> list[tuple[str, list]]:
    """The keys that stand alone first, then those of each section."""
    keys = leaves(schema)
    name = {key: key.replace("[]", "").split(".")[0] for key, _, _ in keys}
    alone = [one for one in keys if name[one[0]] == one[0]]
    sections = dict.fromkeys(name[key] for key, _, _ in keys if name[key] != key)
    return [("", alone)] + [(section, [one for one in keys if name[one[0]] == section and one not in alone])
                            for section in sections]


def page(text: str) -> str:
    """The page for the text of the JSON Schema."""
    parts = [INTRO]
    for section, keys in groups(json.loads(text)):
        parts.append(f"\n## {f'`{section}`' if section else 'Keys without a section'}\n\n")
        parts.append("| key | type | default | meaning | variable |\n|---|---|---|---|---|\n")
        for key, one, required in keys:
            meaning = one.get("description", "").replace("|", "\\|")
            parts.append(f"| <a id=\"{key.replace('[]', '')}\"></a>`{key}` | {type_of(one)} | {default_of(one, required)} | {meaning} | "
                         f"{variable_of(key)} |\n")
    return "".join(parts)


def stored(schema: dict) -> str:
    """The schema as a file with a line for each key of the top level."""
    lines = [f"    {json.dumps(key)}: {json.dumps(one, ensure_ascii=False)}" for key, one in schema["properties"].items()]
    others = [f"  {json.dumps(key)}: {json.dumps(one, ensure_ascii=False)}" for key, one in schema.items() if key != "properties"]
    return "{\n" + ",\n".join(others) + ',\n  "properties": {\n' + ",\n".join(lines) + "\n  }\n}\n"


if __name__ == "__main__":
    sys.stdout.write(stored(json.load(sys.stdin)))
