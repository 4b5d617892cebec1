#!/usr/bin/python3
"""Makes the reference of the configuration file, Markdown, from packaging/starling.schema.json.

The program prints the schema from the table by which it reads a configuration. This stores it, with a line for
each key of the top level:

    build/release/starling config-schema | tools/docs/config_page.py >packaging/starling.schema.json
"""
import json
import os
import sys
from types import MappingProxyType

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import texts  # noqa: E402

INTRO = {"en": """# Configuration: every key

This page is made from [starling.schema.json](../packaging/starling.schema.json), and that from the table by which the program reads
a file. [Configuration](configuration.md) says how files, variables and flags go together, and what the kinds of `websocket` do.
[Operations](operations.md) says what a reload changes without a restart. Below the meaning of a key is its environment variable.
""", "zh": """# 配置：全部配置项

本页由 [starling.schema.json](../packaging/starling.schema.json) 生成，后者来自程序读取文件所用的表。[配置](configuration.zh.md)说明文件、环境变量和选项怎样配合，以及 `websocket` 的各种类型做什么。[运维](operations.zh.md)说明重新加载不重启就能改变什么。配置项的含义之下是它的环境变量。
"""}
# What stands below the table of the guide, and not below that of this page.
BELOW = {"en": ("see below", "see [Configuration](configuration.md#keys)"),
         "zh": ("见下文", "见[配置](configuration.zh.md#配置项)")}


def is_mapping(schema: dict) -> bool:
    return "properties" in schema


def element_of(schema: dict) -> dict:
    """The mapping that the elements of a list are, or may be; empty: they are something else."""
    items = schema.get("items", {})
    for one in [items, *items.get("anyOf", [])]:
        if is_mapping(one):
            return one
    return {}


def type_of(schema: dict, say: texts.Texts) -> str:
    if "enum" in schema:
        return say(", ").join(f"`{json.dumps(one) if isinstance(one, bool) else one}`" for one in schema["enum"])
    kind = schema["type"]
    if isinstance(kind, list):
        return say(" or ").join(type_of({"type": one}, say) for one in kind)
    if kind == "array":
        return say("list of {}", type_of(schema["items"], say))
    low, high = schema.get("minimum"), schema.get("maximum")
    words = {"string": say("text"), "boolean": say("`true`, `false`")}.get(kind) or say(kind)
    return words if low is None else say("{}, {} to {}", words, f"{low:.15g}", f"{high:.15g}")


def default_of(schema: dict, required: bool, say: texts.Texts) -> str:
    if required:
        return say("required")
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


def row_of(key: str, schema: dict, required: bool, say: texts.Texts, guide: dict[str, str]) -> str:
    meaning = guide.get(key) or schema.get("description", "").replace("|", "\\|")
    about = "<br>".join(filter(None, [meaning.replace(*BELOW[say.language]), variable_of(key)]))
    mark = key.replace("[]", "")
    return f"| <a id=\"{mark}\"></a>`{key}` | {type_of(schema, say)} | {default_of(schema, required, say)} | {about} |\n"


def page(text: str, say: texts.Texts = texts.Texts(), guide: dict[str, str] = MappingProxyType({})) -> str:
    """The page for the text of the JSON Schema. `guide` has the meanings of keys in another language than the schema's."""
    parts = [INTRO[say.language]]
    for section, keys in groups(json.loads(text)):
        parts.append(f"\n## `{section}`\n\n" if section else f"\n## {say('Keys without a section')} {{#keys-without-a-section}}\n\n")
        parts.append(f"| {say('key')} | {say('type')} | {say('default')} | {say('meaning')} |\n|---|---|---|---|\n")
        parts += [row_of(key, one, required, say, guide) for key, one, required in keys]
    return "".join(parts)


def stored(schema: dict) -> str:
    """The schema as a file with a line for each key of the top level."""
    lines = [f"    {json.dumps(key)}: {json.dumps(one, ensure_ascii=False)}" for key, one in schema["properties"].items()]
    others = [f"  {json.dumps(key)}: {json.dumps(one, ensure_ascii=False)}" for key, one in schema.items() if key != "properties"]
    return "{\n" + ",\n".join(others) + ',\n  "properties": {\n' + ",\n".join(lines) + "\n  }\n}\n"


if __name__ == "__main__":
    sys.stdout.write(stored(json.load(sys.stdin)))
