"""Makes the page of the HTTP APIs, Markdown, from docs/openapi.yaml."""
import json
import os
import re
import sys

import yaml

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import texts  # noqa: E402

INTRO = {"en": """# HTTP APIs

This page is made from [openapi.yaml](openapi.yaml), an OpenAPI 3.1 file for editors, generators and consoles. A test checks the
file against a running server: every route is in it, and every answer is as it says.
""", "zh": """# HTTP API

本页由 [openapi.yaml](openapi.yaml) 生成，它是供编辑器、代码生成器和控制台使用的 OpenAPI 3.1 文件（英文）。一项测试用运行中的服务器检查该文件：每个路由都在其中，每个应答都与它所写的一致。
"""}
KEYS = {"apiKey": "`X-Api-Key: KEY`", "bearer": "`Authorization: Bearer KEY`", "basic": "`Authorization: Basic` with the key as password"}
SHOWN = ("tags", "paths", "components")  # The parts of the file that the page shows.


class Description:
    def __init__(self, text: str, say: texts.Texts = texts.Texts()) -> None:
        self.root = yaml.safe_load(text)
        self.say = say

    def resolve(self, value: dict) -> dict:
        if "$ref" not in value:
            return value
        found = self.root
        for name in value["$ref"][2:].split("/"):
            found = found[name]
        return found


def cell(text: str) -> str:
    return re.sub(r"\s+", " ", str(text)).strip().replace("|", "\\|")


def words_of(text: str) -> str:
    """A text of the file as one line, as chinese.json has it."""
    return re.sub(r"\s+", " ", text).strip()


def shown_texts(root: dict) -> list[str]:
    """The texts of the file that the page shows in words."""
    def inside(value: object) -> list[str]:
        if isinstance(value, list):
            return [found for one in value for found in inside(one)]
        if not isinstance(value, dict):
            return []
        return [words_of(one) for key, one in value.items() if key in ("summary", "description") and isinstance(one, str)] + \
            [found for one in value.values() for found in inside(one)]

    return list(dict.fromkeys([tag["name"].capitalize() for tag in root["tags"]]
                              + [found for part in SHOWN for found in inside(root.get(part))]))


def limits_of(schema: dict, say: texts.Texts) -> str:
    """', 1 to 255' for the limits of a schema."""
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None and high is not None:
        return say(", {} to {}", low, high)
    return say(", at least {}", low) if low is not None and low > 0 else ""


def type_of(schema: dict, say: texts.Texts = texts.Texts()) -> str:
    """A few words, with a link to the section of a named schema."""
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[1]
        return f"[{name}](#schema-{name.lower()})"
    if "const" in schema:
        return f"`{json.dumps(schema['const'])}`"
    if "enum" in schema:
        return say(", ").join(f"`{json.dumps(value)}`" for value in schema["enum"])
    for key in ("oneOf", "anyOf"):
        if key in schema and "type" not in schema:
            return say(" or ").join(type_of(one, say) for one in schema[key])
    if schema.get("type") == "array":
        return say("list of {}", type_of(schema.get("items", {}), say))
    words = say(schema.get("type", "anything")) + limits_of(schema, say)
    return say("{}; `{}` by default", words, json.dumps(schema["default"])) if "default" in schema else words


def rows_of(schema: dict, say: texts.Texts, prefix: str = "") -> list[str]:
    """A row for each field, those of objects inside too."""
    rows = []
    for name, one in schema.get("properties", {}).items():
        need = say("yes") if name in schema.get("required", []) else ""
        meaning = say(words_of(one.get("description", "")))
        rows.append(f"| `{prefix}{name}` | {cell(type_of(one, say))} | {need} | {cell(meaning)} |\n")
        inner = one.get("items", one) if one.get("type") == "array" else one
        if inner.get("type") == "object":
            rows += rows_of(inner, say, f"{prefix}{name}{'[]' if inner is not one else ''}.")
    return rows


def table(heads: list[str], rows: list[str], say: texts.Texts) -> str:
    return f"| {' | '.join(map(say, heads))} |\n{'|---' * len(heads)}|\n{''.join(rows)}\n" if rows else ""


def fields(schema: dict, say: texts.Texts) -> str:
    return table(["field", "type", "required", "meaning"], rows_of(schema, say), say)


def parameters(description: Description, operation: dict) -> str:
    say, rows = description.say, []
    for one in (description.resolve(one) for one in operation.get("parameters", [])):
        need = say(" (required)") if one.get("required") else ""
        meaning = say(words_of(one.get("description") or description.resolve(one["schema"]).get("description", "")))
        rows.append(f"| `{one['name']}`{need} | {say(one['in'])} | {cell(type_of(one['schema'], say))} | {cell(meaning)} |\n")
    return table(["parameter", "in", "type", "meaning"], rows, say)


def body(description: Description, operation: dict) -> str:
    content, say = operation.get("requestBody", {}).get("content", {}).get("application/json"), description.say
    if not content:
        return ""
    simple = "properties" not in content["schema"]
    text = (say("Body: {}.", type_of(content["schema"], say)) if simple else say("Body:")) + "\n\n"
    text += fields(content["schema"], say)
    if "example" in content:
        text += f"```json\n{json.dumps(content['example'], ensure_ascii=False)}\n```\n\n"
    return text


def answers(description: Description, operation: dict) -> str:
    say, rows = description.say, []
    for status, one in operation["responses"].items():
        one = description.resolve(one)
        kinds = say(", ").join(type_of(content["schema"], say) if kind == "application/json" else f"`{kind}`"
                               for kind, content in one["content"].items())
        headers = "".join(say("; with `{}`", name) for name in one.get("headers", {}))
        rows.append(f"| {status} | {cell(say(words_of(one['description'])))}{headers} | {cell(kinds)} |\n")
    return table(["status", "answer", "content"], rows, say)


def operation_section(description: Description, method: str, path: str, operation: dict) -> str:
    say = description.say
    keys = say(" or ").join(say(KEYS[name]) for one in operation["security"] for name in one)
    about = [say.sentence(words_of(operation[key])) for key in ("summary", "description") if key in operation]
    return (f"### {method.upper()} {path} {{#{operation['operationId']}}}\n\n{say.joined(about)}\n\n"
            + (say("Key: {}.", keys) if keys else say("Needs no key.")) + "\n\n"
            + parameters(description, operation) + body(description, operation)
            + answers(description, operation))


def schema_section(name: str, schema: dict, say: texts.Texts) -> str:
    about = words_of(schema.get("description", ""))
    text = f"### {name} {{#schema-{name.lower()}}}\n\n" + (say.sentence(about) + "\n\n" if about else "")
    return text + (fields(schema, say) or f"{type_of(schema, say)}\n\n")


def page(text: str, say: texts.Texts = texts.Texts()) -> str:
    """The page for the text of openapi.yaml."""
    description = Description(text, say)
    parts = [INTRO[say.language]]
    for tag in description.root["tags"]:
        name = tag["name"].capitalize()
        parts.append(f"\n## {say(name)} {{#{tag['name']}}}\n\n{say(words_of(tag['description']))}\n\n")
        for path, methods in description.root["paths"].items():
            parts += [operation_section(description, method, path, operation)
                      for method, operation in methods.items() if tag["name"] in operation["tags"]]
    parts.append(f"\n## {say('Schemas')} {{#schemas}}\n\n")
    parts += [schema_section(name, schema, say) for name, schema in description.root["components"]["schemas"].items()]
    return "".join(parts)


if __name__ == "__main__":  # For tools/lint, whose Python may have no YAML: docs/openapi.yaml in, JSON out.
    FILE = yaml.safe_load(sys.stdin)
    json.dump({"file": FILE, "texts": shown_texts(FILE)}, sys.stdout, ensure_ascii=False)
